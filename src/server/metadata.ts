/** Metadata as REST shows it: only the texts, since clients refuse an answer that has anything else (wire-protocol 3.9). */
export function onlyTexts(metadata: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(metadata).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
