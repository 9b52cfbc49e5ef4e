/** An address as it may be shown, whether it is one or not: without user, password, query and fragment, which may hold secrets. */
export function toShownUrl(text: string): string {
  const bare = text.replace(/[?#].*$/s, '');
  const url = URL.parse(text);
  if (url === null || url.host === '') return bare.replace(/^.*@/s, '');
  return url.username === '' && url.password === '' ? bare : `${url.protocol}//${url.host}${url.pathname}`;
}
