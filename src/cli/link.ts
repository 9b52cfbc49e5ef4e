/** A link that a terminal can open (OSC 8), its text being the address; plain text elsewhere. */
export function toLink(url: string, stream: { isTTY: boolean }): string {
  return stream.isTTY ? `\u001b]8;;${url}\u001b\\${url}\u001b]8;;\u001b\\` : url;
}
