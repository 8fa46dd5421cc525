/** How wide the columns of a table are. */

import type { Column, Json } from '../api/types';
import type { Zone } from '../lib/format';
import { columnTitle, type ColumnInfo, type GridColumn } from './columns';
import { cellText, isTime, kindOf, type Kind } from './kinds';

interface ColumnLayout {
  kind: Kind;
  width: number;
  /** What its texts would take, were there room. */
  wanted: number;
}

/** A digit of the table's type, which is wider than the average letter, and what surrounds a cell's text. */
const DIGIT = 7.7;
const CELL_SPACE = 28;
const TIME_WIDTH = { utc: 194, local: 226 };
const WIDEST_BYTES = '−1023 MiB'.length;

/** The narrowest a column may be made: numbers and times are shown whole, or they say something else. */
function roomForNumbers(kind: Kind, digits: number, isRendered: boolean, zone: Zone): number {
  if (isTime(kind)) return isRendered ? 0 : TIME_WIDTH[zone];
  if (digits === 0) return 0;
  if (kind === 'bytes') return WIDEST_BYTES * DIGIT + CELL_SPACE;
  // A page that renders a number itself separates its thousands.
  const letters = isRendered ? digits + Math.floor((digits - 1) / 3) : digits;
  return Math.ceil(letters * DIGIT) + CELL_SPACE;
}

/**
 * Room that is left beside the columns goes to those whose texts are cut, the nearly whole ones first: how much each is
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

/** Letters of a cell that count for its width. */
const LONGEST = 200;
const CHAR = 7;
const MONO_CHAR = 7.3;

/** The kind of every column and the width that fits it, told from some rows. */
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

/** Width of a column of which nothing is known yet. */
const USUAL_WIDTH = 140;

/** What `placeColumns` goes by. */
export interface Placing {
  /** All columns in the order of the cells. */
  names: string[];
  pinned: readonly string[];
  layouts: ReadonlyMap<string, ColumnLayout>;
  /** Widths that a person chose. */
  widths: Record<string, number>;
  /** Letters of the longest number of a column. */
  digits: ReadonlyMap<string, number>;
  info: Record<string, ColumnInfo>;
  zone: Zone;
  /** Width of the grid. */
  room: number;
}

/** The columns `shown` one beside the other, pinned ones first. */
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
