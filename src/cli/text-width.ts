import stringWidth from 'string-width';

/** Lines of at most `width` columns, broken between words; a word that is wider has a line of its own. */
export function fold(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && stringWidth(last) + 1 + stringWidth(word) <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** A word that is wider than `width`, such as a path, goes on in the next line. */
export function breakLongWords(text: string, width: number): string {
  const words = text
    .split(' ')
    .map((word) => (stringWidth(word) <= width ? word : `\n${chunk(word, width)}`));
  return words.join(' ').replace(/^\n/, '');
}

function chunk(word: string, width: number): string {
  let column = 0;
  let chunks = '';
  for (const character of word) {
    const wide = stringWidth(character);
    if (column + wide > width) {
      chunks += '\n';
      column = 0;
    }
    chunks += character;
    column += wide;
  }
  return chunks;
}
