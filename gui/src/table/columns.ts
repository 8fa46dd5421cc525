/** What is known of a table's columns: by the page that shows it, and as they stand in the grid. */

import type { ReactNode } from 'react';
import type { Json } from '../api/types';
import type { Kind } from './kinds';

/** Reads the cells of one row by the names of their columns. */
export type RowGet = (column: string) => Json;

/** What a page knows about a column beyond what the server says. */
export interface ColumnInfo {
  title?: string;
  width?: number;
  kind?: Kind;
  render?: (value: Json, get: RowGet) => ReactNode;
  sortable?: boolean;
}

/** A column as it stands in the grid. */
export interface GridColumn {
  name: string;
  title: string;
  kind: Kind;
  /** Which cell of a row is its own. */
  at: number;
  width: number;
  /** The width of all that stands before it; where it stays when it is pinned. */
  start: number;
  isPinned: boolean;
  sortable: boolean;
  render: ColumnInfo['render'];
}

/** What a row is called: one, many. */
export type Noun = readonly [one: string, many: string];

export function cellsOf(names: string[], row: Json[] | undefined): RowGet {
  return (column) => row?.[names.indexOf(column)] ?? null;
}

/** A row with some of its cells changed. */
export function withCells(names: string[], row: Json[], changes: Record<string, Json>): Json[] {
  return names.map((name, at) => (changes[name] === undefined ? (row[at] ?? null) : changes[name]));
}

/** Two columns must not bear one name: the page's word for one may be the server's name of another. */
export function columnTitle(name: string, names: string[], info: Record<string, ColumnInfo>): string {
  const title = info[name]?.title;
  return title === undefined || names.some((other) => other !== name && other.toLowerCase() === title.toLowerCase()) ? name : title;
}
