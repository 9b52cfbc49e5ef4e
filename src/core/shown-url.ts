/** An address as it may be shown: without user, password, query and fragment, which may hold secrets. */
export function toShownUrl(text: string): string {
  return text.replace(/[?#].*$/s, '').replace(/^([a-z]+:\/\/)?[^/]*@/i, '$1');
}
