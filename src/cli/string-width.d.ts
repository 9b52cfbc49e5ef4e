/** The version that the tables are measured with, which has no types of its own. */
declare module 'string-width' {
  /** Columns that a text takes on the screen. */
  export default function stringWidth(text: string): number;
}
