/** The table used everywhere: windows of rows from the server, moved by keyboard, filtered and sorted by the server. */

import { memo, useCallback, useEffect, useEffectEvent, useImperativeHandle, useMemo, useRef, useState, useSyncExternalStore, type ReactNode, type Ref } from 'react';
import { useNavigate } from 'react-router';
import type { Json } from '../api/types';
import type { Zone } from '../lib/format';
import { plural } from '../lib/format';
import { useSize } from '../lib/hooks';
import { usePref, useZone } from '../lib/prefs';
import { copyText } from '../ui/copy';
import { Failure } from '../ui/empty';
import { Message } from '../ui/message';
import { IconButton } from '../ui/parts';
import { Split } from '../ui/split';
import { Cell, type CellContext } from './cells';
import { FacetPanel } from './FacetPanel';
import { HeaderCell } from './HeaderCell';
import { isNumeric, type Kind } from './kinds';
import { layoutColumns, roomForNumbers, spread, type ColumnLayout } from './layout';
import { RowPages } from './pages';
import { RowPanel } from './RowPanel';
import type { TableSource } from './source';
import { moveColumn, nextSort, visibleColumns, withFilter, type Filter } from './state';
import { Toolbar } from './Toolbar';
import { useTableState } from './useTableState';
import { scrollToRow, viewport } from './viewport';

export const ROW_HEIGHT = 28;
const HEADER_HEIGHT = 30;

export type RowGet = (column: string) => Json;

/** What a page knows about a column beyond what the server says. */
export interface ColumnInfo {
  title?: string;
  width?: number;
  kind?: Kind;
  render?: (value: Json, get: RowGet) => ReactNode;
  sortable?: boolean;
}

/** What a row is called: one, many. */
export type Noun = readonly [one: string, many: string];

export interface TableHandle {
  refresh: () => void;
  patch: (match: (get: RowGet) => boolean, change: Record<string, Json>) => void;
}

interface Props {
  /** Names the layout that is remembered. */
  id: string;
  label: string;
  source: TableSource;
  info?: Record<string, ColumnInfo>;
  hidden?: readonly string[];
  context?: CellContext;
  /** Rows the server is known to hold now (from push): the table grows. */
  liveTotal?: number | undefined;
  /** More rows may come. */
  live?: boolean;
  /** A table that begins with the newest rows shows new ones as they come, as long as one looks at its top. */
  follow?: boolean;
  noun?: Noun;
  /** Enter, double click: where a row leads. Without it the row's details open. */
  rowHref?: (get: RowGet) => string | null;
  empty: ReactNode;
  searchPlaceholder?: string;
  /** More controls at the left of the toolbar. */
  controls?: ReactNode;
  handle?: Ref<TableHandle>;
  sortable?: boolean;
  /** A better order of the columns than the server's. */
  arrange?: (names: string[]) => string[];
}

const NO_INFO: Record<string, ColumnInfo> = {};
const NO_CONTEXT: CellContext = {};
const NO_HIDDEN: readonly string[] = [];
const ROWS: Noun = ['row', 'rows'];
/** New rows are fetched so long after the first of them was announced: they come in bursts. */
const FOLLOW_MS = 400;

export function DataTable({ id, label, source, info = NO_INFO, hidden = NO_HIDDEN, context = NO_CONTEXT, liveTotal, live = false, follow = false, noun = ROWS, rowHref, empty, searchPlaceholder = 'Search all columns', controls, handle, sortable = true, arrange }: Props) {
  const [state, change] = useTableState();
  const [zone] = useZone();
  const navigate = useNavigate();
  const [widths, setWidths] = usePref<Record<string, number>>(`widths.${id}`, {});
  const quick = state.quick;
  const filterKey = JSON.stringify(state.filters);
  const queryKey = `${quick}\n${state.sort?.column}\n${state.sort?.desc}\n${filterKey}`;
  // `filters` is a new list at every render; its text decides whether it changed.
  const query = useMemo(() => ({ quick, sort: state.sort, filters: JSON.parse(filterKey) as Filter[] }), [queryKey]); // eslint-disable-line react-hooks/exhaustive-deps
  const pages = useMemo(() => new RowPages((offset, limit, signal) => source.fetch(query, offset, limit, signal)), [source.key, query]); // eslint-disable-line react-hooks/exhaustive-deps
  const version = useSyncExternalStore(pages.subscribe, pages.snapshot);
  useEffect(() => () => pages.dispose(), [pages]);

  // While another query is being answered the old rows stay, dimmed, so that nothing jumps.
  const [settled, setSettled] = useState(pages);
  const shownPages = pages.total !== null || pages.error || settled.total === null || settledKey(settled) !== source.key ? pages : settled;
  function settledKey(candidate: RowPages) {
    return keys.get(candidate) ?? source.key;
  }
  useEffect(() => {
    keys.set(pages, source.key);
    if (pages.total !== null) setSettled(pages);
  }, [pages, version, source.key]);
  const waiting = shownPages !== pages;

  const columns = shownPages.columns;
  const names = useMemo(() => columns.map((column) => column.name), [columns]);
  const shown = useMemo(() => visibleColumns(arrange ? arrange(names) : names, { columns: state.columns, pinned: state.pinned }, [...hidden, ...columns.filter((column) => column.type === 'hidden').map((column) => column.name)], Object.keys(info)), [names, state.columns?.join('\n'), state.pinned.join('\n'), hidden, arrange, info]); // eslint-disable-line react-hooks/exhaustive-deps
  const total = shownPages.total ?? 0;

  const layouts = useMemo(() => layoutColumns(columns, shownPages, info, zone), [columns, info, zone, shownPages, total > 0 && shownPages.row(0) !== undefined]); // eslint-disable-line react-hooks/exhaustive-deps
  // Two columns must not bear one name: the page's word for one may be the server's name of another.
  const titleOf = (name: string) => {
    const title = info[name]?.title;
    return title === undefined || names.some((other) => other !== name && other.toLowerCase() === title.toLowerCase()) ? name : title;
  };
  const ownWidthOf = (name: string) => {
    const layout = layouts.get(name);
    return Math.max(widths[name] ?? layout?.width ?? 140, roomForNumbers(layout?.kind ?? 'text', shownPages.digits.get(name) ?? 0, info[name]?.render !== undefined, zone));
  };

  const [sizeRef, size] = useSize<HTMLDivElement>();
  const grown = spread(shown.map((name) => ({ name, width: ownWidthOf(name), wanted: widths[name] === undefined ? (layouts.get(name)?.wanted ?? 0) : 0 })), size.width);
  const widthOf = (name: string) => ownWidthOf(name) + (grown.get(name) ?? 0);

  const narrowed = query.quick !== '' || query.filters.length > 0;
  const ordered = query.sort !== null;
  // Unsorted and unfiltered, new rows simply appear at the end; otherwise they would move what one reads.
  const appends = !narrowed && !ordered && !source.newestFirst;
  const newRows = liveTotal !== undefined && pages.total !== null && !appends ? liveTotal : null;
  const [seenTotal, setSeenTotal] = useState<number | null>(null);
  useEffect(() => {
    if (liveTotal !== undefined && appends) pages.grow(liveTotal);
  }, [liveTotal, appends, pages, version]);
  useEffect(() => {
    if (pages.total !== null) setSeenTotal((old) => old ?? liveTotal ?? null);
  }, [pages, version, liveTotal]);
  useEffect(() => setSeenTotal(null), [pages]);
  const pending = newRows !== null && seenTotal !== null ? Math.max(0, newRows - seenTotal) : 0;
  const wasLive = useRef(live);
  useEffect(() => {
    if (wasLive.current && !live) pages.refresh();
    wasLive.current = live;
  }, [live, pages]);

  const scroller = useRef<HTMLDivElement | null>(null);
  const setScroller = useCallback(
    (element: HTMLDivElement | null) => {
      scroller.current = element;
      sizeRef(element);
    },
    [sizeRef],
  );
  const [scrollTop, setScrollTop] = useState(0);
  const [active, setActive] = useState<{ row: number; column: number } | null>(null);
  const bodyHeight = Math.max(0, size.height - HEADER_HEIGHT);
  const view = viewport(total, ROW_HEIGHT, scrollTop, bodyHeight);
  useEffect(() => {
    pages.need(view.first, Math.max(view.first, view.last));
  }, [pages, view.first, view.last]);

  const showNew = useEffectEvent(() => {
    setSeenTotal(liveTotal ?? null);
    pages.refresh();
  });
  const following = follow && source.newestFirst === true && !ordered && scrollTop < ROW_HEIGHT && state.row === null && active === null;
  const hasNew = pending > 0;
  useEffect(() => {
    if (!following || !hasNew) return;
    const timer = setTimeout(() => showNew(), FOLLOW_MS);
    return () => clearTimeout(timer);
  }, [following, hasNew]);

  // A link may open the details of a row far down: bring it into view once.
  const arrived = useRef(false);
  useEffect(() => {
    if (arrived.current || shownPages.total === null || bodyHeight === 0) return;
    arrived.current = true;
    if (state.row !== null && scroller.current) scroller.current.scrollTop = scrollToRow(state.row, total, ROW_HEIGHT, 0, bodyHeight);
  }, [shownPages, version, bodyHeight, state.row, total]);

  const [hover, setHover] = useState<{ row: number; column: number } | null>(null);

  const getter = useCallback(
    (row: Json[] | undefined): RowGet =>
      (column) => row?.[names.indexOf(column)] ?? null,
    [names],
  );
  useImperativeHandle(
    handle,
    () => ({
      refresh: () => pages.refresh(),
      patch: (match, changes) =>
        pages.patch((row) => {
          const order = pages.columns.map((column) => column.name);
          if (!match((column) => row[order.indexOf(column)] ?? null)) return row;
          return row.map((cell, index) => changes[order[index] ?? ''] ?? cell);
        }),
    }),
    [pages],
  );

  const addFilter = (filter: Filter) => {
    change({ filters: withFilter(state.filters, filter), row: null }, true);
    if (scroller.current) scroller.current.scrollTop = 0;
  };
  const filterByCell = (name: string, value: Json, keep: boolean) =>
    addFilter(value === null ? { column: name, op: keep ? 'is_null' : 'not_null', value: null } : { column: name, op: keep ? 'eq' : 'ne', value });
  const open = (index: number, row: Json[] | undefined) => {
    const href = row && rowHref?.(getter(row));
    if (href) void navigate(href);
    else change({ row: index, group: null });
  };

  const moveTo = (row: number, column: number) => {
    const next = { row: Math.max(0, Math.min(total - 1, row)), column: Math.max(0, Math.min(shown.length - 1, column)) };
    setActive(next);
    setHover(null);
    const box = scroller.current;
    if (!box) return;
    box.scrollTop = scrollToRow(next.row, total, ROW_HEIGHT, box.scrollTop, bodyHeight);
    const pinnedWidth = shown.filter((name) => state.pinned.includes(name)).reduce((sum, name) => sum + widthOf(name), 0);
    const left = shown.slice(0, next.column).reduce((sum, name) => sum + widthOf(name), 0);
    const name = shown[next.column] ?? '';
    if (!state.pinned.includes(name)) {
      if (left - pinnedWidth < box.scrollLeft) box.scrollLeft = left - pinnedWidth;
      else if (left + widthOf(name) > box.scrollLeft + box.clientWidth) box.scrollLeft = left + widthOf(name) - box.clientWidth;
    }
    if (state.row !== null) change({ row: next.row });
  };
  const onKeyDown = (event: React.KeyboardEvent) => {
    if (event.target !== scroller.current || total === 0) return;
    const at = active ?? { row: view.first === 0 ? -1 : view.first, column: 0 };
    const page = Math.max(1, Math.floor(bodyHeight / ROW_HEIGHT) - 1);
    const jump = event.ctrlKey || event.metaKey;
    const name = shown[at.column] ?? '';
    const row = shownPages.row(at.row);
    const value = getter(row)(name);
    const plainKey = !jump && !event.altKey;
    const actions: Record<string, () => void> = {
      ArrowDown: () => moveTo(jump ? total - 1 : at.row + 1, at.column),
      ArrowUp: () => moveTo(jump ? 0 : at.row - 1, at.column),
      ArrowRight: () => moveTo(Math.max(0, at.row), at.column + 1),
      ArrowLeft: () => moveTo(Math.max(0, at.row), at.column - 1),
      PageDown: () => moveTo(at.row + page, at.column),
      PageUp: () => moveTo(at.row - page, at.column),
      Home: () => (jump ? moveTo(0, 0) : moveTo(at.row, 0)),
      End: () => (jump ? moveTo(total - 1, shown.length - 1) : moveTo(at.row, shown.length - 1)),
      Enter: () => open(Math.max(0, at.row), row),
      ' ': () => change(state.row === at.row ? { row: null } : { row: Math.max(0, at.row), group: null }),
      Escape: () => (state.row !== null || state.group !== null ? change({ row: null, group: null }) : setActive(null)),
    };
    const letters: Record<string, () => void> = {
      j: () => moveTo(at.row + 1, at.column),
      k: () => moveTo(at.row - 1, at.column),
      f: () => source.filters && row && filterByCell(name, value, true),
      x: () => source.filters && row && filterByCell(name, value, false),
      c: () => row && void copyText(typeof value === 'string' ? value : JSON.stringify(value)),
      s: () => sortable && change({ sort: nextSort(state.sort, name), row: null }, true),
      u: () => source.facets && change({ group: name, row: null }, true),
    };
    const action = actions[event.key] ?? (plainKey ? letters[event.key] : undefined);
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  };

  const pinnedLeft = new Map<string, number>();
  let offset = 0;
  for (const name of shown) {
    if (!state.pinned.includes(name)) continue;
    pinnedLeft.set(name, offset);
    offset += widthOf(name);
  }
  const tracks = shown.map((name, index) => (index === shown.length - 1 ? `minmax(${widthOf(name)}px, 1fr)` : `${widthOf(name)}px`)).join(' ');
  const tableWidth = shown.reduce((sum, name) => sum + widthOf(name), 0);

  const rows: ReactNode[] = [];
  for (let index = view.first; index <= view.last; index += 1) {
    const row = shownPages.row(index);
    rows.push(
      <Row
        key={index}
        tableId={id}
        index={index}
        top={view.top(index)}
        row={row}
        shown={shown}
        layouts={layouts}
        info={info}
        zone={zone}
        context={context}
        names={names}
        pinnedLeft={pinnedLeft}
        pinnedKey={`${state.pinned.join('\n')}|${tracks}`}
        active={active?.row === index ? active.column : -1}
        tools={hover?.row === index ? hover.column : -1}
        selected={state.row === index}
        canFilter={source.filters}
        onFilter={filterByCell}
      />,
    );
  }

  const selectedRow = state.row === null ? undefined : shownPages.row(state.row);
  useEffect(() => {
    if (state.row !== null && state.row < total && !shownPages.row(state.row) && !waiting) pages.need(state.row, state.row);
  }, [state.row, total, shownPages, pages, waiting]);

  const aside =
    state.group !== null && source.facets ? (
      <FacetPanel
        key={state.group}
        column={state.group}
        kind={layouts.get(state.group)?.kind ?? 'text'}
        source={source}
        query={query}
        liveTotal={liveTotal}
        onFilter={(value, keep) => filterByCell(state.group ?? '', value, keep)}
        onClose={() => change({ group: null })}
      />
    ) : state.row !== null && state.row < total ? (
      <RowPanel
        noun={noun[0].charAt(0).toUpperCase() + noun[0].slice(1)}
        index={state.row}
        total={total}
        row={selectedRow}
        columns={columns}
        layouts={layouts}
        context={context}
        processHref={context.processHref && selectedRow ? context.processHref(getter(selectedRow)) : null}
        canFilter={source.filters}
        onFilter={filterByCell}
        onMove={(index) => {
          change({ row: index });
          setActive((old) => ({ row: index, column: old?.column ?? 0 }));
          if (scroller.current) scroller.current.scrollTop = scrollToRow(index, total, ROW_HEIGHT, scroller.current.scrollTop, bodyHeight);
        }}
        onClose={() => {
          change({ row: null });
          scroller.current?.focus();
        }}
      />
    ) : null;

  const loading = shownPages.total === null && !shownPages.error;
  const locate = (target: EventTarget) => {
    const cell = target instanceof Element ? target.closest<HTMLElement>('[data-row]') : null;
    return cell ? { row: Number(cell.dataset['row']), column: Number(cell.dataset['column']) } : null;
  };

  return (
    <Split id={`table.${id}`} aside={aside}>
      <div className="table">
        <Toolbar
          id={id}
          state={state}
          change={change}
          names={names}
          shown={shown}
          layouts={layouts}
          titleOf={titleOf}
          noun={noun}
          source={source}
          query={query}
          total={shownPages.total}
          live={live}
          pending={following ? 0 : pending}
          onRefresh={() => {
            setSeenTotal(liveTotal ?? null);
            pages.refresh();
            if (source.newestFirst && scroller.current) scroller.current.scrollTop = 0;
          }}
          searchPlaceholder={searchPlaceholder}
          controls={controls}
          onResetWidths={() => setWidths({})}
        />
        {shownPages.error && shownPages.total === null ? (
          <Failure error={shownPages.error} retry={() => pages.refresh()} />
        ) : (
          <>
            {shownPages.error && (
              <div className="table-error" role="alert">
                <Message text={shownPages.error.message} />
                <button type="button" className="link" onClick={() => pages.refresh()}>
                  Try again
                </button>
              </div>
            )}
            <div
              ref={setScroller}
              className={`table-scroll ${waiting ? 'is-waiting' : ''}`}
              role="grid"
              aria-label={label}
              aria-rowcount={total + 1}
              aria-colcount={shown.length}
              aria-busy={loading || waiting}
              aria-activedescendant={active ? `${id}-${active.row}-${active.column}` : undefined}
              tabIndex={0}
              onScroll={(event) => setScrollTop(event.currentTarget.scrollTop)}
              onKeyDown={onKeyDown}
              onMouseOver={(event) => {
                const at = locate(event.target);
                if (at?.row !== hover?.row || at?.column !== hover?.column) setHover(at);
              }}
              onMouseLeave={() => setHover(null)}
              onFocus={() => undefined}
              onClick={(event) => {
                const at = locate(event.target);
                if (!at) return;
                setActive(at);
                if (event.target instanceof Element && event.target.closest('a, button')) return;
                scroller.current?.focus({ preventScroll: true });
                if (rowHref || (window.getSelection()?.toString() ?? '') !== '') return;
                change({ row: at.row, group: null });
              }}
              onDoubleClick={(event) => {
                const at = locate(event.target);
                if (at && rowHref) open(at.row, shownPages.row(at.row));
              }}
            >
              <div className="table-head" role="row" aria-rowindex={1} style={{ gridTemplateColumns: tracks, minWidth: tableWidth }}>
                {shown.map((name) => (
                  <HeaderCell
                    key={name}
                    name={name}
                    title={titleOf(name)}
                    kind={layouts.get(name)?.kind ?? 'text'}
                    width={widthOf(name)}
                    left={pinnedLeft.get(name)}
                    sort={state.sort}
                    sortable={sortable && info[name]?.sortable !== false}
                    canFilter={source.filters}
                    canGroup={!!source.facets}
                    filtered={state.filters.some((filter) => filter.column === name)}
                    onSort={(sort) => change({ sort, row: null }, true)}
                    onFilter={addFilter}
                    onGroup={() => change({ group: name, row: null }, true)}
                    onPin={() => change({ pinned: state.pinned.includes(name) ? state.pinned.filter((each) => each !== name) : [...state.pinned, name] })}
                    onHide={() => change({ columns: shown.filter((each) => each !== name) })}
                    onResize={(width) => setWidths({ ...widths, [name]: width })}
                    onMove={(target) => change({ columns: moveColumn(shown, target, name) })}
                    onShift={(by) => {
                      const target = shown[shown.indexOf(name) + by];
                      if (target) change({ columns: moveColumn(shown, name, target) });
                    }}
                  />
                ))}
              </div>
              <div className="table-body" role="rowgroup" style={{ height: view.height, minWidth: tableWidth, ['--tracks' as string]: tracks }}>
                {loading ? <SkeletonRows /> : rows}
              </div>
            </div>
            {!loading && total === 0 && (
              <div className="table-empty">
                {narrowed ? (
                  <div className="empty">
                    <h2>No {noun[0]} matches</h2>
                    <div className="empty-text">
                      <p>Take a filter away, or search for something else.</p>
                    </div>
                    <div className="empty-action">
                      <button type="button" className="button" onClick={() => change({ filters: [], quick: '' }, true)}>
                        Clear search and filters
                      </button>
                    </div>
                  </div>
                ) : (
                  empty
                )}
              </div>
            )}
          </>
        )}
        <p className="sr-only" role="status">
          {loading ? `Loading ${noun[1]}` : plural(total, ...noun)}
        </p>
      </div>
    </Split>
  );
}

/** Which source each page store belongs to: old rows are kept only while the same source answers another query. */
const keys = new WeakMap<RowPages, string>();

function SkeletonRows() {
  return (
    <>
      {Array.from({ length: 14 }, (_, index) => (
        <div key={index} role="row" aria-hidden="true" className="skeleton-row" style={{ transform: `translateY(${index * ROW_HEIGHT}px)` }}>
          <span role="gridcell" style={{ width: `${30 + ((index * 37) % 50)}%` }} />
        </div>
      ))}
    </>
  );
}

interface RowProps {
  tableId: string;
  index: number;
  top: number;
  row: Json[] | undefined;
  shown: string[];
  names: string[];
  layouts: Map<string, ColumnLayout>;
  info: Record<string, ColumnInfo>;
  zone: Zone;
  context: CellContext;
  pinnedLeft: Map<string, number>;
  /** Changes when `pinnedLeft`, a fresh map each time, really does. */
  pinnedKey: string;
  active: number;
  tools: number;
  selected: boolean;
  canFilter: boolean;
  onFilter: (column: string, value: Json, keep: boolean) => void;
}

const Row = memo(
  function Row({ tableId, index, top, row, shown, names, layouts, info, zone, context, pinnedLeft, active, tools, selected, canFilter, onFilter }: RowProps) {
    const get: RowGet = (column) => row?.[names.indexOf(column)] ?? null;
    const processHref = row && context.processHref ? context.processHref(get) : null;
    return (
      <div
        role="row"
        aria-rowindex={index + 2}
        aria-selected={selected}
        className={`table-row ${index % 2 ? 'is-odd' : ''} ${selected ? 'is-selected' : ''} ${active >= 0 ? 'is-active' : ''}`}
        style={{ transform: `translateY(${top}px)` }}
      >
        {shown.map((name, column) => {
          const kind = layouts.get(name)?.kind ?? 'text';
          const left = pinnedLeft.get(name);
          const value = get(name);
          const render = info[name]?.render;
          const leads = kind === 'chain' || (kind === 'pid' && name.toLowerCase() === 'pid') || name === 'Name';
          return (
            <div
              key={name}
              id={`${tableId}-${index}-${column}`}
              role="gridcell"
              aria-colindex={column + 1}
              data-row={index}
              data-column={column}
              className={`td ${isNumeric(kind) ? 'is-number' : ''} ${left === undefined ? '' : 'is-pinned'} ${active === column ? 'is-current' : ''}`}
              style={left === undefined ? undefined : { left }}
            >
              {row === undefined ? (
                <span className="td-pending" />
              ) : render ? (
                render(value, get)
              ) : (
                <Cell value={value} kind={kind} zone={zone} context={context} href={leads ? processHref : null} />
              )}
              {row !== undefined && tools === column && (
                <span className="cell-tools">
                  {canFilter && <IconButton icon="filter" label="Filter for this value (f)" tabIndex={-1} onClick={() => onFilter(name, value, true)} />}
                  {canFilter && <IconButton icon="filterOut" label="Filter out this value (x)" tabIndex={-1} onClick={() => onFilter(name, value, false)} />}
                  <IconButton icon="copy" label="Copy value (c)" tabIndex={-1} onClick={() => void copyText(typeof value === 'string' ? value : JSON.stringify(value))} />
                </span>
              )}
            </div>
          );
        })}
      </div>
    );
  },
  (a, b) =>
    a.row === b.row &&
    a.top === b.top &&
    a.index === b.index &&
    a.shown === b.shown &&
    a.layouts === b.layouts &&
    a.info === b.info &&
    a.zone === b.zone &&
    a.context === b.context &&
    a.pinnedKey === b.pinnedKey &&
    a.active === b.active &&
    a.tools === b.tools &&
    a.selected === b.selected,
);
