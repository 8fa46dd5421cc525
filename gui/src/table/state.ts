/** The state of a table, as plain data, and its form in the query string (so that every view is a link). */

import type { Condition, Json } from '../api/types';

const OPS = ['contains', 'not_contains', 'eq', 'ne', 'regex', 'not_regex', 'lt', 'le', 'gt', 'ge', 'is_null', 'not_null', 'in'] as const;
export type Op = (typeof OPS)[number];

export interface Filter extends Condition {
  op: Op;
}

export interface Sort {
  column: string;
  desc: boolean;
}

/** The request to the server. */
export interface TableQuery {
  quick: string;
  sort: Sort | null;
  filters: Filter[];
}

export interface TableState extends TableQuery {
  /** Shown columns in order; null = the default. */
  columns: string[] | null;
  pinned: string[];
  /** Row whose details are open. */
  row: number | null;
  /** Column being grouped and counted. */
  group: string | null;
}

const KEYS = ['q', 'sort', 'filter', 'cols', 'pin', 'row', 'group'] as const;

const joinNames = (names: string[]) => names.map(encodeURIComponent).join(',');
const splitNames = (text: string) => text.split(',').filter(Boolean).map(decodeName);

function decodeName(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function isFilter(item: unknown): item is [string, Op, Json] {
  return Array.isArray(item) && typeof item[0] === 'string' && OPS.includes(item[1] as Op);
}

function parseFilters(text: string | null): Filter[] {
  if (!text) return [];
  try {
    const list: unknown = JSON.parse(text);
    if (!Array.isArray(list)) return [];
    return list.filter(isFilter).map(([column, op, value]) => ({ column, op, value: value ?? null }));
  } catch {
    return [];
  }
}

/** Reads the state from a query string; anything malformed falls back to the default. */
export function readState(params: URLSearchParams): TableState {
  const sort = /^(asc|desc):(.+)$/s.exec(params.get('sort') ?? '');
  const row = params.get('row');
  return {
    quick: params.get('q') ?? '',
    sort: sort?.[2] ? { column: sort[2], desc: sort[1] === 'desc' } : null,
    filters: parseFilters(params.get('filter')),
    columns: params.has('cols') ? splitNames(params.get('cols') ?? '') : null,
    pinned: splitNames(params.get('pin') ?? ''),
    row: row !== null && /^\d{1,15}$/.test(row) ? Number(row) : null,
    group: params.get('group'),
  };
}

/** `next`, reusing the parts of `before` that are equal: values that depend on one part stay the same when another changes. */
export function keepParts(before: TableState, next: TableState): TableState {
  const kept: Partial<TableState> = {};
  const keep = <K extends keyof TableState>(key: K) => {
    kept[key] = JSON.stringify(before[key]) === JSON.stringify(next[key]) ? before[key] : next[key];
  };
  (Object.keys(next) as (keyof TableState)[]).forEach(keep);
  return { ...next, ...kept };
}

/** Writes the state into a copy of the query string, leaving other parameters alone. */
export function writeState(params: URLSearchParams, state: TableState): URLSearchParams {
  const next = new URLSearchParams(params);
  for (const key of KEYS) next.delete(key);
  if (state.quick) next.set('q', state.quick);
  if (state.sort) next.set('sort', `${state.sort.desc ? 'desc' : 'asc'}:${state.sort.column}`);
  if (state.filters.length > 0) next.set('filter', JSON.stringify(state.filters.map(({ column, op, value }) => (value === null ? [column, op] : [column, op, value]))));
  if (state.columns) next.set('cols', joinNames(state.columns));
  if (state.pinned.length > 0) next.set('pin', joinNames(state.pinned));
  if (state.group !== null) next.set('group', state.group);
  if (state.row !== null) next.set('row', String(state.row));
  return next;
}

/** Adds a filter; a duplicate is not added, and its opposite is removed. */
export function withFilter(filters: Filter[], added: Filter): Filter[] {
  const opposite: Partial<Record<Op, Op>> = { eq: 'ne', ne: 'eq', is_null: 'not_null', not_null: 'is_null' };
  const same = (filter: Filter, op: Op | undefined) => filter.column === added.column && filter.op === op && JSON.stringify(filter.value) === JSON.stringify(added.value);
  return [...filters.filter((filter) => !same(filter, added.op) && !same(filter, opposite[added.op])), added];
}

/** The next step of a header click: ascending, descending, unsorted. */
export function nextSort(sort: Sort | null, column: string): Sort | null {
  if (sort?.column !== column) return { column, desc: false };
  return sort.desc ? null : { column, desc: true };
}

/** The columns to show: the person's choice, else all but those starting with `_` (unless all do). */
export function visibleColumns(all: string[], state: Pick<TableState, 'columns' | 'pinned'>, hidden: readonly string[] = [], kept: readonly string[] = []): string[] {
  const known = new Set(all);
  const chosen = state.columns?.filter((name) => known.has(name));
  const open = all.filter((name) => (!name.startsWith('_') || kept.includes(name)) && !hidden.includes(name));
  const shown = chosen?.length ? chosen : open.length > 0 ? open : all;
  const pinned = state.pinned.filter((name) => shown.includes(name));
  return [...pinned, ...shown.filter((name) => !pinned.includes(name))];
}

/** Moves `name` to the position of `target`. */
export function moveColumn(shown: string[], name: string, target: string): string[] {
  const from = shown.indexOf(name);
  const to = shown.indexOf(target);
  if (from < 0 || to < 0 || from === to) return shown;
  const next = shown.filter((column) => column !== name);
  next.splice(to, 0, name);
  return next;
}

const WORDS: Record<Op, string> = {
  contains: 'contains',
  not_contains: 'does not contain',
  eq: '=',
  ne: '≠',
  regex: 'matches',
  not_regex: 'does not match',
  lt: '<',
  le: '≤',
  gt: '>',
  ge: '≥',
  is_null: 'is NULL',
  not_null: 'is not NULL',
  in: 'is one of',
};

export const opWord = (op: Op) => WORDS[op];
export const opTakesValue = (op: Op) => op !== 'is_null' && op !== 'not_null';

/** A value as the text of a chip or an input. */
export function valueText(value: Json): string {
  if (value === null) return '';
  if (Array.isArray(value)) return value.map(valueText).join(', ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** The filters in the server's form: quick search is a filter on any column. */
export function serverFilters(query: TableQuery): Filter[] {
  const quick = query.quick.trim();
  return quick ? [...query.filters, { column: '*', op: 'contains', value: quick }] : query.filters;
}
