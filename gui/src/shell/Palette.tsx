/** The command palette: find any machine, artifact, recent collection or action with a few letters. */

import { useCallback, useEffect, useId, useRef, useState } from 'react';
import { useNavigate } from 'react-router';
import { apiUrl, get } from '../api/http';
import { useAnswer } from '../api/resource';
import type { SearchAnswer } from '../api/types';
import { useDebounced } from '../lib/hooks';
import { withoutMarks } from '../lib/marks';
import { artifactPage, clientPage, flowPage } from '../lib/places';
import { useTheme, useZone } from '../lib/prefs';
import { reveal } from '../lib/text';
import { stateLabel } from '../ui/flow';
import { Icon, type IconName } from '../ui/icons';
import { Dialog } from './Dialog';

interface Entry {
  key: string;
  group: string;
  icon: IconName;
  title: string;
  hint: string;
  run: () => void;
}

export function Palette({ clientId, onClose }: { clientId: string | null; onClose: () => void }) {
  const navigate = useNavigate();
  const [theme, setTheme] = useTheme();
  // With the system's theme, the other one of the two is offered.
  const isDark = theme === 'dark' || (theme === 'system' && window.matchMedia('(prefers-color-scheme: dark)').matches);
  const [zone, setZone] = useZone();
  const [text, setText] = useState('');
  const query = useDebounced(text.trim(), 120);
  const ask = useCallback((signal: AbortSignal) => get<SearchAnswer>(apiUrl('search', { q: query, limit: 20 }), signal), [query]);
  const { data: answer } = useAnswer(ask);
  const [at, setAt] = useState(0);
  const listId = useId();
  const list = useRef<HTMLDivElement>(null);

  const go = (to: string) => () => {
    onClose();
    void navigate(to);
  };
  const base = clientId ? clientPage(clientId) : null;
  const actions: Entry[] = [
    ...(base
      ? [
          { key: 'collect', group: 'Actions', icon: 'plus' as const, title: 'Collect from the selected machine', hint: 'n', run: go(`${base}/collections/new`) },
          { key: 'collections', group: 'Actions', icon: 'collections' as const, title: 'Collections of the selected machine', hint: 'g c', run: go(`${base}/collections`) },
          { key: 'processes', group: 'Actions', icon: 'processes' as const, title: 'Processes of the selected machine', hint: 'g p', run: go(`${base}/processes`) },
          { key: 'events', group: 'Actions', icon: 'events' as const, title: 'Events of the selected machine', hint: 'g v', run: go(`${base}/events`) },
        ]
      : []),
    { key: 'machines', group: 'Actions', icon: 'machines', title: 'All machines', hint: 'g m', run: go('/clients') },
    { key: 'online', group: 'Actions', icon: 'machines', title: 'Machines online now', hint: '', run: go('/clients?online=true') },
    { key: 'artifacts', group: 'Actions', icon: 'artifacts', title: 'Artifacts', hint: 'g a', run: go('/artifacts') },
    { key: 'monitoring', group: 'Actions', icon: 'monitoring', title: 'Client monitoring', hint: 'g e', run: go('/monitoring') },
    { key: 'server', group: 'Actions', icon: 'server', title: 'Server status and audit log', hint: 'g s', run: go('/server') },
    { key: 'theme', group: 'Actions', icon: isDark ? 'sun' : 'moon', title: isDark ? 'Light theme' : 'Dark theme', hint: '', run: () => { setTheme(isDark ? 'light' : 'dark'); onClose(); } },
    { key: 'zone', group: 'Actions', icon: 'clock', title: zone === 'utc' ? 'Show local times' : 'Show times in UTC', hint: '', run: () => { setZone(zone === 'utc' ? 'local' : 'utc'); onClose(); } },
  ];
  const words = text.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const matches = (entry: Entry) => words.every((word) => entry.title.toLowerCase().includes(word));
  const entries: Entry[] = [
    ...(answer?.clients ?? []).map((client): Entry => ({ key: client.client_id, group: 'Machines', icon: 'machines', title: client.hostname || client.client_id, hint: `${client.online ? 'online · ' : ''}${client.client_id}`, run: go(clientPage(client.client_id)) })),
    ...(answer?.flows ?? []).map((flow): Entry => ({ key: `${flow.client_id}${flow.flow_id}`, group: 'Recent collections', icon: 'collections', title: flow.artifacts.join(', '), hint: `${stateLabel(flow)} · ${flow.flow_id}`, run: go(flowPage(flow, 'overview')) })),
    ...(answer?.artifacts ?? []).map((artifact): Entry => ({ key: artifact.name, group: 'Artifacts', icon: 'artifacts', title: artifact.name, hint: withoutMarks((artifact.description ?? '').split('\n')[0] ?? ''), run: go(artifactPage(artifact.name)) })),
  ];
  const found = words.length === 0 ? [...actions, ...entries] : [...entries, ...actions.filter(matches)];
  const current = Math.min(at, found.length - 1);
  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  }, [current]);

  return (
    <Dialog title="Find" className="palette" onClose={onClose}>
      <div className="palette-input">
        <Icon name="search" />
        <input
          role="combobox"
          aria-expanded="true"
          aria-controls={listId}
          aria-activedescendant={found[current] ? `${listId}-${current}` : undefined}
          aria-label="Find a machine, artifact, collection or action"
          placeholder="Machine, artifact, collection, action"
          // The dialog exists to be typed into.
          // eslint-disable-next-line jsx-a11y/no-autofocus
          autoFocus
          value={text}
          spellCheck={false}
          autoComplete="off"
          onChange={(event) => {
            setText(event.target.value);
            setAt(0);
          }}
          onKeyDown={(event) => {
            if (event.key === 'ArrowDown') setAt((current + 1) % Math.max(1, found.length));
            else if (event.key === 'ArrowUp') setAt((current - 1 + found.length) % Math.max(1, found.length));
            else if (event.key === 'Enter') found[current]?.run();
            else return;
            event.preventDefault();
          }}
        />
      </div>
      <div className="palette-list" id={listId} role="listbox" aria-label="Found" ref={list}>
        {found.map((entry, index) => (
          <div key={entry.key} className="palette-row">
            {found[index - 1]?.group !== entry.group && <div className="palette-group" role="presentation">{entry.group}</div>}
            {/* Keys are handled by the input, as the combobox pattern asks. */}
            {/* eslint-disable-next-line jsx-a11y/click-events-have-key-events */}
            <div id={`${listId}-${index}`} role="option" tabIndex={-1} aria-selected={index === current} className="palette-entry" onClick={entry.run} onMouseMove={() => setAt(index)}>
              <Icon name={entry.icon} size={14} />
              <span className="palette-title">{reveal(entry.title)}</span>
              <span className="palette-hint">{reveal(entry.hint).slice(0, 90)}</span>
            </div>
          </div>
        ))}
      </div>
      {found.length === 0 && <p className="palette-none">Nothing is called that. Machines are found by host name, id, address or label.</p>}
    </Dialog>
  );
}
