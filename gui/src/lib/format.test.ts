import { describe, expect, it } from 'vitest';
import { formatAgo, formatBytes, formatDuration, formatTime, parseAmount, parseTime } from './format';

describe('times', () => {
  const at = Date.UTC(2026, 10, 21, 12, 3, 4, 512);
  it.each([
    ['2026-11-21T12:03:04.512Z'],
    ['2026-11-21 12:03:04.512'],
    ['2026-11-21T13:03:04.512+01:00'],
    [at],
    [at / 1e3],
    [at * 1e3],
    [at * 1e6],
    [String(at / 1e3)],
  ])('reads %j', (value) => expect(parseTime(value)).toBeCloseTo(at, -1));
  it.each([[null], [''], ['soon'], [{}], [-1], [Number.NaN]])('refuses %j', (value) => expect(parseTime(value)).toBeNull());
  it('writes UTC', () => {
    expect(formatTime(at, 'utc')).toBe('2026-11-21 12:03:04.512Z');
    expect(formatTime(at, 'utc', false)).toBe('2026-11-21 12:03:04Z');
  });
  it('writes ages', () => {
    expect(formatAgo(0, 42_000)).toBe('42 s ago');
    expect(formatAgo(0, 3 * 3_600_000)).toBe('3 h ago');
    expect(formatAgo(60_000, 0)).toBe('in 1 m');
    expect(formatAgo(0, 500)).toBe('just now');
  });
});

it.each([
  [0, '0 ms'],
  [412, '412 ms'],
  [3_240, '3.2 s'],
  [250_000, '4 m 10 s'],
  [7_500_000, '2 h 5 m'],
  [86_400_000, '1 d'],
  [-600, '−600 ms'],
])('duration %d is %s', (ms, text) => expect(formatDuration(ms)).toBe(text));

it.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1536, '1.50 KiB'],
  [12_582_912, '12.0 MiB'],
  [412e9, '384 GiB'],
])('%d bytes are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

it.each([
  ['4096', 4096, false],
  [' -1.5 ', -1.5, false],
  ['500M', 524_288_000, true],
  ['2 GiB', 2_147_483_648, true],
  ['7b', 7, false],
])('reads the amount %j', (text, value, isSize) => expect(parseAmount(text)).toEqual({ value, isSize }));
it.each(['', 'many', '1.2.3', '5 X', '.', '0x10'])('refuses the amount %j', (text) => expect(parseAmount(text)).toBeNull());
