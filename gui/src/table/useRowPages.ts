/** The rows of a table: those of its query and, until they arrive, those of the previous query. */

import { useEffect, useImperativeHandle, useMemo, useState, useSyncExternalStore, type Ref } from 'react';
import type { Json } from '../api/types';
import { cellsOf, withCells, type RowGet } from './columns';
import { RowPages } from './pages';
import type { TableSource } from './source';
import type { TableQuery } from './state';

/** What the page around a table does with its rows. */
export interface TableHandle {
  refresh: () => void;
  patch: (match: (get: RowGet) => boolean, change: Record<string, Json>) => void;
}

interface TableRows {
  /** The rows of the query. */
  pages: RowPages;
  /** Increases with every change of them. */
  version: number;
  /** The rows to show: the old ones stay while another query is being answered, so that nothing jumps. */
  shown: RowPages;
  isWaiting: boolean;
}

export function useRowPages(source: TableSource, query: TableQuery, handle: Ref<TableHandle> | undefined): TableRows {
  const pages = useMemo(() => new RowPages((offset, limit, signal) => source.fetch(query, offset, limit, signal)), [source, query]);
  const version = useSyncExternalStore(pages.subscribe, pages.snapshot);
  useEffect(() => () => pages.dispose(), [pages]);

  const [settled, setSettled] = useState({ pages, source });
  if (pages.total !== null && settled.pages !== pages) setSettled({ pages, source });
  // Rows of another source would be wrong.
  const isWaiting = pages.total === null && !pages.error && settled.pages.total !== null && settled.source === source;

  useImperativeHandle(
    handle,
    () => ({
      refresh: () => pages.refresh(),
      patch: (match, changes) => {
        const names = pages.columns.map(({ name }) => name);
        pages.patch((row) => (match(cellsOf(names, row)) ? withCells(names, row, changes) : row));
      },
    }),
    [pages],
  );
  return { pages, version, shown: isWaiting ? settled.pages : pages, isWaiting };
}
