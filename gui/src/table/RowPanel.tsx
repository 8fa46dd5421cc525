/** One row with all its fields, in full. */

import { Link } from 'react-router';
import type { Column, Json } from '../api/types';
import { formatBytes, formatCount, isUnsetTime, parseTime } from '../lib/format';
import { defang } from '../lib/text';
import { copyText } from '../ui/copy';
import { Loading } from '../ui/empty';
import { JsonTree, LongText } from '../ui/json';
import { Icon } from '../ui/icons';
import { IconButton } from '../ui/parts';
import { Time } from '../ui/time';
import { Cell, Null, type CellContext } from './cells';
import { isTime, type Kind } from './kinds';
import { copiedText, type FilterByCell } from './Row';

interface Props {
  noun: string;
  index: number;
  total: number;
  row: Json[] | undefined;
  columns: Column[];
  kindOf: (name: string) => Kind;
  context: CellContext;
  processHref: string | null;
  canFilter: boolean;
  onFilter: FilterByCell;
  onMove: (index: number) => void;
  onClose: () => void;
}

export function RowPanel({ noun, index, total, row, columns, kindOf, context, processHref, canFilter, onFilter, onMove, onClose }: Props) {
  const object = row ? Object.fromEntries(columns.map((column, at) => [column.name, row[at] ?? null])) : null;
  return (
    <section className="panel" aria-label={`${noun} ${index + 1}`}>
      <header className="panel-head">
        <div>
          <h2 className="nums">
            {noun} {formatCount(index + 1)} <span className="faint">of {formatCount(total)}</span>
          </h2>
        </div>
        <IconButton icon="up" label="Previous row" disabled={index === 0} onClick={() => onMove(index - 1)} />
        <IconButton icon="down" label="Next row" disabled={index + 1 >= total} onClick={() => onMove(index + 1)} />
        <IconButton icon="copy" label="Copy row as JSON" disabled={!object} onClick={() => void copyText(JSON.stringify(object, null, 2), 'Row copied as JSON')} />
        <IconButton icon="close" label="Close details" onClick={onClose} />
      </header>
      {processHref && (
        <Link className="button button-primary panel-lead" to={processHref}>
          <Icon name="processes" size={14} /> Open process family
        </Link>
      )}
      {!row ? (
        <Loading what="row" />
      ) : (
        <dl className="fields">
          {columns.map((column, at) => {
            const value = row[at] ?? null;
            const kind = kindOf(column.name);
            return (
              <div className="field" key={column.name}>
                <dt>
                  <span>{column.name}</span>
                  <span className="field-tools">
                    {canFilter && <IconButton icon="filter" label={`Filter for this ${column.name}`} onClick={() => onFilter(column.name, value, true)} />}
                    {canFilter && <IconButton icon="filterOut" label={`Filter out this ${column.name}`} onClick={() => onFilter(column.name, value, false)} />}
                    <IconButton icon="copy" label={`Copy ${column.name}`} onClick={() => void copyText(copiedText(value, 2))} />
                  </span>
                </dt>
                <dd>
                  <Full value={value} kind={kind} context={context} />
                </dd>
              </div>
            );
          })}
        </dl>
      )}
    </section>
  );
}

/** A value without shortening (but folded if it is large). */
export function Full({ value, kind, context }: { value: Json; kind: Kind; context: CellContext }) {
  if (value === null) return <Null />;
  if (value === '') return <span className="faint">empty text</span>;
  if (typeof value === 'object') return <JsonTree value={value} depth={2} />;
  if (isTime(kind) && isUnsetTime(value, kind === 'birth')) return <span className="faint">not recorded ({String(value)})</span>;
  if (isTime(kind) && parseTime(value) !== null)
    return (
      <>
        <Time value={value} precise /> <span className="faint">(<Time value={value} relative />)</span>
      </>
    );
  if (kind === 'bytes' && typeof value === 'number')
    return (
      <>
        {formatBytes(value)} <span className="faint">({formatCount(value)} bytes)</span>
      </>
    );
  if (kind === 'client' || kind === 'flow' || kind === 'severity' || kind === 'bool') return <Cell value={value} kind={kind} zone="utc" context={context} />;
  const text = String(value);
  return (
    <span className={kind === 'text' || kind === 'number' || kind === 'chain' ? 'full' : 'full mono'}>
      <LongText text={kind === 'url' ? defang(text) : text} limit={2_000} />
    </span>
  );
}
