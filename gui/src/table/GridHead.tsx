/** The headers of a grid's columns. */

import { HeaderCell } from './HeaderCell';
import type { TableSource } from './source';
import { moveColumn, type Filter, type TableState } from './state';
import type { ColumnsShown } from './useColumnLayout';
import type { ChangeState } from './useTableState';

interface Props {
  layout: ColumnsShown;
  tracks: string;
  minWidth: number;
  source: TableSource;
  sortable: boolean;
  state: TableState;
  change: ChangeState;
  onAddFilter: (filter: Filter) => void;
}

export function GridHead({ layout, tracks, minWidth, source, sortable, state, change, onAddFilter }: Props) {
  const { columns, shown, resize } = layout;
  return (
    <div className="table-head" role="row" aria-rowindex={1} style={{ gridTemplateColumns: tracks, minWidth }}>
      {columns.map((column, at) => {
        const { name, isPinned } = column;
        return (
          <HeaderCell
            key={name}
            column={column}
            sort={state.sort}
            sortable={sortable && column.sortable}
            canFilter={source.filters}
            canGroup={!!source.facets}
            filtered={state.filters.some((filter) => filter.column === name)}
            onSort={(sort) => change({ sort, row: null }, true)}
            onFilter={onAddFilter}
            onGroup={() => change({ group: name, row: null }, true)}
            onPin={() => change({ pinned: isPinned ? state.pinned.filter((each) => each !== name) : [...state.pinned, name] })}
            onHide={() => change({ columns: shown.filter((each) => each !== name) })}
            onResize={(width) => resize(name, width)}
            onMove={(dropped) => change({ columns: moveColumn(shown, dropped, name) })}
            onShift={(by) => {
              const target = shown[at + by];
              if (target) change({ columns: moveColumn(shown, name, target) });
            }}
          />
        );
      })}
    </div>
  );
}
