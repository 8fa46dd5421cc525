/** The widths of a table's columns. */

import type { Column, Json } from '../api/types';
import type { Zone } from '../lib/format';
import { columnTitle, type ColumnInfo, type GridColumn } from './columns';
import { cellText, isTime, kindOf, type Kind } from './kinds';

interface ColumnLayout {
  kind: Kind;
  width: number;
  /** The width its texts would need. */
  wanted: number;
}

/** The width of a digit in the table's type, which is wider than the average letter, and the padding of a cell. */
const DIGIT = 7.7;
const CELL_SPACE = 28;
const TIME_WIDTH = { utc: 194, local: 226 };
const WIDEST_BYTES = '−1023 MiB'.length;

/** The minimum width of a column: numbers and times are shown in full, or they would be wrong. */
function roomForNumbers(kind: Kind, digits: number, isRendered: boolean, zone: Zone): number {
  if (isTime(kind)) return isRendered ? 0 : TIME_WIDTH[zone];
  if (digits === 0) return 0;
  if (kind === 'bytes') return WIDEST_BYTES * DIGIT + CELL_SPACE;
  // A page that renders a number itself separates its thousands.
  const letters = isRendered ? digits + Math.floor((digits - 1) / 3) : digits;
  return Math.ceil(letters * DIGIT) + CELL_SPACE;
}

/**
 * Remaining room goes to the columns whose texts are cut, those missing the least first: by how much each is
 * widened.
 */
export function spread(columns: readonly { name: string; width: number; wanted: number }[], room: number): Map<string, number> {
  const grown = new Map<string, number>();
  let spare = room - columns.reduce((sum, { width }) => sum + width, 0);
  const lacks = columns.map(({ name, width, wanted }) => ({ name, lack: wanted - width })).filter(({ lack }) => lack > 0);
  for (const { name, lack } of lacks.sort((a, b) => a.lack - b.lack)) {
    if (spare <= 0) break;
    const given = Math.floor(Math.min(lack, spare));
    grown.set(name, given);
    spare -= given;
  }
  return grown;
}

/** Number of characters of a cell that count for its width. */
const LONGEST = 200;
const CHAR = 7;
const MONO_CHAR = 7.3;

/** The kind of every column and a suitable width, from some rows. */
export function layoutColumns(columns: Column[], sample: Json[][], info: Record<string, ColumnInfo>, zone: Zone): Map<string, ColumnLayout> {
  const layouts = new Map<string, ColumnLayout>();
  columns.forEach((column, at) => {
    const known = info[column.name];
    const values = sample.map((row) => row[at] ?? null);
    const kind = known?.kind ?? kindOf(column, values);
    const head = (known?.title ?? column.name).length * CHAR + 56;
    const char = kind === 'hash' || kind === 'ip' || kind === 'mono' ? MONO_CHAR : CHAR;
    const longest = values.reduce<number>((max, value) => Math.max(max, cellText(value, kind, zone, LONGEST).length), 0);
    const widest = Math.min(longest, 81);
    const wide = kind === 'chain' ? 480 : kind === 'mono' ? 420 : kind === 'hash' ? 280 : 340;
    const fits = isTime(kind) ? TIME_WIDTH[zone] : Math.min(wide, widest * char + 22);
    const width = Math.round(known?.width ?? Math.max(64, head, fits));
    layouts.set(column.name, { kind, width, wanted: isTime(kind) ? width : Math.round(longest * char + CELL_SPACE) });
  });
  return layouts;
}

/** Width of a column before anything is known about it. */
const USUAL_WIDTH = 140;

/** The input of `placeColumns`. */
export interface Placing {
  /** All columns in the order of the cells. */
  names: string[];
  pinned: readonly string[];
  layouts: ReadonlyMap<string, ColumnLayout>;
  /** Widths that a person chose. */
  widths: Record<string, number>;
  /** Number of characters of the longest number in a column. */
  digits: ReadonlyMap<string, number>;
  info: Record<string, ColumnInfo>;
  zone: Zone;
  /** Width of the grid. */
  room: number;
}

/** The columns `shown` side by side, pinned ones first. */
export function placeColumns(shown: string[], { names, pinned, layouts, widths, digits, info, zone, room }: Placing): GridColumn[] {
  const own = shown.map((name) => {
    const { kind, width, wanted } = layouts.get(name) ?? { kind: 'text' as const, width: USUAL_WIDTH, wanted: 0 };
    const least = roomForNumbers(kind, digits.get(name) ?? 0, info[name]?.render !== undefined, zone);
    return { name, kind, width: Math.max(widths[name] ?? width, least), wanted: widths[name] === undefined ? wanted : 0 };
  });
  const grown = spread(own, room);
  let start = 0;
  return own.map(({ name, kind, width: ownWidth }) => {
    const width = ownWidth + (grown.get(name) ?? 0);
    const known = info[name];
    const column = { name, title: columnTitle(name, names, info), kind, at: names.indexOf(name), width, start, isPinned: pinned.includes(name), sortable: known?.sortable !== false, render: known?.render };
    start += width;
    return column;
  });
}
