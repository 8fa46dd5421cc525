/** A small, complete table on an overview page. A single row is shown as fields. */

import type { Column, Json } from '../api/types';
import { plural } from '../lib/format';
import { useZone } from '../lib/prefs';
import { Cell } from './cells';
import { isNumeric, kindOf } from './kinds';
import { Full } from './RowPanel';

const NO_CONTEXT = {};
const MAX_ROWS = 200;

export function StaticTable({ label, columns, rows }: { label: string; columns: Column[]; rows: Json[][] }) {
  const [zone] = useZone();
  if (rows.length === 0) return <p className="faint">No rows.</p>;
  const kinds = columns.map((column, at) => kindOf(column, rows.slice(0, 30).map((row) => row[at] ?? null)));
  const only = rows.length === 1 ? rows[0] : undefined;
  if (only && columns.length > 3)
    return (
      <dl className="facts facts-wide">
        {columns.map((column, at) => (
          <div key={column.name}>
            <dt>{column.name}</dt>
            <dd>
              <Full value={only[at] ?? null} kind={kinds[at] ?? 'text'} context={NO_CONTEXT} />
            </dd>
          </div>
        ))}
      </dl>
    );
  return (
    // Wide tables scroll sideways; the box takes focus so that the keyboard can scroll it.
    <div className="static-table" tabIndex={0} role="region" aria-label={label}>
      <table>
        <thead>
          <tr>
            {columns.map((column, at) => (
              <th key={column.name} scope="col" className={isNumeric(kinds[at] ?? 'text') ? 'is-number' : ''}>
                {column.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, MAX_ROWS).map((row, index) => (
            <tr key={index}>
              {columns.map((column, at) => (
                <td key={column.name} className={isNumeric(kinds[at] ?? 'text') ? 'is-number' : ''}>
                  <Cell value={row[at] ?? null} kind={kinds[at] ?? 'text'} zone={zone} context={NO_CONTEXT} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > MAX_ROWS && <p className="faint">{plural(rows.length - MAX_ROWS, 'more row')} in the collection.</p>}
    </div>
  );
}
