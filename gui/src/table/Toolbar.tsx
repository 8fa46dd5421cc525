/** The bar above a table: search, filters, number of rows, columns, export. */

import type { ReactNode } from 'react';
import { formatCount, plural, type Zone } from '../lib/format';
import { useZone } from '../lib/prefs';
import { zonedTime } from '../lib/typedTime';
import { copyText } from '../ui/copy';
import { Icon } from '../ui/icons';
import { IconButton } from '../ui/parts';
import { MenuItem, Popover } from '../ui/popover';
import { SearchBox } from '../ui/search';
import type { Noun } from './columns';
import { FilterForm } from './FilterForm';
import type { TableSource } from './source';
import { isTime, type Kind } from './kinds';
import { moveColumn, opTakesValue, opWord, valueText, type Filter, type TableQuery, type TableState } from './state';
import type { ColumnsShown } from './useColumnLayout';
import type { ChangeState } from './useTableState';
import { toVql } from './vql';

interface Props {
  state: TableState;
  change: ChangeState;
  layout: ColumnsShown;
  source: TableSource;
  query: TableQuery;
  total: number | null;
  /** The nouns for a row: singular, plural. */
  noun: Noun;
  live: boolean;
  /** Rows that came since a sorted or filtered view was fetched. */
  pending: number;
  onRefresh: () => void;
  searchPlaceholder: string;
  controls: ReactNode;
}

export function Toolbar(props: Props) {
  const { state, change, layout, source, total, live, pending, controls, noun } = props;
  const [zone] = useZone();
  return (
    <div className="toolbar">
      <div className="toolbar-line">
        {controls}
        <SearchBox value={state.quick} onChange={(quick) => change({ quick, row: null })} label={props.searchPlaceholder} placeholder={props.searchPlaceholder} hotkey />
        <span className="toolbar-count nums" aria-hidden="true">
          {total === null ? '' : plural(total, ...noun)}
          {live && <span className="live-mark" title={`more ${noun[1]} may come`} />}
        </span>
        {pending > 0 && (
          <button type="button" className="chip chip-action" onClick={props.onRefresh}>
            <Icon name="refresh" size={12} /> {plural(pending, `new ${noun[0]}`, `new ${noun[1]}`)}
          </button>
        )}
        <span className="toolbar-space" />
        <ColumnChooser {...props} />
        {(source.exportUrl ?? source.vql) && <ExportMenu {...props} />}
      </div>
      {(state.filters.length > 0 || state.sort) && (
        <div className="toolbar-line chips">
          {state.filters.map((filter, index) => (
            <span className="chip" key={`${filter.column}:${filter.op}:${valueText(filter.value)}`}>
              <Popover
                className="chip-text"
                label={
                  <>
                    <b>{filter.column === '*' ? 'any column' : filter.column}</b> {opWord(filter.op)} {opTakesValue(filter.op) && <q>{filterText(filter, layout.kindOf(filter.column), zone).slice(0, 60) || 'empty text'}</q>}
                  </>
                }
              >
                {(close) => (
                  <FilterForm
                    column={filter.column}
                    kind={layout.kindOf(filter.column)}
                    initial={filter}
                    onDone={(next) => {
                      close();
                      change({ filters: state.filters.map((old, at) => (at === index ? next : old)), row: null }, true);
                    }}
                  />
                )}
              </Popover>
              <IconButton icon="close" label={`Remove filter on ${filter.column}`} onClick={() => change({ filters: state.filters.filter((_, at) => at !== index), row: null }, true)} />
            </span>
          ))}
          {state.sort && (
            <span className="chip">
              <button type="button" className="chip-text" onClick={() => state.sort && change({ sort: { ...state.sort, desc: !state.sort.desc } }, true)}>
                <Icon name={state.sort.desc ? 'down' : 'up'} size={12} /> <b>{layout.titleOf(state.sort.column)}</b> {state.sort.desc ? 'descending' : 'ascending'}
              </button>
              <IconButton icon="close" label="Remove sort" onClick={() => change({ sort: null }, true)} />
            </span>
          )}
          {state.filters.length > 1 && (
            <button type="button" className="link" onClick={() => change({ filters: [], row: null }, true)}>
              Clear filters
            </button>
          )}
        </div>
      )}
    </div>
  );
}

/** A time in a filter, in the displayed zone, with the zone; anything else unchanged. */
function filterText({ value }: Filter, kind: Kind, zone: Zone): string {
  const isMoment = isTime(kind) || (typeof value === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value));
  return isMoment ? zonedTime(value, zone) : valueText(value);
}

function ColumnChooser({ state, change, layout }: Props) {
  const { names, shown, titleOf, resetWidths } = layout;
  if (names.length === 0) return null;
  const hidden = names.filter((name) => !shown.includes(name));
  const set = (columns: string[]) => change({ columns });
  return (
    <Popover label="Columns" icon="columns" align="end" panelClass="column-chooser">
      {(close) => (
        <>
          <ul>
            {[...shown, ...hidden].map((name, index) => {
              const visible = index < shown.length;
              const before = shown[index - 1];
              const after = shown[index + 1];
              return (
                <li key={name}>
                  <label>
                    <input type="checkbox" checked={visible} disabled={visible && shown.length === 1} onChange={() => set(visible ? shown.filter((each) => each !== name) : [...shown, name])} />
                    <span>{titleOf(name)}</span>
                  </label>
                  {visible && (
                    <>
                      <IconButton icon="up" label={`Move ${name} earlier`} disabled={!before} onClick={() => before && set(moveColumn(shown, name, before))} />
                      <IconButton icon="down" label={`Move ${name} later`} disabled={!after} onClick={() => after && set(moveColumn(shown, name, after))} />
                    </>
                  )}
                </li>
              );
            })}
          </ul>
          <hr />
          <MenuItem icon="check" onClick={() => set([...shown, ...hidden])}>
            Show all {formatCount(names.length)}
          </MenuItem>
          <MenuItem
            icon="refresh"
            onClick={() => {
              close();
              change({ columns: null, pinned: [] });
              resetWidths();
            }}
          >
            Reset columns and widths
          </MenuItem>
          {state.pinned.length > 0 && (
            <MenuItem icon="pin" onClick={() => change({ pinned: [] })}>
              Unpin all
            </MenuItem>
          )}
        </>
      )}
    </Popover>
  );
}

const FORMATS = [
  ['csv', 'CSV', 'for a spreadsheet'],
  ['json', 'JSON', 'one array'],
  ['jsonl', 'JSON lines', 'one object per line'],
] as const;

function ExportMenu({ source, layout, query, total, noun }: Props) {
  const { names, shown } = layout;
  return (
    <Popover label="Export" icon="download" align="end" panelClass="export-menu">
      {(close) => (
        <>
          {source.exportUrl && (
            <>
              <p className="menu-note">
                {plural(total ?? 0, ...noun)}, {plural(shown.length, 'column')}: what is shown, all pages.
              </p>
              {FORMATS.map(([format, title, hint]) => (
                <a key={format} className="menu-item" href={source.exportUrl?.(format, shown, query)} download onClick={close}>
                  <Icon name="download" size={14} />
                  <span className="menu-text">
                    {title} <span className="faint">{hint}</span>
                  </span>
                </a>
              ))}
            </>
          )}
          {source.vql && (
            <MenuItem
              icon="copy"
              onClick={() => {
                close();
                void copyText(toVql(source.vql ?? '', query, shown.length === names.length ? null : shown, names), 'Query copied');
              }}
            >
              Copy as VQL
            </MenuItem>
          )}
        </>
      )}
    </Popover>
  );
}
