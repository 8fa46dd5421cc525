/** Group and count: the values of a column with bars; a click filters. */

import { useEffect, useState } from 'react';
import { ApiError } from '../api/http';
import type { Facets, Json } from '../api/types';
import { formatCount, plural } from '../lib/format';
import { useDebounced } from '../lib/hooks';
import { useZone } from '../lib/prefs';
import { folds } from '../lib/text';
import { CopyButton, Failure, IconButton, Loading, Meter, SearchBox } from '../ui/parts';
import { Cell } from './cells';
import { cellText, type Kind } from './kinds';
import type { TableSource } from './source';
import type { TableQuery } from './state';

const SHOWN = 200;

interface Props {
  column: string;
  kind: Kind;
  source: TableSource;
  query: TableQuery;
  liveTotal: number | undefined;
  onFilter: (value: Json, keep: boolean) => void;
  onClose: () => void;
}

export function FacetPanel({ column, kind, source, query, liveTotal, onFilter, onClose }: Props) {
  const [facets, setFacets] = useState<Facets | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [find, setFind] = useState('');
  const [shown, setShown] = useState(SHOWN);
  const [zone] = useZone();
  // New rows change the counts; once a second is often enough.
  const pulse = useDebounced(liveTotal, 1_000);
  useEffect(() => {
    const controller = new AbortController();
    source.facets?.(column, query, controller.signal).then(
      (answer) => {
        setFacets(answer);
        setError(null);
      },
      (reason: unknown) => {
        if (!controller.signal.aborted) setError(reason instanceof ApiError ? reason : new ApiError(0, 'error', String(reason)));
      },
    );
    return () => controller.abort();
  }, [source.key, column, query, pulse]); // eslint-disable-line react-hooks/exhaustive-deps

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
              <span className="facet-value">{value === '' || value === null ? <i className="faint">{value === null ? 'null' : 'empty text'}</i> : <Cell value={value} kind={kind === 'client' || kind === 'flow' ? 'text' : kind} zone={zone} context={{}} />}</span>
              <span className="facet-count nums">{formatCount(count)}</span>
              <Meter share={count / most} />
            </button>
            <IconButton icon="filterOut" label="Filter out this value" onClick={() => onFilter(value, false)} />
          </li>
        ))}
      </ul>
      {found.length > shown && (
        <button type="button" className="link panel-more" onClick={() => setShown(shown + 800)}>
          {formatCount(found.length - shown)} more values
        </button>
      )}
    </section>
  );
}
