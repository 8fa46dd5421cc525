/** Numbers, sizes and times in human-readable form. */

export type Zone = 'utc' | 'local';

const counts = new Intl.NumberFormat('en-US');

export function formatCount(value: number): string {
  return counts.format(value);
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

export function formatBytes(bytes: number): string {
  if (!Number.isFinite(bytes)) return '';
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let value = Math.abs(bytes);
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${bytes < 0 ? '−' : ''}${value.toFixed(digits)} ${units[unit] ?? ''}`;
}

/** A number as people type it, optionally with a unit of size: `4096`, `10M`, `2 GiB`. */
export function parseAmount(text: string): { value: number; isSize: boolean } | null {
  const match = /^\s*(-?[\d.]+)\s*([kmgt]?)(i?b)?\s*$/i.exec(text);
  const unit = match?.[2]?.toLowerCase() ?? '';
  const value = Number(match?.[1] ?? Number.NaN) * (unit ? 1024 ** ('kmgt'.indexOf(unit) + 1) : 1);
  return Number.isFinite(value) ? { value, isSize: unit !== '' } : null;
}

/** `412 ms`, `3.2 s`, `4 m 10 s`, `2 h 5 m`, `3 d 4 h`. */
export function formatDuration(ms: number): string {
  const sign = ms < 0 ? '−' : '';
  const abs = Math.abs(ms);
  if (abs < 1_000) return `${sign}${Math.round(abs)} ms`;
  if (abs < 60_000) return `${sign}${(abs / 1_000).toFixed(abs < 9_950 ? 1 : 0)} s`;
  const seconds = Math.round(abs / 1_000);
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ];
  const first = parts.findIndex(([amount]) => amount > 0);
  const shown = parts.slice(first, first + 2).filter(([amount]) => amount > 0);
  return sign + shown.map(([amount, unit]) => `${amount} ${unit}`).join(' ');
}

/**
 * A time from an artifact: RFC 3339 text, or a number of seconds, milliseconds, microseconds or
 * nanoseconds since 1970, distinguished by size. Returns milliseconds, or null for an implausible time.
 */
export function parseTime(value: unknown): number | null {
  if (typeof value === 'string') {
    if (/^\d{4}-\d{2}-\d{2}/.test(value)) {
      const text = value.replace(' ', 'T');
      const ms = Date.parse(/(Z|[+-]\d{2}:?\d{2})$/.test(text) || text.length <= 10 ? text : `${text}Z`);
      return Number.isNaN(ms) ? null : ms;
    }
    if (/^\d+(\.\d+)?$/.test(value)) return parseTime(Number(value));
    return null;
  }
  if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0) return null;
  if (value < 1e11) return value * 1e3;
  if (value < 1e14) return value;
  if (value < 1e17) return value / 1e3;
  return value / 1e6;
}

const two = (value: number) => String(value).padStart(2, '0');

/** `2026-11-21 12:03:04.512Z` in UTC, with the offset spelled out in local time. */
export function formatTime(ms: number, zone: Zone, precise = true): string {
  const shift = zone === 'utc' ? 0 : -new Date(ms).getTimezoneOffset();
  const at = new Date(ms + shift * 60_000);
  const year = at.getUTCFullYear();
  if (Number.isNaN(year)) return '';
  const date = `${String(year).padStart(4, '0')}-${two(at.getUTCMonth() + 1)}-${two(at.getUTCDate())}`;
  const millis = at.getUTCMilliseconds();
  const fraction = precise && millis > 0 ? `.${String(millis).padStart(3, '0')}` : '';
  const clock = `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}${fraction}`;
  if (zone === 'utc') return `${date} ${clock}Z`;
  const sign = shift < 0 ? '−' : '+';
  return `${date} ${clock}${sign}${two(Math.floor(Math.abs(shift) / 60))}:${two(Math.abs(shift) % 60)}`;
}

/** The values that systems use for an unknown time: the zero times of Go's and of Windows' clock. */
const NEVER = [-62_135_596_800_000, -11_644_473_600_000];

/**
 * Whether a time means that there is none. File systems without birth times report the first second of 1970
 * for them; in other columns it may be a real time, so it is shown.
 */
export function isUnsetTime(value: unknown, isBirth: boolean): boolean {
  const ms = typeof value === 'number' ? value : typeof value === 'string' ? parseTime(value) : null;
  return ms !== null && (NEVER.includes(ms) || (isBirth && ms === 0));
}

/** `just now`, `42 s ago`, `3 h ago`, `in 5 m`. */
export function formatAgo(ms: number, now: number): string {
  const passed = now - ms;
  if (Math.abs(passed) < 2_000) return 'just now';
  const coarse = formatDuration(Math.abs(passed)).split(' ').slice(0, 2).join(' ').replace(/\.\d/, '');
  return passed > 0 ? `${coarse} ago` : `in ${coarse}`;
}
