/** East Asian characters and pictures take two columns on the screen. */
const wideCharacter =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{3fffd}]/u;

/** Columns that a text takes on the screen. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) width += wideCharacter.test(character) ? 2 : 1;
  return width;
}

/** Lines of at most `width` columns, broken between words; a word that is wider has a line of its own. */
export function fold(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && displayWidth(last) + 1 + displayWidth(word) <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** A word that is wider than `width`, such as a path, goes on in the next line. */
export function breakLongWords(text: string, width: number): string {
  const words = text
    .split(' ')
    .map((word) => (displayWidth(word) <= width ? word : `\n${chunk(word, width)}`));
  return words.join(' ').replace(/^\n/, '');
}

function chunk(word: string, width: number): string {
  let column = 0;
  let chunks = '';
  for (const character of word) {
    const wide = displayWidth(character);
    if (column + wide > width) {
      chunks += '\n';
      column = 0;
    }
    chunks += character;
    column += wide;
  }
  return chunks;
}
