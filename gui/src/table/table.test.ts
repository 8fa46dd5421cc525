import { describe, expect, it, vi } from 'vitest';
import type { TablePage } from '../api/types';
import { alikeTexts } from './FacetPanel';
import { parseValue } from './FilterForm';
import { cellText, foldJson, kindOf } from './kinds';
import { spread } from './layout';
import { PAGE_ROWS, RowPages } from './pages';
import { lastFirst } from './source';
import { moveColumn, nextSort, readState, visibleColumns, withFilter, writeState, type TableState } from './state';
import { MAX_SCROLL, scrollToRow, viewport } from './viewport';
import { toVql } from './vql';

const EMPTY_STATE = readState(new URLSearchParams());

describe('state in the address', () => {
  const roundTrip = (state: TableState) => readState(new URLSearchParams(writeState(new URLSearchParams('source=A/B'), state).toString()));
  it.each<[string, Partial<TableState>]>([
    ['nothing', {}],
    ['a search', { quick: 'a&b=c +d' }],
    ['a sort', { sort: { column: 'Size: total', desc: true } }],
    ['filters', { filters: [{ column: 'Name', op: 'regex', value: '^a,b"$' }, { column: 'Pid', op: 'ge', value: 4 }, { column: 'X', op: 'is_null', value: null }, { column: 'Y', op: 'in', value: ['a', 'b'] }] }],
    ['columns', { columns: ['a,b', 'c', 'ünï'], pinned: ['a,b'] }],
    ['a row', { row: 12_345 }],
    ['a group', { group: 'Name' }],
  ])('%s comes back', (_, part) => {
    const state = { ...EMPTY_STATE, ...part };
    expect(roundTrip(state)).toEqual(state);
  });
  it('leaves other parameters alone', () => expect(writeState(new URLSearchParams('source=A%2FB&q=x'), EMPTY_STATE).toString()).toBe('source=A%2FB'));
  it.each(['filter=%5B', 'filter=%7B%7D', 'filter=%5B1%5D', 'sort=Name', 'row=-1', 'row=1e9', 'cols=%25E0%25A4'])('survives %s', (query) => {
    expect(() => readState(new URLSearchParams(query))).not.toThrow();
    expect(readState(new URLSearchParams(query)).filters).toEqual([]);
  });
});

describe('columns and filters', () => {
  it('hides underscore columns, unless all are', () => {
    expect(visibleColumns(['a', '_b'], EMPTY_STATE)).toEqual(['a']);
    expect(visibleColumns(['_a', '_b'], EMPTY_STATE)).toEqual(['_a', '_b']);
    expect(visibleColumns(['_ts', 'a'], EMPTY_STATE, [], ['_ts'])).toEqual(['_ts', 'a']);
  });
  it('puts pinned columns first and forgets unknown ones', () => expect(visibleColumns(['a', 'b', 'c'], { columns: ['c', 'gone', 'b'], pinned: ['b', 'gone'] })).toEqual(['b', 'c']));
  it('moves columns', () => {
    expect(moveColumn(['a', 'b', 'c'], 'a', 'c')).toEqual(['b', 'c', 'a']);
    expect(moveColumn(['a', 'b', 'c'], 'c', 'a')).toEqual(['c', 'a', 'b']);
    expect(moveColumn(['a'], 'x', 'a')).toEqual(['a']);
  });
  it('steps through sorts', () => {
    const up = nextSort(null, 'a');
    expect(up).toEqual({ column: 'a', desc: false });
    expect(nextSort(up, 'a')).toEqual({ column: 'a', desc: true });
    expect(nextSort({ column: 'a', desc: true }, 'a')).toBeNull();
  });
  it('replaces a filter by its opposite', () => {
    const keep = withFilter([], { column: 'a', op: 'eq', value: 1 });
    expect(withFilter(keep, { column: 'a', op: 'ne', value: 1 })).toEqual([{ column: 'a', op: 'ne', value: 1 }]);
    expect(withFilter(keep, { column: 'a', op: 'eq', value: 1 })).toHaveLength(1);
  });
  it('writes the equivalent VQL', () =>
    expect(toVql("source(flow_id='F.1')", { quick: "o'b", sort: { column: 'Size', desc: true }, filters: [{ column: 'My Name', op: 'contains', value: 'a.b' }, { column: 'Size', op: 'ge', value: 10 }] }, ['Size'], ['Size'])).toBe(
      "SELECT Size\nFROM source(flow_id='F.1')\nWHERE `My Name` =~ 'a\\\\.b'\n  AND Size >= 10\n  AND (Size =~ 'o\\'b')\nORDER BY Size DESC",
    ));
});

describe('viewport', () => {
  it('is exact for small tables', () => {
    const view = viewport(1_000, 28, 2_800, 280);
    expect(view.height).toBe(28_000);
    expect(view.first).toBeLessThanOrEqual(100);
    expect(view.last).toBeGreaterThanOrEqual(110);
    expect(view.top(100)).toBe(2_800);
  });
  it('reaches the last of ten million rows', () => {
    const rows = 10_000_000;
    const bottom = MAX_SCROLL - 600;
    const view = viewport(rows, 28, bottom, 600);
    expect(view.height).toBe(MAX_SCROLL);
    expect(view.last).toBe(rows - 1);
    expect(view.top(rows - 1) + 28).toBeCloseTo(MAX_SCROLL, 3);
    expect(view.last - view.first).toBeLessThan(60);
  });
  it('scrolls a row into view, and not when it is', () => {
    const rows = 10_000_000;
    for (const row of [0, 5_000_000, rows - 1]) {
      const top = scrollToRow(row, rows, 28, 1_000, 600);
      const view = viewport(rows, 28, top, 600);
      expect(view.first).toBeLessThanOrEqual(row);
      expect(view.last).toBeGreaterThanOrEqual(row);
      expect(scrollToRow(row, rows, 28, top, 600)).toBeCloseTo(top, 3);
    }
  });
});

describe('pages', () => {
  const answer = (offset: number, total: number): TablePage => ({ columns: [{ name: 'n' }], total, offset, rows: Array.from({ length: Math.max(0, Math.min(PAGE_ROWS, total - offset)) }, (_, at) => [offset + at]), complete: false });
  it('fetches what is seen, once', async () => {
    const fetch = vi.fn((offset: number) => Promise.resolve(answer(offset, 1_000)));
    const pages = new RowPages(fetch);
    pages.need(0, 30);
    pages.need(0, 30);
    await vi.waitFor(() => expect(pages.total).toBe(1_000));
    pages.need(190, 420);
    await vi.waitFor(() => expect(pages.row(420)).toEqual([420]));
    expect(fetch.mock.calls.map(([offset]) => offset)).toEqual([0, 200, 400]);
  });
  it('grows without blanking what is shown', async () => {
    let total = 150;
    const pages = new RowPages((offset) => Promise.resolve(answer(offset, total)));
    pages.need(0, 30);
    await vi.waitFor(() => expect(pages.total).toBe(150));
    total = 300;
    pages.grow(300);
    expect(pages.total).toBe(300);
    expect(pages.row(149)).toEqual([149]);
    await vi.waitFor(() => expect(pages.row(199)).toEqual([199]));
  });
  it('does not shrink to an answer older than a push', async () => {
    const pages = new RowPages((offset) => Promise.resolve(answer(offset, 10)));
    pages.need(0, 9);
    pages.grow(50);
    await vi.waitFor(() => expect(pages.row(0)).toEqual([0]));
    expect(pages.total).toBe(50);
  });
  it('drops requests for pages scrolled past', () => {
    const signals: AbortSignal[] = [];
    const pages = new RowPages((_, __, signal) => {
      signals.push(signal);
      return new Promise(() => undefined);
    });
    pages.need(0, 10);
    pages.need(100_000, 100_010);
    expect(signals[0]?.aborted).toBe(true);
  });
  it('keeps an error until asked again', async () => {
    let fail = true;
    const pages = new RowPages((offset) => (fail ? Promise.reject(new Error('down')) : Promise.resolve(answer(offset, 5))));
    pages.need(0, 4);
    await vi.waitFor(() => expect(pages.error?.message).toContain('down'));
    fail = false;
    pages.refresh();
    await vi.waitFor(() => expect(pages.total).toBe(5));
    expect(pages.error).toBeNull();
  });
});

it('compares moments as times in VQL, and NULL as NULL', () => {
  const where = (filters: TableState['filters']) => toVql('source()', { quick: '', sort: null, filters }, null, ['When']).split('\n')[2];
  expect(where([{ column: 'When', op: 'ge', value: '2026-11-21T09:30:00.000Z' }])).toBe("WHERE timestamp(epoch=When) >= timestamp(epoch='2026-11-21T09:30:00.000Z')");
  expect(where([{ column: 'When', op: 'is_null', value: null }])).toBe('WHERE When = NULL');
  expect(where([{ column: 'When', op: 'not_null', value: null }])).toBe('WHERE When != NULL');
});

describe('kinds', () => {
  it.each([
    [{ name: 'StartTime' }, ['2026-11-21T00:00:00Z'], 'time'],
    [{ name: 'Mtime' }, [1_700_000_000], 'time'],
    [{ name: 'Uptime' }, ['long'], 'text'],
    [{ name: 'Size' }, [5], 'bytes'],
    [{ name: 'Size' }, ['big'], 'text'],
    [{ name: 'Sha256' }, ['ab'], 'hash'],
    [{ name: 'OSPath' }, ['/etc'], 'path'],
    [{ name: 'Pid' }, [4], 'pid'],
    [{ name: 'CallChain' }, ['a -> b'], 'chain'],
    [{ name: 'X', type: 'json/2' }, [{}], 'json'],
    [{ name: 'X', type: 'timestamp' }, [], 'time'],
    [{ name: 'Up' }, [true, false], 'bool'],
  ] as const)('%j with %j is %s', (column, values, kind) => expect(kindOf({ ...column }, [...values])).toBe(kind));
  it('folds a large value without walking it', () => {
    let reads = 0;
    const list = new Proxy(new Array<number>(1_000_000).fill(7), {
      get: (target, key) => {
        reads += 1;
        return Reflect.get(target, key) as unknown;
      },
    });
    const text = foldJson({ list }, 50);
    expect(text.length).toBeLessThanOrEqual(51);
    expect(text.startsWith('{list: [7, 7')).toBe(true);
    expect(reads).toBeLessThan(200);
  });
  it('bounds the depth', () => {
    let deep: unknown = 1;
    for (let at = 0; at < 10_000; at += 1) deep = [deep];
    expect(foldJson(deep as never)).toContain('…');
  });
  it('makes plain text of anything', () => expect(cellText('http://a.b/\u0007', 'text', 'utc')).toBe('hxxp://a[.]b/^G'));
});

describe('times that say nothing', () => {
  it.each([
    ['Btime', '1970-01-01T00:00:00Z', '–'],
    ['Mtime', '1970-01-01T00:00:00Z', '1970-01-01 00:00:00Z'],
    ['Mtime', '0001-01-01T00:00:00Z', '–'],
    ['EndTime', '1601-01-01T00:00:00Z', '–'],
    ['Btime', '2026-11-21T09:30:00Z', '2026-11-21 09:30:00Z'],
  ])('%s %s reads %s', (name, value, text) => expect(cellText(value, kindOf({ name, type: 'timestamp' }, [value]), 'utc')).toBe(text));
  it('knows a birth time by its values, too', () => expect(kindOf({ name: 'Btime' }, ['1970-01-01T00:00:00Z', '2026-11-21T09:30:00Z'])).toBe('birth'));
});

it('tells NULL from text', () => {
  expect(cellText(null, 'chain', 'utc')).toBe('NULL');
  expect(cellText('', 'text', 'utc')).toBe('');
});

it.each([
  ['bytes', [1_000_341_504, 1_000_341_505, 12], ['954 MiB']],
  ['time', ['2026-11-21T09:30:00.000001Z', '2026-11-21T09:30:00.000002Z'], ['2026-11-21 09:30:00Z']],
  ['text', ['1', 1, 'a'], ['1']],
] as const)('values of kind %s that look alike are known', (kind, values, alike) => expect([...alikeTexts([...values], kind, 'utc')]).toEqual(alike));

it('reads a time filter in the zone that is shown', () => {
  vi.stubEnv('TZ', 'Europe/Berlin');
  expect(parseValue('2026-11-21 10:30', 'ge', 'time', 'local')).toEqual({ value: '2026-11-21T09:30:00.000Z' });
  expect(parseValue('2026-11-21 10:30', 'ge', 'birth', 'utc')).toEqual({ value: '2026-11-21T10:30:00.000Z' });
  expect(parseValue('soon', 'ge', 'time', 'utc')).toHaveProperty('error');
  vi.unstubAllEnvs();
});

describe('newest first', () => {
  const query = { quick: '', sort: null, filters: [] };
  const log = () => {
    let total = 450;
    const fetch = vi.fn((_: unknown, offset: number, limit: number) => Promise.resolve<TablePage>({ columns: [{ name: 'n' }], total, offset, rows: Array.from({ length: Math.max(0, Math.min(limit, total - offset)) }, (__, at) => [offset + at]), complete: false }));
    return { fetch, grow: (by: number) => (total += by) };
  };
  const numbers = (page: TablePage) => page.rows.map((row) => row[0]);
  const signal = new AbortController().signal;
  it('counts windows from the end, each row once', async () => {
    const { fetch } = log();
    const reversed = lastFirst(fetch);
    const pages = await Promise.all([0, 200, 400].map((offset) => reversed(query, offset, 200, signal)));
    expect(pages.flatMap(numbers)).toEqual(Array.from({ length: 450 }, (_, at) => 449 - at));
    expect(pages.map((page) => page.total)).toEqual([450, 450, 450]);
  });
  it('keeps its windows together while rows come, and moves on with the first', async () => {
    const { fetch, grow } = log();
    const reversed = lastFirst(fetch);
    expect(numbers(await reversed(query, 0, 200, signal))[0]).toBe(449);
    grow(10);
    expect(numbers(await reversed(query, 200, 200, signal))[0]).toBe(249);
    const [first, second] = await Promise.all([reversed(query, 0, 200, signal), reversed(query, 200, 200, signal)]);
    expect([numbers(first)[0], numbers(second)[0]]).toEqual([459, 259]);
  });
  it('leaves a chosen order to the server', async () => {
    const { fetch } = log();
    expect(numbers(await lastFirst(fetch)({ ...query, sort: { column: 'n', desc: false } }, 0, 2, signal))).toEqual([0, 1]);
  });
});

it('knows how long the longest number of a column is, also far down', async () => {
  const pages = new RowPages((offset) => Promise.resolve({ columns: [{ name: 'id' }, { name: 'text' }], total: 400, offset, rows: Array.from({ length: 200 }, (_, at) => [offset === 0 ? at % 10 : 123_400 + at, 'abc']), complete: true }));
  pages.need(0, 10);
  await vi.waitFor(() => expect(pages.digits.get('id')).toBe(1));
  pages.need(200, 210);
  await vi.waitFor(() => expect(pages.digits.get('id')).toBe(6));
  expect(pages.digits.has('text')).toBe(false);
});

it('gives room that is left to columns that are cut, and takes none', () => {
  const column = (name: string, width: number, wanted: number) => ({ name, width, wanted });
  const columns = [column('whole', 100, 80), column('nearly', 100, 120), column('cut', 100, 900)];
  expect([...spread(columns, 300)]).toEqual([]);
  expect([...spread(columns, 310)]).toEqual([['nearly', 10]]);
  expect([...spread(columns, 400)]).toEqual([['nearly', 20], ['cut', 80]]);
  expect([...spread(columns, 5_000)]).toEqual([['nearly', 20], ['cut', 800]]);
  expect([...spread(columns, 0)]).toEqual([]);
});
