/** The artifacts and their documentation. */

import { useMemo } from 'react';
import { Link, NavLink, useNavigate, useParams } from 'react-router';
import { apiUrl, path } from '../api/http';
import { useResource } from '../api/resource';
import type { Artifact, ArtifactList } from '../api/types';
import { formatCount, plural } from '../lib/format';
import { useQueryParam, useTitle } from '../lib/hooks';
import { artifactPage, clientPage } from '../lib/places';
import { useSelectedClient } from '../shell/Shell';
import { Code } from '../ui/code';
import { Command } from '../ui/copy';
import { Empty, Failure, Loading } from '../ui/empty';
import { Inline, Markdown } from '../ui/markdown';
import { SearchBox } from '../ui/search';
import { summary } from './collect/ArtifactPicker';
import { limitOf, LIMITS, matchesWords } from './collect/spec';

const TYPES: [string, string][] = [
  ['', 'All types'],
  ['client', 'Client'],
  ['client_event', 'Client event'],
  ['server', 'Server'],
  ['server_event', 'Server event'],
];

export default function Artifacts() {
  const { name } = useParams();
  const navigate = useNavigate();
  const [find, setFind] = useQueryParam('search');
  const [type, setType] = useQueryParam('type');
  useTitle(name ?? 'Artifacts');
  const { data, error, reload } = useResource<ArtifactList>(apiUrl('artifacts'));
  const found = useMemo(
    () =>
      (data?.artifacts ?? [])
        .filter((artifact) => (!type || artifact.type.toLowerCase() === type) && matchesWords(`${artifact.name} ${artifact.description ?? ''} ${artifact.author ?? ''}`, find ?? ''))
        .sort((a, b) => Number(!matchesWords(a.name, find ?? '')) - Number(!matchesWords(b.name, find ?? '')) || a.name.localeCompare(b.name)),
    [data, find, type],
  );
  if (error && !data) return <Failure error={error} retry={reload} command="peregrine artifacts list" />;
  const search = window.location.search;
  return (
    <div className="page browser">
      <section className="browser-list" aria-label="Artifacts">
        <header className="browser-head">
          <h1>Artifacts</h1>
          <span className="faint nums">{data ? plural(found.length, 'artifact') : ''}</span>
        </header>
        <div className="browser-filters">
          <SearchBox value={find ?? ''} onChange={setFind} label="Find artifacts" placeholder="Words" hotkey />
          <select aria-label="Type" value={type ?? ''} onChange={(event) => setType(event.target.value)}>
            {TYPES.map(([value, title]) => (
              <option key={value} value={value}>
                {title}
              </option>
            ))}
          </select>
        </div>
        {!data && <Loading what="artifacts" />}
        {/* Arrow keys walk the links. */}
        {/* eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions */}
        <ul
          className="browser-items"
          onKeyDown={(event) => {
            if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
            event.preventDefault();
            const links = [...event.currentTarget.querySelectorAll<HTMLElement>('a')];
            const next = links[links.indexOf(document.activeElement as HTMLElement) + (event.key === 'ArrowDown' ? 1 : -1)];
            next?.focus();
            const target = next?.dataset['name'];
            if (target) void navigate(`${artifactPage(target)}${search}`, { replace: true });
          }}
        >
          {found.map((artifact) => (
            <li key={artifact.name}>
              <NavLink to={`${artifactPage(artifact.name)}${search}`} data-name={artifact.name}>
                <strong>{artifact.name}</strong>
                <span className="picker-text">{summary(artifact.description)}</span>
              </NavLink>
            </li>
          ))}
        </ul>
        {data && found.length === 0 && <p className="picker-none soft">No artifact has all these words.</p>}
      </section>
      <div className="browser-main">
        {name ? (
          <ArtifactView key={name} name={name} />
        ) : (
          <Empty icon="artifacts" title="Choose an artifact" command="peregrine artifacts show Generic.System.Pstree">
            <p>An artifact is a question with a name: a VQL query, its parameters and its documentation.</p>
          </Empty>
        )}
      </div>
    </div>
  );
}

function ArtifactView({ name }: { name: string }) {
  const { data: artifact, error, reload } = useResource<Artifact>(apiUrl(path('artifacts', name)));
  const clientId = useSelectedClient();
  if (error && !artifact) return <Failure error={error} retry={reload} command={`peregrine artifacts show ${name}`} />;
  if (!artifact) return <Loading what="artifact" />;
  const type = artifact.type.toLowerCase();
  const limits = LIMITS.filter(({ key }) => limitOf(artifact.resources, key));
  return (
    <article className="artifact">
      <header className="artifact-head">
        <div>
          <h1>{artifact.name}</h1>
          <p className="soft">
            <span className="tag">{type.replace('_', ' ')}</span> <span className="tag">{artifact.built_in ? 'built in' : 'custom'}</span> {artifact.basic && <span className="tag" title="People with the permission COLLECT_BASIC may collect it, too">basic</span>} {artifact.author && <>by {artifact.author}</>}
          </p>
        </div>
        <span className="toolbar-space" />
        {type === 'client' &&
          (clientId ? (
            <Link className="button button-primary" to={`${clientPage(clientId, 'collections', 'new')}?artifact=${encodeURIComponent(name)}`}>
              Collect from the selected machine
            </Link>
          ) : (
            <Link className="button" to="/clients">
              Choose a machine to collect from
            </Link>
          ))}
        {type === 'client_event' && (
          <Link className="button button-primary" to={`/monitoring?add=${encodeURIComponent(name)}`}>
            Monitor
          </Link>
        )}
      </header>
      {artifact.description && <Markdown text={artifact.description} />}
      {(artifact.parameters?.length ?? 0) > 0 && (
        <section>
          <h2>Parameters</h2>
          <table className="plain-table">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Type</th>
                <th scope="col">Default</th>
                <th scope="col">Meaning</th>
              </tr>
            </thead>
            <tbody>
              {artifact.parameters?.map((parameter) => (
                <tr key={parameter.name}>
                  <td>
                    <code>{parameter.name}</code>
                  </td>
                  <td className="soft">{parameter.type || 'string'}</td>
                  <td>{parameter.default ? <code className="param-default">{parameter.default}</code> : <span className="faint">empty</span>}</td>
                  <td>
                    <Inline text={parameter.description ?? parameter.friendly_name ?? ''} />
                    {parameter.choices && parameter.choices.length > 0 && <span className="faint"> One of {parameter.choices.join(', ')}.</span>}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
      {(artifact.sources?.filter((source) => source.name ?? source.description).length ?? 0) > 0 && (
        <section>
          <h2>Sources</h2>
          <ul className="bullets">
            {artifact.sources?.map((source, index) => (
              <li key={index}>
                <code>{source.name ?? artifact.name}</code> <Inline text={source.description ?? ''} />
              </li>
            ))}
          </ul>
        </section>
      )}
      {artifact.precondition && (
        <section>
          <h2>Runs only where</h2>
          <Code text={artifact.precondition} language="vql" label="precondition" />
        </section>
      )}
      {limits.length > 0 && (
        <section>
          <h2>Limits</h2>
          <p>{limits.map(({ key, title, unit }) => `${title}: ${formatCount(Number(limitOf(artifact.resources, key)))} ${unit}`).join(' · ')}</p>
        </section>
      )}
      {(artifact.references?.length ?? 0) > 0 && (
        <section>
          <h2>References</h2>
          <ul className="bullets">
            {artifact.references?.map((reference) => (
              <li key={reference}>{/^https?:\/\//.test(reference) ? <a href={reference} target="_blank" rel="noopener noreferrer">{reference}</a> : <Inline text={reference} />}</li>
            ))}
          </ul>
        </section>
      )}
      {type === 'client' && (
        <section>
          <h2>From a terminal</h2>
          <Command>{`peregrine artifacts collect ${artifact.name}`}</Command>
        </section>
      )}
      {artifact.raw && (
        <section>
          <h2>Definition</h2>
          <Code text={artifact.raw} language="yaml" label="artifact definition" />
        </section>
      )}
    </article>
  );
}
