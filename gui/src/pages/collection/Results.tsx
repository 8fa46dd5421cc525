/** The rows of a collection, source by source. */

import { useMemo } from 'react';
import { Link } from 'react-router';
import { flowPath } from '../../api/flows';
import { isActive, shownState, type Flow, type Json } from '../../api/types';
import { formatCount } from '../../lib/format';
import { useAddress } from '../../lib/hooks';
import { clientPage } from '../../lib/places';
import { vqlString } from '../../lib/text';
import { DataTable } from '../../table/DataTable';
import type { CellContext } from '../../table/cells';
import { restSource } from '../../table/source';
import { Empty } from '../../ui/empty';
import { Message } from '../../ui/message';

export function Results({ flow }: { flow: Flow }) {
  const [params, change] = useAddress();
  const sources = flow.sources;
  const wanted = params.get('source');
  const source = sources.find((each) => each.name === wanted) ?? sources.find((each) => each.rows > 0) ?? sources[0];
  const name = source?.name ?? '';
  const restUrl = flowPath(flow, 'results');
  const rows = useMemo(() => restSource(restUrl, { params: { source: name }, facets: true, exports: true, vql: `source(client_id=${vqlString(flow.client_id)}, flow_id=${vqlString(flow.flow_id)}, artifact=${vqlString(name)})` }), [restUrl, name, flow.client_id, flow.flow_id]);
  // A process row links to its family, which is built from these very rows.
  const context = useMemo<CellContext>(() => {
    const base = `${clientPage(flow.client_id, 'processes')}?flow=${encodeURIComponent(flow.flow_id)}`;
    return {
      clientId: flow.client_id,
      flowId: flow.flow_id,
      processHref: (get) => (get('Pid') !== null && get('CallChain') !== null ? `${base}&process=${encodeURIComponent(processKey(get))}` : null),
    };
  }, [flow.client_id, flow.flow_id]);
  const active = isActive(flow);
  if (!source)
    return (
      <Empty icon="collections" title={active ? 'No rows yet' : shownState(flow) === 'cancelled' ? 'It was cancelled before a row came' : flow.state === 'error' ? 'It failed before a row came' : 'No rows'}
        action={!active && <Link className="button" to="../logs" relative="path">Read its log</Link>}
      >
        <p>{active ? 'They appear here as soon as the machine sends them.' : flow.status ? <Message text={flow.status} /> : 'The collection finished without a row. Its log may say why.'}</p>
      </Empty>
    );
  return (
    <DataTable
      key={name}
      id={`results.${name}`}
      label={`Results of ${name}`}
      source={rows}
      context={context}
      arrange={chainFirst}
      liveTotal={source.rows}
      live={active}
      controls={
        sources.length > 1 ? (
          <select aria-label="Source" value={name} onChange={(event) => change({ source: event.target.value }, true)}>
            {sources.map((each) => (
              <option key={each.name} value={each.name}>
                {each.name} ({formatCount(each.rows)})
              </option>
            ))}
          </select>
        ) : undefined
      }
      empty={
        <Empty icon="collections" title={active ? 'No rows yet' : 'No rows from this source'}>
          <p>{active ? 'They appear here as soon as the machine sends them.' : 'It ran and found nothing.'}</p>
        </Empty>
      }
    />
  );
}

/** The call chain is the most important column of a process list: it comes right after the name. */
function chainFirst(names: string[]): string[] {
  if (!names.includes('CallChain') || !names.includes('Name')) return names;
  const others = names.filter((name) => name !== 'CallChain');
  others.splice(others.indexOf('Name') + 1, 0, 'CallChain');
  return others;
}

/** The identity of a process in a row: the tracker's id if the artifact sends one, else its pid. */
function processKey(get: (column: string) => Json): string {
  const id = get('TrackerId') ?? get('Id') ?? get('Pid');
  return typeof id === 'string' || typeof id === 'number' ? String(id) : '';
}
