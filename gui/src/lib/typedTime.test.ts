import { describe, expect, it, vi } from 'vitest';
import { formatTime } from './format';
import { parseTypedTime, zonedTime } from './typedTime';

// A zone with summer time.
vi.stubEnv('TZ', 'Europe/Berlin');

describe('a typed time', () => {
  const now = Date.UTC(2026, 10, 21, 12);
  const iso = (text: string, zone: 'utc' | 'local') => {
    const ms = parseTypedTime(text, zone, now);
    return ms === null ? null : new Date(ms).toISOString();
  };
  it.each([
    ['2026-11-21 10:30', 'local', '2026-11-21T09:30:00.000Z'],
    ['2026-11-21 10:30', 'utc', '2026-11-21T10:30:00.000Z'],
    ['2026-07-01T10:30:15.250', 'local', '2026-07-01T08:30:15.250Z'],
    ['2026-11-21', 'local', '2026-11-20T23:00:00.000Z'],
    ['2026-11-21', 'utc', '2026-11-21T00:00:00.000Z'],
    ['2026-11-21 10:30Z', 'local', '2026-11-21T10:30:00.000Z'],
    ['2026-11-21 10:30 UTC', 'local', '2026-11-21T10:30:00.000Z'],
    ['2026-11-21 10:30+05:30', 'local', '2026-11-21T05:00:00.000Z'],
    ['2026-11-21 10:30:00\u221203:00', 'utc', '2026-11-21T13:30:00.000Z'],
    ['2h', 'local', '2026-11-21T10:00:00.000Z'],
    ['90 m ago', 'utc', '2026-11-21T10:30:00.000Z'],
    ['now', 'utc', '2026-11-21T12:00:00.000Z'],
  ] as const)('%j in %s is %s', (text, zone, expected) => expect(iso(text, zone)).toBe(expected));
  it.each(['2026-02-31', '2026-11-21 25:00', 'yesterday', '', '10:30', '2026-13-01'])('refuses %j', (text) => {
    expect(iso(text, 'utc')).toBeNull();
    expect(iso(text, 'local')).toBeNull();
  });
  it.each(['utc', 'local'] as const)('reads what is shown, in %s', (zone) => {
    for (const at of [Date.UTC(2026, 0, 5, 1, 2, 3, 45), Date.UTC(2026, 6, 5, 1, 2, 3)]) {
      expect(parseTypedTime(formatTime(at, zone), zone, now)).toBe(at);
      expect(parseTypedTime(zonedTime(at, zone), zone === 'utc' ? 'local' : 'utc', now)).toBe(at);
    }
  });
  it('says the zone', () => {
    expect(zonedTime('2026-11-21T09:30:00Z', 'utc')).toBe('2026-11-21 09:30:00 UTC');
    expect(zonedTime('2026-11-21T09:30:00Z', 'local')).toBe('2026-11-21 10:30:00+01:00');
    expect(zonedTime('soon', 'local')).toBe('soon');
  });
});
