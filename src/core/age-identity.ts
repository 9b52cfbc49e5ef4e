/** Whether a text has the form of a secret key of age (`AGE-SECRET-KEY-1…`). */
export function isAgeIdentity(text: string): boolean {
  return /^AGE-SECRET-KEY-[0-9A-Z-]+$/.test(text);
}
