import { describe, expect, it, vi } from 'vitest';
import type { TablePage } from '../api/types';
import { columnTitle, withCells, type ColumnInfo } from './columns';
import { readKey } from './gridKeys';
import { layoutColumns, placeColumns, type Placing } from './layout';
import { PAGE_ROWS, RowPages } from './pages';
import { keepParts, readState } from './state';

const EMPTY_STATE = readState(new URLSearchParams());

describe('keys', () => {
  const held = { ctrlKey: false, metaKey: false, altKey: false };
  const read = (key: string, row: number, column: number, more = {}) => readKey({ key, ...held, ...more }, { row, column }, { rows: 100, columns: 5, page: 10 });
  it.each([
    ['ArrowDown', 3, 2, { row: 4, column: 2 }],
    ['ArrowDown', 99, 2, { row: 99, column: 2 }],
    ['ArrowUp', 0, 2, { row: 0, column: 2 }],
    ['ArrowLeft', 3, 0, { row: 3, column: 0 }],
    ['ArrowRight', 3, 4, { row: 3, column: 4 }],
    ['PageDown', 95, 1, { row: 99, column: 1 }],
    ['PageUp', 15, 1, { row: 5, column: 1 }],
    ['Home', 15, 3, { row: 15, column: 0 }],
    ['End', 15, 0, { row: 15, column: 4 }],
    ['j', 15, 1, { row: 16, column: 1 }],
    ['k', 15, 1, { row: 14, column: 1 }],
  ])('%s from row %i, column %i', (key, row, column, to) => expect(read(key, row, column)).toEqual(to));
  it('before any cell is chosen, each leads into the first row', () => {
    for (const key of ['ArrowDown', 'ArrowUp', 'ArrowRight', 'Home', 'End']) expect(read(key, -1, 0)).toHaveProperty('row', 0);
  });
  it('Control and Command jump', () => {
    for (const more of [{ ctrlKey: true }, { metaKey: true }]) {
      expect(read('Home', 50, 3, more)).toEqual({ row: 0, column: 0 });
      expect(read('End', 50, 3, more)).toEqual({ row: 99, column: 4 });
      expect(read('ArrowDown', 50, 3, more)).toEqual({ row: 99, column: 3 });
      expect(read('ArrowUp', 50, 3, more)).toEqual({ row: 0, column: 3 });
    }
  });
  it('letters are the browser’s while another key is held', () => {
    expect(read('f', 1, 1)).toBe('keep');
    for (const more of [{ ctrlKey: true }, { metaKey: true }, { altKey: true }]) for (const key of 'fxcsujk') expect(read(key, 1, 1, more)).toBeNull();
  });
  it('leaves alone what it does not know', () => {
    for (const key of ['Tab', 'g', 'F5', 'constructor', '']) expect(read(key, 1, 1)).toBeNull();
  });
});

describe('columns', () => {
  const names = ['Path', 'Size', 'Owner'];
  const placing = (part: Partial<Placing> = {}): Placing => ({
    names,
    pinned: [],
    layouts: new Map([
      ['Path', { kind: 'path' as const, width: 200, wanted: 500 }],
      ['Size', { kind: 'number' as const, width: 80, wanted: 80 }],
      ['Owner', { kind: 'text' as const, width: 100, wanted: 90 }],
    ]),
    widths: {},
    digits: new Map(),
    info: {},
    zone: 'utc',
    room: 0,
    ...part,
  });
  const widths = (shown: string[], part?: Partial<Placing>) => placeColumns(shown, placing(part)).map(({ width }) => width);
  it('stand one beside the other, in the order in which they are shown', () => {
    const placed = placeColumns(['Owner', 'Path'], placing({ pinned: ['Owner'] }));
    expect(placed.map(({ name, at, start, width, isPinned }) => [name, at, start, width, isPinned])).toEqual([
      ['Owner', 2, 0, 100, true],
      ['Path', 0, 100, 200, false],
    ]);
  });
  it('share the room that is left, but for those a person made as wide as they are', () => {
    expect(widths(names, { room: 480 })).toEqual([300, 80, 100]);
    expect(widths(names, { room: 480, widths: { Path: 150 } })).toEqual([150, 80, 100]);
  });
  it('are never narrower than their numbers', () => expect(widths(['Size'], { widths: { Size: 48 }, digits: new Map([['Size', 12]]) })[0]).toBeGreaterThan(110));
  it('that nothing is known of have a width', () => expect(widths(['New'], { names: ['New'] })).toEqual([140]));
  it('bear the page’s word, unless it is the name of another', () => {
    const info: Record<string, ColumnInfo> = { _ts: { title: 'Time' } };
    expect(columnTitle('_ts', ['_ts', 'Pid'], info)).toBe('Time');
    expect(columnTitle('_ts', ['_ts', 'time'], info)).toBe('_ts');
  });
  it('are as wide as what the first rows hold', () => {
    const layouts = layoutColumns([{ name: 'Path' }, { name: 'When', type: 'timestamp' }], [['/a/rather/long/path/to/some/file', null], ['/b', '2026-11-21T09:30:00Z']], {}, 'utc');
    expect(layouts.get('Path')).toMatchObject({ kind: 'path', width: 246 });
    expect(layouts.get('When')).toMatchObject({ kind: 'time', width: 194 });
  });
});

it('changes cells of a row, also to NULL', () => expect(withCells(['a', 'b', 'c'], [1, 'x'], { a: 2, b: null })).toEqual([2, null, null]));

it('keeps the parts of the state that did not change', () => {
  const read = (query: string) => readState(new URLSearchParams(query));
  const filter = encodeURIComponent('[["a","eq",1]]');
  const before = read(`filter=${filter}&cols=a,b&sort=asc:a`);
  const after = keepParts(before, read(`filter=${filter}&cols=a,b&sort=desc:a&row=3`));
  expect(after).toEqual({ ...EMPTY_STATE, filters: [{ column: 'a', op: 'eq', value: 1 }], columns: ['a', 'b'], sort: { column: 'a', desc: true }, row: 3 });
  expect(after.filters).toBe(before.filters);
  expect(after.columns).toBe(before.columns);
  expect(after.sort).not.toBe(before.sort);
});

describe('pages of rows', () => {
  const page = (offset: number, total: number, names = ['n'], text = ''): TablePage => ({
    columns: names.map((name) => ({ name })),
    total,
    offset,
    rows: Array.from({ length: Math.max(0, Math.min(PAGE_ROWS, total - offset)) }, (_, at) => names.map((name) => `${name}${text}${offset + at}`)),
    complete: false,
  });
  /** A server whose answers come when they are called for. */
  function slow() {
    const asked: { offset: number; answer: (page: TablePage) => void }[] = [];
    const pages = new RowPages((offset) => new Promise((answer) => asked.push({ offset, answer })));
    return { asked, pages };
  }
  const settle = () => new Promise((done) => setTimeout(done));
  it('does not show an answer from before a refresh, though it comes after', async () => {
    const { asked, pages } = slow();
    pages.need(0, 10);
    pages.refresh();
    asked[1]?.answer(page(0, 10, ['n'], 'new'));
    await settle();
    asked[0]?.answer(page(0, 10, ['n'], 'old'));
    await settle();
    expect(pages.row(0)).toEqual(['nnew0']);
  });
  it('does not show an answer that was scrolled past', async () => {
    const { asked, pages } = slow();
    pages.need(0, 10);
    pages.need(1_000, 1_010);
    asked[0]?.answer(page(0, 5));
    await settle();
    expect([pages.total, pages.row(0)]).toEqual([null, undefined]);
  });
  it('fetches the page of the open row beside those on the screen, and drops neither', async () => {
    const asked: number[] = [];
    const pages = new RowPages((offset) => {
      asked.push(offset);
      return Promise.resolve(page(offset, 10_000));
    });
    pages.need(0, 10);
    await vi.waitFor(() => expect(pages.total).toBe(10_000));
    pages.need(2_000, 2_010, 7_654);
    await vi.waitFor(() => expect([pages.row(2_005), pages.row(7_654)]).toEqual([['n2005'], ['n7654']]));
    expect(asked).toEqual([0, 2_000, 7_600]);
  });
  it('keeps what is looked at when there is too much', async () => {
    const pages = new RowPages((offset) => Promise.resolve(page(offset, 1_000_000)));
    for (let at = 0; at < 100; at += 1) {
      pages.need(at * PAGE_ROWS, at * PAGE_ROWS, 3);
      await settle();
    }
    expect([pages.row(3), pages.row(50 * PAGE_ROWS), pages.row(99 * PAGE_ROWS)]).toEqual([['n3'], undefined, ['n19800']]);
  });
  it('throws away rows that would stand under the wrong heads, and fetches them again', async () => {
    let names = ['a', 'b'];
    const pages = new RowPages((offset) => Promise.resolve(page(offset, 1_000, names)));
    pages.need(0, 10);
    await vi.waitFor(() => expect(pages.row(0)).toEqual(['a0', 'b0']));
    names = ['b', 'a'];
    pages.need(150, 210);
    await vi.waitFor(() => expect([pages.row(199), pages.row(200)]).toEqual([['b199', 'a199'], ['b200', 'a200']]));
    expect(pages.sample[0]).toEqual(['b0', 'a0']);
  });
  it('tells the columns from the first rows, which stay the same while others come', async () => {
    let total = 3;
    const pages = new RowPages((offset) => Promise.resolve(page(offset, total)));
    pages.need(0, 10);
    await vi.waitFor(() => expect(pages.sample).toHaveLength(3));
    const { sample, digits } = pages;
    total = 300;
    pages.grow(300);
    await vi.waitFor(() => expect(pages.row(199)).toEqual(['n199']));
    expect(pages.sample).toBe(sample);
    expect(pages.digits).toBe(digits);
  });
});
