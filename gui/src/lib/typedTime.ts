/** A time as typed by a person: without a zone, it is in the zone that is shown. */

import { formatTime, parseTime, type Zone } from './format';

const TYPED = /^(\d{4})-(\d\d?)-(\d\d?)(?:[T ]+(\d\d?):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?\s*(z|utc|gmt|[+-]\d\d:?\d\d)?$/i;
const AGO = /^(\d+)\s*(s|m|h|d|w)(\s+ago)?$/i;
const UNIT_MS = { s: 1e3, m: 60e3, h: 3_600e3, d: 86_400e3, w: 604_800e3 };

/** The time in milliseconds, or null when the text is not a time. `2h` is two hours before `now`. */
export function parseTypedTime(text: string, zone: Zone, now: number): number | null {
  // Times are shown with a minus sign that differs from the one on the keyboard.
  const trimmed = text.trim().replace(/\u2212/g, '-');
  if (/^now$/i.test(trimmed)) return now;
  const ago = AGO.exec(trimmed);
  if (ago) return now - Number(ago[1]) * UNIT_MS[(ago[2] ?? 's').toLowerCase() as keyof typeof UNIT_MS];
  const parts = TYPED.exec(trimmed);
  if (!parts) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.slice(1, 7).map((part) => Number(part ?? 0));
  const millis = Number((parts[7] ?? '').padEnd(3, '0').slice(0, 3));
  const utc = Date.UTC(year, month - 1, day, hour, minute, second, millis);
  const read = new Date(utc);
  // The 31st of February would silently become a day in March.
  if (read.getUTCFullYear() !== year || read.getUTCMonth() !== month - 1 || read.getUTCDate() !== day || read.getUTCHours() !== hour || read.getUTCMinutes() !== minute || read.getUTCSeconds() !== second) return null;
  const stated = parts[8]?.toLowerCase();
  if (stated === undefined) return zone === 'utc' ? utc : new Date(year, month - 1, day, hour, minute, second, millis).getTime();
  const offset = /^([+-])(\d\d):?(\d\d)$/.exec(stated);
  return offset ? utc - (offset[1] === '-' ? -1 : 1) * (Number(offset[2]) * 60 + Number(offset[3])) * 60e3 : utc;
}

/** The name of the zone that is shown, next to an input. */
export const zoneName = (zone: Zone) => (zone === 'utc' ? 'UTC' : `Local (${Intl.DateTimeFormat().resolvedOptions().timeZone})`);

/** A time with its zone, for chips and notes without context; other text is unchanged. */
export function zonedTime(value: unknown, zone: Zone): string {
  const ms = parseTime(value);
  return ms === null ? String(value) : formatTime(ms, zone, true).replace(/Z$/, ' UTC');
}
