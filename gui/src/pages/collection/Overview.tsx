/** The request, its limits, and its outcome. */

import { Link } from 'react-router';
import { isActive, type FlowDetail } from '../../api/types';
import { formatBytes, formatCount, plural } from '../../lib/format';
import { artifactPage, flowPage } from '../../lib/places';
import { CopyId } from '../../ui/copy';
import { Took } from '../../ui/flow';
import { Message } from '../../ui/message';
import { Time } from '../../ui/time';
import { LIMITS } from '../collect/spec';

export function Overview({ flow }: { flow: FlowDetail }) {
  const facts: [string, React.ReactNode][] = [
    ['Collection id', <CopyId key="id" id={flow.flow_id} />],
    ['By', flow.creator],
    ['Created', <Time key="created" value={flow.created} precise />],
    ['Started', <Time key="started" value={flow.started} precise />],
    ['Last active', <Time key="active" value={flow.last_active} precise />],
    ['Finished', <Time key="finished" value={flow.finished_at} precise />],
    ['Took', <Took key="took" flow={flow} />],
    ['Rows', formatCount(flow.rows)],
    ['Uploads', flow.uploaded_files === 0 ? 'none' : `${plural(flow.uploaded_files, 'file')}, ${formatBytes(flow.uploaded_bytes)}`],
    ['Urgent', flow.urgent ? 'yes' : 'no'],
  ];
  const limits = LIMITS.flatMap(({ key, title, unit }) => (flow.limits[key] ? [{ key, title, unit, value: flow.limits[key] }] : []));
  return (
    <div className="flow-overview">
      {isActive(flow) && flow.status && (
        <p className="notice">
          <Message text={flow.status} />
        </p>
      )}
      {flow.state === 'waiting' && <p className="notice">Waiting for the machine to pick this up. It does so within a second when it is online, else when it next connects.</p>}
      <div className="flow-columns">
        <section>
          <h2>Sources</h2>
          {flow.sources.length === 0 ? (
            <p className="soft">{isActive(flow) ? 'Rows appear here as soon as the machine sends them.' : 'No source returned a row.'}</p>
          ) : (
            <ul className="sources">
              {flow.sources.map((source) => (
                <li key={source.name}>
                  <Link to={`${flowPage(flow, 'results')}?source=${encodeURIComponent(source.name)}`}>
                    <strong>{source.name}</strong>
                    <span className="nums">{plural(source.rows, 'row')}</span>
                  </Link>
                </li>
              ))}
            </ul>
          )}
          {flow.request?.artifacts?.map((spec) => (
            <div key={spec.artifact} className="flow-spec">
              <h2>
                <Link to={artifactPage(spec.artifact)}>{spec.artifact}</Link>
              </h2>
              {Object.keys(spec.parameters).length === 0 ? (
                <p className="soft">Default parameters.</p>
              ) : (
                <dl className="facts">
                  {Object.entries(spec.parameters).map(([name, value]) => (
                    <div key={name}>
                      <dt>{name}</dt>
                      <dd className="mono">{value || <span className="faint">empty</span>}</dd>
                    </div>
                  ))}
                </dl>
              )}
            </div>
          ))}
        </section>
        <section>
          <h2>Facts</h2>
          <dl className="facts">
            {facts.map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd className="nums">{value}</dd>
              </div>
            ))}
          </dl>
          <h2>Limits</h2>
          {limits.length === 0 ? (
            <p className="soft">None: it may take what it needs.</p>
          ) : (
            <dl className="facts">
              {limits.map(({ key, title, unit, value }) => (
                <div key={key}>
                  <dt>{title}</dt>
                  <dd className="nums">
                    {unit === 'B' ? formatBytes(value) : `${formatCount(value)} ${unit}`}
                  </dd>
                </div>
              ))}
            </dl>
          )}
        </section>
      </div>
    </div>
  );
}
