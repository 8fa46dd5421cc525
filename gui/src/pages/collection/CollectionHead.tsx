/** The header of a collection: what it is, its progress, and the available actions. */

import { useState } from 'react';
import { Link, NavLink, useNavigate } from 'react-router';
import { cancelFlow, flowPath } from '../../api/flows';
import { apiUrl, del } from '../../api/http';
import { usePermission } from '../../api/session';
import { isActive, shownState, type FlowDetail } from '../../api/types';
import { formatBytes, formatCount, formatDuration, parseTime, plural } from '../../lib/format';
import { useNow } from '../../lib/hooks';
import { clientPage, flowPage } from '../../lib/places';
import { FlowStateBadge, flowDuration } from '../../ui/flow';
import { Icon } from '../../ui/icons';
import { Message } from '../../ui/message';
import { Button, Meter } from '../../ui/parts';
import { MenuItem, Popover } from '../../ui/popover';
import { Time } from '../../ui/time';
import { attempt } from '../../ui/toast';
import { ConfirmDialog } from '../../shell/Dialog';
import { shareableSpec } from '../collect/spec';

const TABS = [
  ['overview', 'Overview'],
  ['results', 'Results'],
  ['logs', 'Logs'],
  ['request', 'Request'],
] as const;

export function CollectionHead({ flow }: { flow: FlowDetail }) {
  const base = clientPage(flow.client_id, 'collections');
  const navigate = useNavigate();
  const may = usePermission('COLLECT_CLIENT');
  const cancel = () => void attempt(() => cancelFlow(flow), 'Cancelling');
  const [deleting, setDeleting] = useState(false);
  const remove = () =>
    attempt(async () => {
      await del(apiUrl(flowPath(flow)));
      void navigate(base);
    }, 'Collection deleted');
  return (
    <>
    <header className="flow-head">
      <Link to={base} className="icon-button" aria-label="All collections of this machine" title="All collections of this machine">
        <Icon name="left" />
      </Link>
      <h2>{flow.artifacts.join(', ')}</h2>
      <FlowStateBadge flow={flow} />
      <Progress flow={flow} />
      <nav className="tabs tabs-small" aria-label="Collection">
        {TABS.map(([tab, title]) => (
          <NavLink key={tab} to={flowPage(flow, tab)}>
            {title}
            {tab === 'results' && <span className="tab-number nums">{formatCount(flow.rows)}</span>}
            {tab === 'logs' && flow.logs > 0 && <span className="tab-number nums">{formatCount(flow.logs)}</span>}
          </NavLink>
        ))}
      </nav>
      <span className="toolbar-space" />
      {isActive(flow) && may && (
        <Button icon="stop" kind="danger" onClick={cancel}>
          Cancel
        </Button>
      )}
      <Popover label="More" icon="dots" align="end" className="button">
        {(close) => (
          <>
            <MenuItem
              icon="copy"
              onClick={() => {
                close();
                void navigate(`${base}/new?${shareableSpec({ artifacts: flow.artifacts.map((artifact) => ({ artifact, parameters: {} })), ...flow.request })}`);
              }}
            >
              Collect again, with changes
            </MenuItem>
            <hr />
            <MenuItem
              icon="trash"
              danger
              onClick={() => {
                close();
                setDeleting(true);
              }}
            >
              Delete this collection…
            </MenuItem>
          </>
        )}
      </Popover>
    </header>
    {deleting && (
      <ConfirmDialog title="Delete this collection?" action="Delete collection" typed="delete" onConfirm={remove} onClose={() => setDeleting(false)}>
        <p>
          <strong>{flow.artifacts.join(', ')}</strong> of <Time value={flow.created} />, by {flow.creator}, <code>{flow.flow_id}</code>
        </p>
        <p>
          {isActive(flow) && 'It is still running and is stopped first. '}
          {plural(flow.rows, 'row')}, {plural(flow.logs, 'log line')}
          {flow.uploaded_files > 0 && ` and ${plural(flow.uploaded_files, 'uploaded file')} (${formatBytes(flow.uploaded_bytes)})`} are removed from the server. This cannot be undone.
        </p>
      </ConfirmDialog>
    )}
    </>
  );
}

/** Why it ended early, on every tab: its rows may be incomplete. */
export function Ended({ flow }: { flow: FlowDetail }) {
  const state = shownState(flow);
  const kept = flow.rows > 0 ? `The ${plural(flow.rows, 'row')} that came before ${flow.rows === 1 ? 'is' : 'are'} kept.` : '';
  return (
    <p className={`flow-ended notice ${state === 'error' || state === 'incomplete' ? 'notice-error' : state === 'cancelled' ? 'notice-quiet' : ''}`} role={state === 'cancelled' ? 'status' : 'alert'}>
      <Message text={`${flow.status ?? ''}`.replace(/([^.!?])$/, '$1.')} /> {state !== 'finished' && kept}
    </p>
  );
}

/** The current activity, its progress and duration. */
function Progress({ flow }: { flow: FlowDetail }) {
  const active = isActive(flow);
  const now = useNow(active ? 1_000 : 60_000);
  const since = parseTime(flow.started ?? flow.created);
  const limit = flow.limits.timeout;
  const took = flowDuration(flow, now);
  if (!active) return <span className="faint nums flow-progress">{plural(flow.rows, 'row')}{took !== null && ` in ${formatDuration(took)}`}</span>;
  const passed = since === null ? 0 : Math.max(0, now - since);
  return (
    <span className="flow-progress nums">
      {plural(flow.rows, 'row')} · {formatDuration(passed)}
      {limit !== null && limit > 0 && (
        <span className="flow-limit" title={`stops after ${formatDuration(limit * 1_000)}`}>
          <Meter share={passed / (limit * 1_000)} />
        </span>
      )}
    </span>
  );
}
