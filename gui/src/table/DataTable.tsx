/** The table used everywhere: windows of rows from the server, keyboard navigation, filtering and sorting by the server. */

import { useCallback, useEffect, useEffectEvent, useMemo, useRef, useState, type ReactNode, type Ref } from 'react';
import { useNavigate } from 'react-router';
import { plural } from '../lib/format';
import { useZone } from '../lib/prefs';
import { Failure } from '../ui/empty';
import { Message } from '../ui/message';
import { Split } from '../ui/split';
import type { CellContext } from './cells';
import { cellsOf, type ColumnInfo, type Noun, type RowGet } from './columns';
import { FacetPanel } from './FacetPanel';
import { GridBody } from './GridBody';
import type { RowPages } from './pages';
import type { FilterByCell } from './Row';
import { RowPanel } from './RowPanel';
import type { TableSource } from './source';
import { withFilter, type Filter } from './state';
import { Toolbar } from './Toolbar';
import { useColumnLayout } from './useColumnLayout';
import { useNewRows } from './useNewRows';
import { useRowPages, type TableHandle } from './useRowPages';
import { useScroller, type Place } from './useScroller';
import { useTableState } from './useTableState';

interface Props {
  /** The name under which the layout is remembered. */
  id: string;
  label: string;
  source: TableSource;
  info?: Record<string, ColumnInfo>;
  hidden?: readonly string[];
  context?: CellContext;
  /** The number of rows the server is known to have now (from push): the table grows. */
  liveTotal?: number | undefined;
  /** More rows may come. */
  live?: boolean;
  /** A table that begins with the newest rows shows new ones as they come, as long as its top is in view. */
  follow?: boolean;
  noun?: Noun;
  /** Enter or double click: the page of a row. Without it, the row's details open. */
  rowHref?: (get: RowGet) => string | null;
  empty: ReactNode;
  searchPlaceholder?: string;
  /** Additional controls at the left of the toolbar. */
  controls?: ReactNode;
  handle?: Ref<TableHandle>;
  sortable?: boolean;
  /** A better order of columns than the server's. */
  arrange?: (names: string[]) => string[];
}

const NO_INFO: Record<string, ColumnInfo> = {};
const NO_CONTEXT: CellContext = {};
const NO_HIDDEN: readonly string[] = [];
const ROWS: Noun = ['row', 'rows'];

export function DataTable({ id, label, source, info = NO_INFO, hidden = NO_HIDDEN, context = NO_CONTEXT, liveTotal, live = false, follow = false, noun = ROWS, rowHref, empty, searchPlaceholder = 'Search all columns', controls, handle, sortable = true, arrange }: Props) {
  const [state, change] = useTableState();
  const [zone] = useZone();
  const navigate = useNavigate();
  const { quick, sort, filters } = state;
  const query = useMemo(() => ({ quick, sort, filters }), [quick, sort, filters]);
  const { pages, version, shown, isWaiting } = useRowPages(source, query, handle);
  const total = shown.total ?? 0;
  const scroller = useScroller(total);
  const { view, isAtTop, toTop } = scroller;
  const layout = useColumnLayout({ id, pages: shown, state, info, hidden, arrange, zone, room: scroller.width });
  const [active, setActive] = useState<Place | null>(null);

  const openRow = state.row !== null && state.row < total ? state.row : null;
  useEffect(() => pages.need(view.first, view.last, openRow), [pages, view.first, view.last, openRow]);
  useArrival(shown, state.row, scroller.height, scroller.showRow);

  const isNarrowed = quick !== '' || filters.length > 0;
  // Unsorted and unfiltered, new rows simply appear at the end; otherwise they would move the rows being read.
  const isAppended = !isNarrowed && sort === null && !source.newestFirst;
  const isRead = state.row !== null || active !== null;
  const follows = follow && source.newestFirst === true && sort === null && isAtTop && !isRead;
  const { pending, showNew } = useNewRows({ pages, version, liveTotal, isLive: live, isAppended, follows });

  const addFilter = useCallback(
    (filter: Filter) => {
      change((now) => ({ filters: withFilter(now.filters, filter), row: null }), true);
      toTop();
    },
    [change, toTop],
  );
  const filterByCell = useCallback<FilterByCell>(
    (column, value, keep) => addFilter(value === null ? { column, op: keep ? 'is_null' : 'not_null', value } : { column, op: keep ? 'eq' : 'ne', value }),
    [addFilter],
  );
  const open = (index: number) => {
    const row = shown.row(index);
    const href = row && rowHref?.(cellsOf(layout.names, row));
    if (href) void navigate(href);
    else change({ row: index, group: null });
  };

  const openCells = openRow === null ? undefined : shown.row(openRow);
  const aside =
    state.group !== null && source.facets ? (
      <FacetPanel
        key={state.group}
        column={state.group}
        kind={layout.kindOf(state.group)}
        count={source.facets}
        query={query}
        liveTotal={liveTotal}
        onFilter={(value, keep) => filterByCell(state.group ?? '', value, keep)}
        onClose={() => change({ group: null })}
      />
    ) : openRow !== null ? (
      <RowPanel
        noun={noun[0].charAt(0).toUpperCase() + noun[0].slice(1)}
        index={openRow}
        total={total}
        row={openCells}
        columns={shown.columns}
        kindOf={layout.kindOf}
        context={context}
        processHref={(openCells && context.processHref?.(cellsOf(layout.names, openCells))) ?? null}
        canFilter={source.filters}
        onFilter={filterByCell}
        onMove={(row) => {
          change({ row });
          setActive((old) => ({ row, column: old?.column ?? 0 }));
          scroller.showRow(row);
        }}
        onClose={() => {
          change({ row: null });
          scroller.focus();
        }}
      />
    ) : null;

  const isLoading = shown.total === null && !shown.error;
  return (
    <Split id={`table.${id}`} aside={aside}>
      <div className="table">
        <Toolbar
          state={state}
          change={change}
          layout={layout}
          noun={noun}
          source={source}
          query={query}
          total={shown.total}
          live={live}
          pending={pending}
          onRefresh={() => {
            showNew();
            if (source.newestFirst) toTop();
          }}
          searchPlaceholder={searchPlaceholder}
          controls={controls}
        />
        {shown.error && shown.total === null ? (
          <Failure error={shown.error} retry={() => pages.refresh()} />
        ) : (
          <>
            {shown.error && (
              <div className="table-error" role="alert">
                <Message text={shown.error.message} />
                <button type="button" className="link" onClick={() => pages.refresh()}>
                  Try again
                </button>
              </div>
            )}
            <GridBody
              id={id}
              label={label}
              pages={shown}
              isWaiting={isWaiting}
              layout={layout}
              source={source}
              sortable={sortable}
              state={state}
              change={change}
              context={context}
              scroller={scroller}
              active={active}
              setActive={setActive}
              leads={rowHref !== undefined}
              onOpen={open}
              onFilter={filterByCell}
              onAddFilter={addFilter}
            />
            {!isLoading && total === 0 && <div className="table-empty">{isNarrowed ? <NoMatch noun={noun[0]} onClear={() => change({ filters: [], quick: '' }, true)} /> : empty}</div>}
          </>
        )}
        <p className="sr-only" role="status">
          {isLoading ? `Loading ${noun[1]}` : plural(total, ...noun)}
        </p>
      </div>
    </Split>
  );
}

/** A link may open the details of a row far down: scrolls it into view, once. */
function useArrival(rows: RowPages, open: number | null, height: number, showRow: (row: number) => void): void {
  const hasArrived = useRef(false);
  const isReady = rows.total !== null && height > 0;
  const arrive = useEffectEvent(() => {
    if (open !== null) showRow(open);
  });
  useEffect(() => {
    if (hasArrived.current || !isReady) return;
    hasArrived.current = true;
    arrive();
  }, [isReady]);
}

function NoMatch({ noun, onClear }: { noun: string; onClear: () => void }) {
  return (
    <div className="empty">
      <h2>No {noun} matches</h2>
      <div className="empty-text">
        <p>Take a filter away, or search for something else.</p>
      </div>
      <div className="empty-action">
        <button type="button" className="button" onClick={onClear}>
          Clear search and filters
        </button>
      </div>
    </div>
  );
}
