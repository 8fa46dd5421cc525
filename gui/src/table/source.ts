/** The source of a table's rows: a server method that returns windows of rows. */

import { apiUrl, get, type Query } from '../api/http';
import type { Column, Facets, Json, TablePage } from '../api/types';
import { serverFilters, type TableQuery } from './state';

/** The same object as long as a table shows the same rows: another object starts anew. */
export interface TableSource {
  fetch: (query: TableQuery, offset: number, limit: number, signal: AbortSignal) => Promise<TablePage>;
  facets?: (column: string, query: TableQuery, signal: AbortSignal) => Promise<Facets>;
  exportUrl?: (format: 'csv' | 'json' | 'jsonl', columns: string[], query: TableQuery) => string;
  /** The FROM part of an equivalent query. */
  vql?: string;
  /** Supports typed filters per column. */
  filters: boolean;
  /** The first row is the newest: new rows do not appear at the end. */
  newestFirst?: boolean;
}

function tableParams(query: TableQuery): Query {
  const filters = serverFilters(query);
  return {
    sort: query.sort?.column,
    desc: query.sort?.desc ? true : undefined,
    filter: filters.length > 0 ? JSON.stringify(filters) : undefined,
  };
}

/** Removes undefined values, so that they do not hide a default. */
const given = (query: Query): Query => Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined));

interface RestOptions {
  params?: Query;
  /** The order until the person chooses one. */
  order?: { sort: string; desc: boolean };
  /** The methods `…/facets` and `…/export` also exist. */
  facets?: boolean;
  exports?: boolean;
  vql?: string;
  /** The rows are stored in order of arrival; show the last of them first. */
  newestFirst?: boolean;
}

/** A method of the contract that takes a TableQuery and returns a TablePage. */
export function restSource(path: string, options: RestOptions = {}): TableSource {
  const { params = {}, facets, exports, vql, order, newestFirst } = options;
  const forward: TableSource['fetch'] = (query, offset, limit, signal) => get<TablePage>(apiUrl(path, { ...params, ...(query.sort ? {} : order), ...given(tableParams(query)), offset, limit }), signal);
  const source: TableSource = {
    filters: true,
    fetch: newestFirst ? lastFirst(forward) : forward,
    ...(newestFirst ? { newestFirst } : {}),
  };
  if (facets) source.facets = (column, query, signal) => get<Facets>(apiUrl(`${path}/facets`, { ...params, column, filter: tableParams(query).filter }), signal);
  if (exports) source.exportUrl = (format, columns, query) => apiUrl(`${path}/export`, { ...params, format, columns: columns.join(','), filter: tableParams(query).filter });
  if (vql) source.vql = vql;
  return source;
}

/**
 * The same rows in reverse: windows are counted back from the total. Sorting a long log by its time would make the server read
 * the whole log, and is refused beyond a million rows.
 *
 * The total is determined with the first window and used for all others, so that rows that arrive meanwhile shift nothing.
 */
export function lastFirst(fetch: TableSource['fetch']): TableSource['fetch'] {
  const totals = new Map<string, Promise<number>>();
  const never = new AbortController().signal;
  return async (query, offset, limit, signal) => {
    if (query.sort) return fetch(query, offset, limit, signal);
    const key = JSON.stringify(serverFilters(query));
    let pinned = offset === 0 ? undefined : totals.get(key);
    if (pinned === undefined) {
      // Not with this window's signal: the others wait for the same answer.
      pinned = fetch(query, 0, 0, never).then((page) => page.total);
      totals.set(key, pinned);
      pinned.catch(() => totals.delete(key));
    }
    const total = await pinned;
    const end = Math.max(0, total - offset);
    const start = Math.max(0, end - limit);
    const page = await fetch(query, start, end - start, signal);
    return { ...page, total, offset, rows: [...page.rows].reverse() };
  };
}

/** A listing method (clients, flows) with its own parameters, as a table. */
export function listSource<T>(
  path: string,
  params: Query,
  columns: Column[],
  read: (answer: unknown) => { total: number; items: T[] },
  cells: (item: T) => Json[],
): TableSource {
  return {
    filters: false,
    async fetch(query, offset, limit, signal) {
      const answer = await get<unknown>(apiUrl(path, { ...params, search: query.quick.trim() || params['search'], sort: query.sort?.column ?? params['sort'], desc: query.sort ? query.sort.desc || undefined : params['desc'], offset, limit }), signal);
      const { total, items } = read(answer);
      return { columns, total, offset, rows: items.map(cells), complete: false };
    },
  };
}
