/** Group and count: the values of a column with bars; a click filters. */

import { useCallback, useMemo, useState } from 'react';
import { useAnswer } from '../api/resource';
import type { Json } from '../api/types';
import { formatCount, plural, type Zone } from '../lib/format';
import { useDebounced } from '../lib/hooks';
import { useZone } from '../lib/prefs';
import { folds } from '../lib/text';
import { CopyButton } from '../ui/copy';
import { Failure, Loading } from '../ui/empty';
import { IconButton, Meter, Reveal } from '../ui/parts';
import { SearchBox } from '../ui/search';
import { Cell, Null } from './cells';
import { cellText, type Kind } from './kinds';
import { valueText } from './state';
import type { TableSource } from './source';
import type { TableQuery } from './state';

const SHOWN = 200;

interface Props {
  column: string;
  kind: Kind;
  count: NonNullable<TableSource['facets']>;
  query: TableQuery;
  liveTotal: number | undefined;
  onFilter: (value: Json, keep: boolean) => void;
  onClose: () => void;
}

export function FacetPanel({ column, kind, count, query, liveTotal, onFilter, onClose }: Props) {
  const [find, setFind] = useState('');
  const [shown, setShown] = useState(SHOWN);
  const [zone] = useZone();
  // New rows change the counts; once a second is often enough.
  const pulse = useDebounced(liveTotal, 1_000);
  const ask = useCallback((signal: AbortSignal) => count(column, query, signal), [count, column, query]);
  const { data: facets, error } = useAnswer(ask, pulse);

  const alike = useMemo(() => alikeTexts(facets?.values.map(({ value }) => value) ?? [], kind, zone), [facets, kind, zone]);
  const most = facets?.values[0]?.count ?? 1;
  const found = facets?.values.filter(({ value }) => !find || folds(cellText(value, kind, zone), find)) ?? [];
  return (
    <section className="panel" aria-label={`Values of ${column}`}>
      <header className="panel-head">
        <div>
          <h2>{column}</h2>
          {facets && (
            <p className="faint nums">
              {plural(facets.distinct, 'distinct value')} in {plural(facets.total, 'row')}
              {facets.distinct > facets.values.length && `; the ${formatCount(facets.values.length)} most frequent`}
            </p>
          )}
        </div>
        {facets && <CopyButton label="Copy values and counts" text={found.map(({ value, count }) => `${count}\t${cellText(value, kind, zone, 10_000)}`).join('\n')} />}
        <IconButton icon="close" label="Close" onClick={onClose} />
      </header>
      {error && <Failure error={error} />}
      {!facets && !error && <Loading what="counts" />}
      {facets && facets.values.length > 8 && (
        <div className="panel-search">
          <SearchBox value={find} onChange={setFind} instant label="Find a value" placeholder="Find a value" />
        </div>
      )}
      <ul className="facets">
        {found.slice(0, shown).map(({ value, count }) => (
          <li key={JSON.stringify(value)}>
            <button type="button" className="facet" onClick={() => onFilter(value, true)} title="Filter for this value">
              <span className="facet-value">{value === null ? <Null /> : value === '' ? <i className="faint">empty text</i> : <Cell value={value} kind={kind === 'client' || kind === 'flow' ? 'text' : kind} zone={zone} context={{}} />}
                {value !== null && (kind === 'bytes' && typeof value === 'number' ? <Exact text={`${formatCount(value)} B`} /> : alike.has(cellText(value, kind, zone)) && <Exact text={typeof value === 'string' && kind === 'text' ? JSON.stringify(value) : valueText(value)} />)}</span>
              <span className="facet-count nums">{formatCount(count)}</span>
              <Meter share={count / most} />
            </button>
            <IconButton icon="filterOut" label="Filter out this value" onClick={() => onFilter(value, false)} />
          </li>
        ))}
      </ul>
      {found.length > shown && (
        <button type="button" className="link panel-more" onClick={() => setShown(shown + 800)}>
          {plural(found.length - shown, 'more value')}
        </button>
      )}
    </section>
  );
}

/** Distinguishes a value from others that look the same after rounding or shortening. */
function Exact({ text }: { text: string }) {
  return (
    <span className="facet-exact nums">
      <Reveal text={text} />
    </span>
  );
}

/** The texts under which more than one of these values is shown: sizes rounded to one unit, times to the millisecond. */
export function alikeTexts(values: Json[], kind: Kind, zone: Zone): Set<string> {
  const seen = new Set<string>();
  const alike = new Set<string>();
  for (const value of values) {
    const text = cellText(value, kind, zone);
    if (seen.has(text)) alike.add(text);
    seen.add(text);
  }
  return alike;
}
