/** How values look in tables: as in the official program (features CLI-18 to CLI-20). */

const unknown = 'N/A';
const sizeUnits = ['KB', 'MB', 'GB', 'TB', 'PB', 'EB'];

/** `512 B`, `1.5 KB`, …; base 1024. */
export function formatBytes(bytes: number | null | undefined): string {
  if (bytes === null || bytes === undefined || !(bytes >= 0)) return unknown;
  if (bytes < 1024) return `${Math.floor(bytes)} B`;
  let size = bytes / 1024;
  let unit = 0;
  while (size >= 1024 && unit < sizeUnits.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${size.toFixed(1)} ${sizeUnits[unit]}`;
}

/** `3 hours ago`, `in 2 days`, or the date when it is more than 30 days away. `time` is the wire's string. */
export function formatRelativeTime(time: string | null | undefined, now: number): string {
  const at = time === null || time === undefined ? Number.NaN : Date.parse(time);
  if (Number.isNaN(at)) return unknown;
  const distance = describeDistance(Math.abs(now - at) / 1000);
  if (distance === undefined) return new Date(at).toISOString().slice(0, 10);
  if (at > now) return `in ${distance === '' ? 'less than a minute' : distance}`;
  return distance === '' ? 'just now' : `${distance} ago`;
}

/** Empty for a moment, undefined for so long that only the date helps. */
function describeDistance(seconds: number): string | undefined {
  const days = Math.floor(seconds / 86_400);
  if (days > 30) return undefined;
  if (days > 7) return plural(Math.floor(days / 7), 'week');
  if (days > 0) return plural(days, 'day');
  if (seconds > 3600) return plural(Math.floor(seconds / 3600), 'hour');
  return seconds > 60 ? plural(Math.floor(seconds / 60), 'minute') : '';
}

/** `1 run`, `3 runs`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** `Never` when nothing says otherwise. */
export function formatExpiry(time: string | null | undefined, now: number): string {
  return time === null || time === undefined ? 'Never' : formatRelativeTime(time, now);
}

export function formatBoolean(value: boolean): string {
  return value ? 'Yes' : 'No';
}

/** `Yes (Rank 32)`; `Yes` when the rank is not told. */
export function formatLora({
  is_lora,
  lora_rank,
}: {
  is_lora: boolean;
  lora_rank?: number | null | undefined;
}): string {
  return is_lora && typeof lora_rank === 'number' ? `Yes (Rank ${lora_rank})` : formatBoolean(is_lora);
}

/** Seconds as `HH:MM:SS`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return parts.map((part) => String(part).padStart(2, '0')).join(':');
}

/** Text from elsewhere must not steer the terminal: control characters are shown, not sent. */
export function withoutControlCharacters(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, (character) =>
    character === '\n' || character === '\t'
      ? ' '
      : `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}
