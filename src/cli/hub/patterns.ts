/** Shell patterns as the Hub's own tools read them: `*` goes over `/` too, and a folder (`logs/`) means all that is in it. */
export function matchesPattern(name: string, pattern: string): boolean {
  const whole = pattern.endsWith('/') ? `${pattern}*` : pattern;
  const source = whole.replaceAll(
    /\*|\?|\[(!?)(\]?[^\]]*)\]|[^*?[]+|\[/gs,
    (part, negated?: string, set?: string) => {
      if (part === '*') return '.*';
      if (part === '?') return '.';
      if (set !== undefined)
        return `[${negated === '!' ? '^' : ''}${set.replaceAll(/[\\\]^[]/g, String.raw`\$&`)}]`;
      return part.replaceAll(/[\\^$.|+()[\]{}]/g, String.raw`\$&`);
    },
  );
  return new RegExp(`^${source}$`, 's').test(name);
}
