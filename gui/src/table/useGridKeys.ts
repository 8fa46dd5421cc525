/** Moves through a grid with keys, and acts on the current cell. */

import type { KeyboardEvent } from 'react';
import { copyText } from '../ui/copy';
import type { GridColumn } from './columns';
import { readKey, type CellAction } from './gridKeys';
import type { RowPages } from './pages';
import { copiedText, type FilterByCell } from './Row';
import type { TableSource } from './source';
import { nextSort, type TableState } from './state';
import { ROW_HEIGHT, type Place, type Scroller } from './useScroller';
import type { ChangeState } from './useTableState';

interface Options {
  pages: RowPages;
  columns: GridColumn[];
  source: TableSource;
  sortable: boolean;
  state: TableState;
  change: ChangeState;
  scroller: Scroller;
  active: Place | null;
  setActive: (place: Place | null) => void;
  onFilter: FilterByCell;
  onOpen: (index: number) => void;
}

/** Handles a key; returns the new position, or null if there is none. */
export function useGridKeys({ pages, columns, source, sortable, state, change, scroller, active, setActive, onFilter, onOpen }: Options): (event: KeyboardEvent) => Place | null {
  const total = pages.total ?? 0;
  const { view, height } = scroller;
  // The first key moves to the first row on screen.
  const at = active ?? { row: view.first === 0 ? -1 : view.first, column: 0 };

  const act = (action: CellAction) => {
    const row = pages.row(at.row);
    const column = columns[at.column];
    const value = (column && row?.[column.at]) ?? null;
    const name = column?.name ?? '';
    switch (action) {
      case 'open':
        return onOpen(Math.max(0, at.row));
      case 'details':
        return change(state.row === at.row ? { row: null } : { row: Math.max(0, at.row), group: null });
      case 'leave':
        return state.row !== null || state.group !== null ? change({ row: null, group: null }) : setActive(null);
      case 'keep':
      case 'drop':
        return source.filters && row && onFilter(name, value, action === 'keep');
      case 'copy':
        return row && void copyText(copiedText(value));
      case 'sort':
        return sortable && change({ sort: nextSort(state.sort, name), row: null }, true);
      case 'group':
        return source.facets && change({ group: name, row: null }, true);
    }
  };

  return (event) => {
    if (event.target !== event.currentTarget || total === 0) return null;
    const page = Math.max(1, Math.floor(height / ROW_HEIGHT) - 1);
    const meant = readKey(event, at, { rows: total, columns: columns.length, page });
    if (meant === null) return null;
    event.preventDefault();
    event.stopPropagation();
    if (typeof meant === 'string') {
      act(meant);
      return null;
    }
    setActive(meant);
    scroller.showCell(meant, columns);
    if (state.row !== null) change({ row: meant.row });
    return meant;
  };
}
