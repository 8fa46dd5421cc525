/** The grid itself: the scrolling box with the headers and the visible rows. */

import { useState, type MouseEvent, type ReactNode } from 'react';
import { useZone } from '../lib/prefs';
import type { CellContext } from './cells';
import { GridHead } from './GridHead';
import type { RowPages } from './pages';
import { Row, type FilterByCell } from './Row';
import type { TableSource } from './source';
import type { Filter, TableState } from './state';
import type { ColumnsShown } from './useColumnLayout';
import { useGridKeys } from './useGridKeys';
import { ROW_HEIGHT, type Place, type Scroller } from './useScroller';
import type { ChangeState } from './useTableState';

interface Props {
  id: string;
  label: string;
  pages: RowPages;
  /** The rows are still those of the previous query. */
  isWaiting: boolean;
  layout: ColumnsShown;
  source: TableSource;
  sortable: boolean;
  state: TableState;
  change: ChangeState;
  context: CellContext;
  scroller: Scroller;
  active: Place | null;
  setActive: (place: Place | null) => void;
  /** Rows have their own page: a double click opens it, and a single click does not open the details. */
  leads: boolean;
  onOpen: (index: number) => void;
  onFilter: FilterByCell;
  onAddFilter: (filter: Filter) => void;
}

export function GridBody({ id, label, pages, isWaiting, layout, source, sortable, state, change, context, scroller, active, setActive, leads, onOpen, onFilter, onAddFilter }: Props) {
  const [zone] = useZone();
  const [hover, setHover] = useState<Place | null>(null);
  const { columns, names } = layout;
  const onKey = useGridKeys({ pages, columns, source, sortable, state, change, scroller, active, setActive, onFilter, onOpen });
  const { view } = scroller;
  const total = pages.total ?? 0;
  const isLoading = pages.total === null && !pages.error;
  const tracks = columns.map(({ width }, at) => (at === columns.length - 1 ? `minmax(${width}px, 1fr)` : `${width}px`)).join(' ');
  const minWidth = columns.reduce((sum, { width }) => sum + width, 0);

  const onClick = (event: MouseEvent) => {
    const place = placeOf(event.target);
    if (!place) return;
    setActive(place);
    if (event.target instanceof Element && event.target.closest('a, button')) return;
    scroller.focus();
    const isSelectingText = (window.getSelection()?.toString() ?? '') !== '';
    if (!leads && !isSelectingText) change({ row: place.row, group: null });
  };

  const rows: ReactNode[] = [];
  for (let index = view.first; index <= view.last; index += 1) {
    rows.push(
      <Row
        key={index}
        tableId={id}
        index={index}
        top={view.top(index)}
        row={pages.row(index)}
        names={names}
        columns={columns}
        zone={zone}
        context={context}
        active={active?.row === index ? active.column : -1}
        hovered={hover?.row === index ? hover.column : -1}
        selected={state.row === index}
        canFilter={source.filters}
        onFilter={onFilter}
      />,
    );
  }

  return (
    <div
      ref={scroller.setBox}
      className={`table-scroll ${isWaiting ? 'is-waiting' : ''}`}
      role="grid"
      aria-label={label}
      aria-rowcount={total + 1}
      aria-colcount={columns.length}
      aria-busy={isLoading || isWaiting}
      aria-activedescendant={active ? `${id}-${active.row}-${active.column}` : undefined}
      tabIndex={0}
      onScroll={scroller.onScroll}
      onKeyDown={(event) => {
        if (onKey(event)) setHover(null);
      }}
      onMouseOver={(event) => {
        const place = placeOf(event.target);
        if (place?.row !== hover?.row || place?.column !== hover?.column) setHover(place);
      }}
      onMouseLeave={() => setHover(null)}
      // Everything that the pointer can do on a cell can also be done with keys: nothing is shown on focus.
      onFocus={() => undefined}
      onClick={onClick}
      onDoubleClick={(event) => {
        const place = placeOf(event.target);
        if (place && leads) onOpen(place.row);
      }}
    >
      <GridHead layout={layout} tracks={tracks} minWidth={minWidth} source={source} sortable={sortable} state={state} change={change} onAddFilter={onAddFilter} />
      <div className="table-body" role="rowgroup" style={{ height: view.height, minWidth, ['--tracks' as string]: tracks }}>
        {isLoading ? <SkeletonRows /> : rows}
      </div>
    </div>
  );
}

/** The cell that an event belongs to. */
function placeOf(target: EventTarget): Place | null {
  const cell = target instanceof Element ? target.closest<HTMLElement>('[data-row]') : null;
  return cell ? { row: Number(cell.dataset['row']), column: Number(cell.dataset['column']) } : null;
}

function SkeletonRows() {
  return Array.from({ length: 14 }, (_, index) => (
    <div key={index} role="row" aria-hidden="true" className="skeleton-row" style={{ transform: `translateY(${index * ROW_HEIGHT}px)` }}>
      <span role="gridcell" style={{ width: `${30 + ((index * 37) % 50)}%` }} />
    </div>
  ));
}
