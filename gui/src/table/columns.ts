/** Information about a table's columns: from the page that shows it, and as laid out in the grid. */

import type { ReactNode } from 'react';
import type { Json } from '../api/types';
import type { Kind } from './kinds';

/** Reads the cells of one row by the names of their columns. */
export type RowGet = (column: string) => Json;

/** A page's information about a column, in addition to the server's. */
export interface ColumnInfo {
  title?: string;
  width?: number;
  kind?: Kind;
  render?: (value: Json, get: RowGet) => ReactNode;
  sortable?: boolean;
}

/** A column as laid out in the grid. */
export interface GridColumn {
  name: string;
  title: string;
  kind: Kind;
  /** The index of its cell in a row. */
  at: number;
  width: number;
  /** The total width of the columns before it; its position when it is pinned. */
  start: number;
  isPinned: boolean;
  sortable: boolean;
  render: ColumnInfo['render'];
}

/** The nouns for a row: singular, plural. */
export type Noun = readonly [one: string, many: string];

export function cellsOf(names: string[], row: Json[] | undefined): RowGet {
  return (column) => row?.[names.indexOf(column)] ?? null;
}

/** A row with some of its cells changed. */
export function withCells(names: string[], row: Json[], changes: Record<string, Json>): Json[] {
  return names.map((name, at) => (changes[name] === undefined ? (row[at] ?? null) : changes[name]));
}

/** Two columns must not have the same label: the page's label for one may be the server's name of another. */
export function columnTitle(name: string, names: string[], info: Record<string, ColumnInfo>): string {
  const title = info[name]?.title;
  return title === undefined || names.some((other) => other !== name && other.toLowerCase() === title.toLowerCase()) ? name : title;
}
