/** The columns a table shows, their order and their widths. */

import { useMemo } from 'react';
import type { Zone } from '../lib/format';
import { usePref } from '../lib/prefs';
import { columnTitle, type ColumnInfo, type GridColumn } from './columns';
import type { Kind } from './kinds';
import { layoutColumns, placeColumns } from './layout';
import type { RowPages } from './pages';
import { visibleColumns, type TableState } from './state';

interface Options {
  /** The name under which widths are remembered. */
  id: string;
  pages: RowPages;
  state: TableState;
  info: Record<string, ColumnInfo>;
  hidden: readonly string[];
  arrange: ((names: string[]) => string[]) | undefined;
  zone: Zone;
  /** Width of the grid. */
  room: number;
}

export interface ColumnsShown {
  /** All columns, in the order of the cells. */
  names: string[];
  /** The visible ones, from left to right. */
  columns: GridColumn[];
  shown: string[];
  kindOf: (name: string) => Kind;
  titleOf: (name: string) => string;
  resize: (name: string, width: number) => void;
  resetWidths: () => void;
}

export function useColumnLayout({ id, pages, state, info, hidden, arrange, zone, room }: Options): ColumnsShown {
  const [widths, setWidths] = usePref<Record<string, number>>(`widths.${id}`, {});
  const { columns: known, sample, digits } = pages;
  const { columns: chosen, pinned } = state;
  const names = useMemo(() => known.map(({ name }) => name), [known]);
  const shown = useMemo(() => {
    const internal = known.filter(({ type }) => type === 'hidden').map(({ name }) => name);
    return visibleColumns(arrange ? arrange(names) : names, { columns: chosen, pinned }, [...hidden, ...internal], Object.keys(info));
  }, [known, names, chosen, pinned, hidden, arrange, info]);
  const layouts = useMemo(() => layoutColumns(known, sample, info, zone), [known, sample, info, zone]);
  const columns = useMemo(
    () => placeColumns(shown, { names, pinned, layouts, widths, digits, info, zone, room }),
    [shown, names, pinned, layouts, widths, digits, info, zone, room],
  );
  return {
    names,
    columns,
    shown,
    kindOf: (name) => layouts.get(name)?.kind ?? 'text',
    titleOf: (name) => columnTitle(name, names, info),
    resize: (name, width) => setWidths({ ...widths, [name]: width }),
    resetWidths: () => setWidths({}),
  };
}
