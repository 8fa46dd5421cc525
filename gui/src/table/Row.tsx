/** One row of the grid. It renders again only when something in it changes, because all its props are stable. */

import { memo } from 'react';
import type { Json } from '../api/types';
import type { Zone } from '../lib/format';
import { copyText } from '../ui/copy';
import { IconButton } from '../ui/parts';
import { Cell, type CellContext } from './cells';
import { cellsOf, type GridColumn, type RowGet } from './columns';
import { isNumeric } from './kinds';

export type FilterByCell = (column: string, value: Json, keep: boolean) => void;

interface Props {
  tableId: string;
  index: number;
  top: number;
  /** Undefined while it is being fetched. */
  row: Json[] | undefined;
  names: string[];
  columns: GridColumn[];
  zone: Zone;
  context: CellContext;
  /** The column with the keyboard focus, and the one under the pointer; -1 for none. */
  active: number;
  hovered: number;
  selected: boolean;
  canFilter: boolean;
  onFilter: FilterByCell;
}

export const Row = memo(function Row({ tableId, index, top, row, names, columns, zone, context, active, hovered, selected, canFilter, onFilter }: Props) {
  const get = cellsOf(names, row);
  const processHref = row && context.processHref ? context.processHref(get) : null;
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      aria-selected={selected}
      className={`table-row ${index % 2 ? 'is-odd' : ''} ${selected ? 'is-selected' : ''} ${active >= 0 ? 'is-active' : ''}`}
      style={{ transform: `translateY(${top}px)` }}
    >
      {columns.map((column, at) => (
        <div
          key={column.name}
          id={`${tableId}-${index}-${at}`}
          role="gridcell"
          aria-colindex={at + 1}
          data-row={index}
          data-column={at}
          className={`td ${isNumeric(column.kind) ? 'is-number' : ''} ${column.isPinned ? 'is-pinned' : ''} ${active === at ? 'is-current' : ''}`}
          style={column.isPinned ? { left: column.start } : undefined}
        >
          {row === undefined ? <span className="td-pending" /> : <Content column={column} value={row[column.at] ?? null} get={get} zone={zone} context={context} processHref={processHref} />}
          {row !== undefined && hovered === at && <CellTools column={column.name} value={row[column.at] ?? null} canFilter={canFilter} onFilter={onFilter} />}
        </div>
      ))}
    </div>
  );
});

function Content({ column, value, get, zone, context, processHref }: { column: GridColumn; value: Json; get: RowGet; zone: Zone; context: CellContext; processHref: string | null }) {
  const { name, kind, render } = column;
  if (render) return render(value, get);
  const leads = kind === 'chain' || (kind === 'pid' && name.toLowerCase() === 'pid') || name === 'Name';
  return <Cell value={value} kind={kind} zone={zone} context={context} href={leads ? processHref : null} />;
}

/** The actions on the cell under the pointer. */
function CellTools({ column, value, canFilter, onFilter }: { column: string; value: Json; canFilter: boolean; onFilter: FilterByCell }) {
  return (
    <span className="cell-tools">
      {canFilter && <IconButton icon="filter" label="Filter for this value (f)" tabIndex={-1} onClick={() => onFilter(column, value, true)} />}
      {canFilter && <IconButton icon="filterOut" label="Filter out this value (x)" tabIndex={-1} onClick={() => onFilter(column, value, false)} />}
      <IconButton icon="copy" label="Copy value (c)" tabIndex={-1} onClick={() => void copyText(copiedText(value))} />
    </span>
  );
}

/** A value for the clipboard: text unchanged, anything else as JSON. */
export const copiedText = (value: Json, indent = 0) => (typeof value === 'string' ? value : JSON.stringify(value, null, indent));
