/** A column's header: click sorts, the menu does the rest, the edge resizes, dragging moves. */

import { useState } from 'react';
import { dragSideways } from '../lib/drag';
import { Icon } from '../ui/icons';
import { MenuItem, Popover } from '../ui/popover';
import type { GridColumn } from './columns';
import { FilterForm } from './FilterForm';
import { isNumeric } from './kinds';
import { nextSort, type Filter, type Sort } from './state';

const MIN_WIDTH = 48;
const MAX_WIDTH = 1_600;
const DRAG_TYPE = 'application/x-peregrine-column';

interface Props {
  column: GridColumn;
  sort: Sort | null;
  sortable: boolean;
  canFilter: boolean;
  canGroup: boolean;
  filtered: boolean;
  onSort: (sort: Sort | null) => void;
  onFilter: (filter: Filter) => void;
  onGroup: () => void;
  onPin: () => void;
  onHide: () => void;
  onResize: (width: number) => void;
  /** Another column was dropped here. */
  onMove: (dropped: string) => void;
  onShift: (by: number) => void;
}

export function HeaderCell(props: Props) {
  const { column, sort, sortable, canFilter, canGroup, filtered } = props;
  const { name, title, kind, width, start, isPinned } = column;
  const [over, setOver] = useState(false);
  const direction = sort?.column === name ? (sort.desc ? 'descending' : 'ascending') : 'none';
  return (
    <div
      role="columnheader"
      aria-sort={direction}
      tabIndex={-1}
      className={`th ${isNumeric(kind) ? 'is-number' : ''} ${isPinned ? 'is-pinned' : ''} ${over ? 'is-target' : ''}`}
      style={isPinned ? { left: start } : undefined}
      draggable
      onDragStart={(event) => {
        event.dataTransfer.setData(DRAG_TYPE, name);
        event.dataTransfer.effectAllowed = 'move';
      }}
      onDragOver={(event) => {
        if (!event.dataTransfer.types.includes(DRAG_TYPE)) return;
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        setOver(false);
        event.preventDefault();
        props.onMove(event.dataTransfer.getData(DRAG_TYPE));
      }}
    >
      <button type="button" className="th-sort" disabled={!sortable} onClick={() => props.onSort(nextSort(sort, name))} title={sortable ? `${title}: sort` : title}>
        <span className="th-title">{title}</span>
        {direction !== 'none' && <Icon name={direction === 'ascending' ? 'up' : 'down'} size={12} />}
        {filtered && <Icon name="filter" size={12} />}
      </button>
      <Popover label={<Icon name="down" size={12} />} name={`${title}: column menu`} className="th-menu" panelClass="column-menu" align="end">
        {(close) => {
          const then = (action: () => void) => () => {
            close();
            action();
          };
          return (
            <>
              {canFilter && (
                <FilterForm
                  column={name}
                  kind={kind}
                  onDone={(filter) => {
                    close();
                    props.onFilter(filter);
                  }}
                />
              )}
              {canGroup && (
                <MenuItem icon="bars" onClick={then(props.onGroup)} hint="u">
                  Group and count
                </MenuItem>
              )}
              {sortable && (
                <>
                  <MenuItem icon="up" onClick={then(() => props.onSort({ column: name, desc: false }))}>
                    Sort ascending
                  </MenuItem>
                  <MenuItem icon="down" onClick={then(() => props.onSort({ column: name, desc: true }))}>
                    Sort descending
                  </MenuItem>
                </>
              )}
              <hr />
              <MenuItem icon="pin" onClick={then(props.onPin)}>
                {isPinned ? 'Unpin' : 'Pin to the left'}
              </MenuItem>
              <MenuItem icon="left" onClick={then(() => props.onShift(-1))}>
                Move left
              </MenuItem>
              <MenuItem icon="right" onClick={then(() => props.onShift(1))}>
                Move right
              </MenuItem>
              <MenuItem icon="close" onClick={then(props.onHide)}>
                Hide column
              </MenuItem>
            </>
          );
        }}
      </Popover>
      <span
        className="th-edge"
        aria-hidden="true"
        draggable
        onDragStart={(event) => {
          event.preventDefault();
          event.stopPropagation();
        }}
        onPointerDown={(event) => {
          event.stopPropagation();
          dragSideways(event, (by) => props.onResize(Math.max(MIN_WIDTH, Math.min(MAX_WIDTH, width + by))));
        }}
      />
    </div>
  );
}
