/** Which event artifacts run on which machines: on all, and on those with a label. */

import { useEffect, useState } from 'react';
import { useSearchParams } from 'react-router';
import { apiUrl, put } from '../api/http';
import { patch, useResource } from '../api/resource';
import { usePermission } from '../api/session';
import type { Artifact, ArtifactSpec, MonitoringTable } from '../api/types';
import { useTitle } from '../lib/hooks';
import { Button, Empty, Failure, IconButton, Loading } from '../ui/parts';
import { Popover } from '../ui/popover';
import { attempt } from '../ui/toast';
import { ArtifactPicker, summary } from './collect/ArtifactPicker';
import { ParameterField } from './collect/ParameterField';

const URL = apiUrl('monitoring/client');

interface Group {
  /** null = all machines. */
  label: string | null;
  artifacts: ArtifactSpec[];
}

const toGroups = (table: MonitoringTable): Group[] => [{ label: null, artifacts: table.artifacts }, ...table.label_events];
const toTable = (groups: Group[]): MonitoringTable => ({
  artifacts: groups.find((group) => group.label === null)?.artifacts ?? [],
  label_events: groups.flatMap((group) => (group.label === null ? [] : [{ label: group.label, artifacts: group.artifacts }])),
});

export default function Monitoring() {
  useTitle('Client monitoring');
  const { data: table, error, reload } = useResource<MonitoringTable>(URL);
  const { data: known } = useResource<{ artifacts: Artifact[] }>(apiUrl('artifacts', { type: 'client_event' }));
  const [draft, setDraft] = useState<Group[] | null>(null);
  const [label, setLabel] = useState('');
  const [params, setParams] = useSearchParams();
  const may = usePermission('COLLECT_CLIENT');
  const groups = draft ?? (table ? toGroups(table) : null);
  const adding = params.get('add');
  useEffect(() => {
    if (!adding || !table) return;
    const start = toGroups(table);
    if (!start[0]?.artifacts.some((each) => each.artifact === adding)) setDraft(start.map((group) => (group.label === null ? { ...group, artifacts: [...group.artifacts, { artifact: adding, parameters: {} }] } : group)));
    setParams({}, { replace: true });
  }, [adding, table, setParams]);
  if (error && !table) return <Failure error={error} retry={reload} />;
  if (!groups || !table) return <Loading what="monitoring" />;
  const changed = draft !== null && JSON.stringify(toTable(draft)) !== JSON.stringify(table);
  const update = (at: number, artifacts: ArtifactSpec[]) => setDraft(groups.map((group, index) => (index === at ? { ...group, artifacts } : group)));
  const save = () =>
    void attempt(async () => {
      const saved = await put<MonitoringTable>(URL, toTable(groups));
      patch<MonitoringTable>(URL, () => saved);
      setDraft(null);
    }, 'Monitoring saved; machines pick it up when they next report');
  return (
    <div className="page">
      <header className="page-head">
        <h1>Client monitoring</h1>
        <span className="soft">event artifacts that run on machines all the time</span>
      </header>
      <div className="monitoring">
        {groups.map((group, at) => (
          <section key={group.label ?? ''} className="monitor-group">
            <header>
              <h2>{group.label === null ? 'All machines' : <>Machines labelled <span className="label">{group.label}</span></>}</h2>
              <span className="toolbar-space" />
              {may && (
                <Popover label="Add artifacts" icon="plus" align="end" className="button" panelClass="monitor-picker">
                  {() => (
                    <ArtifactPicker
                      artifacts={known?.artifacts ?? []}
                      chosen={group.artifacts.map((each) => each.artifact)}
                      onToggle={(name) => update(at, group.artifacts.some((each) => each.artifact === name) ? group.artifacts.filter((each) => each.artifact !== name) : [...group.artifacts, { artifact: name, parameters: {} }])}
                    />
                  )}
                </Popover>
              )}
              {may && group.label !== null && <IconButton icon="trash" label={`Remove the group ${group.label}`} onClick={() => setDraft(groups.filter((_, index) => index !== at))} />}
            </header>
            {group.artifacts.length === 0 ? (
              <Empty title="Nothing is monitored here">
                <p>Add an event artifact, such as process executions or name lookups. Its events appear on each machine’s Events page.</p>
              </Empty>
            ) : (
              group.artifacts.map((spec, index) => (
                <SpecEditor
                  key={spec.artifact}
                  spec={spec}
                  artifact={known?.artifacts.find((each) => each.name === spec.artifact)}
                  may={may}
                  onChange={(next) => update(at, group.artifacts.map((old, position) => (position === index ? next : old)))}
                  onRemove={() => update(at, group.artifacts.filter((_, position) => position !== index))}
                />
              ))
            )}
          </section>
        ))}
        {may && (
          <form
            className="monitor-add"
            onSubmit={(event) => {
              event.preventDefault();
              const name = label.trim();
              if (name && !groups.some((group) => group.label === name)) setDraft([...groups, { label: name, artifacts: [] }]);
              setLabel('');
            }}
          >
            <input aria-label="Label" placeholder="Label of a group of machines" value={label} onChange={(event) => setLabel(event.target.value)} />
            <Button icon="plus" type="submit" disabled={!label.trim()}>
              Add group
            </Button>
          </form>
        )}
      </div>
      {changed && (
        <footer className="collect-foot">
          <strong>Not saved yet</strong>
          <span className="soft">Machines keep running the old table until you save.</span>
          <span className="toolbar-space" />
          <Button onClick={() => setDraft(null)}>Discard changes</Button>
          <Button kind="primary" onClick={save}>
            Save monitoring
          </Button>
        </footer>
      )}
    </div>
  );
}

function SpecEditor({ spec, artifact, may, onChange, onRemove }: { spec: ArtifactSpec; artifact: Artifact | undefined; may: boolean; onChange: (spec: ArtifactSpec) => void; onRemove: () => void }) {
  const parameters = artifact?.parameters ?? [];
  const changed = Object.keys(spec.parameters).length;
  return (
    <div className="monitor-spec">
    <details>
      <summary>
        <strong>{spec.artifact}</strong>
        <span className="picker-text">{summary(artifact?.description ?? null)}</span>
        {changed > 0 && <span className="tag">{changed} changed</span>}
      </summary>
      <fieldset disabled={!may}>
        {parameters.length === 0 && <p className="faint">It has no parameters.</p>}
        {parameters.map((parameter) => (
          <ParameterField
            key={parameter.name}
            parameter={parameter}
            value={spec.parameters[parameter.name]}
            onChange={(value) => {
              const next = { ...spec.parameters };
              if (value === undefined) delete next[parameter.name];
              else next[parameter.name] = value;
              onChange({ ...spec, parameters: next });
            }}
          />
        ))}
      </fieldset>
    </details>
    {may && <IconButton icon="close" label={`Stop monitoring ${spec.artifact}`} onClick={onRemove} />}
    </div>
  );
}
