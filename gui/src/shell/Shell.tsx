/** The frame around every page: navigation, top bar, keys, notices. */

import { useEffect, useRef, useState } from 'react';
import { NavLink, Outlet, useLocation, useMatch, useNavigate } from 'react-router';
import { apiUrl, path } from '../api/http';
import { usePush, usePushState } from '../api/push';
import { useServerAnswers } from '../api/reach';
import { invalidate, patch, useResource } from '../api/resource';
import { useSession } from '../api/session';
import type { Client } from '../api/types';
import { isTyping, useKeys } from '../lib/hooks';
import { clientPage } from '../lib/places';
import { catchTypeAhead, startTypeAhead } from '../lib/typeAhead';
import { usePref, useTheme, useZone, writePref, type Theme } from '../lib/prefs';
import { Icon, type IconName } from '../ui/icons';
import { IconButton, OnlineDot, Reveal } from '../ui/parts';
import { Time } from '../ui/time';
import { Toasts } from '../ui/toast';
import { Account } from './Account';
import { HelpDialog } from './HelpDialog';
import { Logo } from './Logo';
import { Palette } from './Palette';
import { RunningWork } from './RunningWork';

/** The server's answers for an id that does not belong to a machine, or has the wrong form. */
const isNoMachine = (status: number | undefined) => status === 400 || status === 404;

/** The machine in the address, else the last one opened. An address may be wrong: only an existing machine is selected. */
export function useSelectedClient(): string | null {
  const match = useMatch('/clients/:id/*');
  const inAddress = match?.params.id ?? null;
  const last = usePref<string | null>('lastClient', null)[0];
  const found = useResource<Client>(inAddress === null ? null : clientUrl(inAddress));
  const isThere = inAddress !== null && found.data?.client_id === inAddress;
  useEffect(() => {
    if (isThere) writePref('lastClient', inAddress);
  }, [isThere, inAddress]);
  const isRefused = isNoMachine(found.error?.status) && !found.data;
  const candidate = inAddress !== null && !isRefused ? inAddress : last;
  // The last machine may have been deleted.
  const remembered = useResource<Client>(candidate !== null && candidate !== inAddress ? clientUrl(candidate) : null);
  const isGone = remembered.error?.status === 404 && !remembered.data;
  useEffect(() => {
    if (isGone) writePref('lastClient', null);
  }, [isGone]);
  return isGone ? null : candidate;
}

export const clientUrl = (id: string) => apiUrl(path('clients', id));

function RailLink({ to, icon, children, end }: { to: string; icon: IconName; children: string; end?: boolean }) {
  return (
    <NavLink to={to} end={end ?? false} className={({ isActive }) => `rail-link ${isActive ? 'is-here' : ''}`}>
      <Icon name={icon} size={18} />
      <span>{children}</span>
    </NavLink>
  );
}

function Rail({ clientId }: { clientId: string | null }) {
  const { pathname } = useLocation();
  const base = clientId ? clientPage(clientId) : '';
  return (
    <nav className="rail" aria-label="Main">
      <NavLink to="/clients" className="rail-logo" aria-label="Peregrine: all machines">
        <Logo size={28} />
      </NavLink>
      <NavLink to="/clients" end className={() => `rail-link ${pathname === '/clients' ? 'is-here' : ''}`}>
        <Icon name="machines" size={18} />
        <span>Machines</span>
      </NavLink>
      {clientId && (
        <div className="rail-group" role="group" aria-label="Selected machine">
          <RailLink to={base} icon="overview" end>
            Overview
          </RailLink>
          <RailLink to={`${base}/collections`} icon="collections">
            Collections
          </RailLink>
          <RailLink to={`${base}/processes`} icon="processes">
            Processes
          </RailLink>
          <RailLink to={`${base}/events`} icon="events">
            Events
          </RailLink>
        </div>
      )}
      <RailLink to="/artifacts" icon="artifacts">
        Artifacts
      </RailLink>
      <RailLink to="/monitoring" icon="monitoring">
        Monitoring
      </RailLink>
      <span className="rail-space" />
      <RailLink to="/server" icon="server">
        Server
      </RailLink>
    </nav>
  );
}

/** The selected machine and its state, always visible. */
function SelectedMachine({ clientId }: { clientId: string }) {
  const { data: client, error } = useResource<Client>(clientUrl(clientId));
  usePush(`client:${clientId}`, (event) => {
    if (event.kind === 'client' && event.data.client_id === clientId) patch<Client>(clientUrl(clientId), (old) => ({ ...old, ...event.data }));
  });
  if (error?.status === 404 || !client) return null;
  return (
    <NavLink to={clientPage(clientId)} end className="selected-machine">
      <OnlineDot online={client.online} label={false} />
      <strong>
        <Reveal text={client.hostname || clientId} />
      </strong>
      {!client.online && (
        <span className="faint">
          seen <Time value={client.last_seen} relative />
        </span>
      )}
    </NavLink>
  );
}

const THEMES: [Theme, IconName, string][] = [
  ['system', 'auto', 'as the system'],
  ['light', 'sun', 'light'],
  ['dark', 'moon', 'dark'],
];

function ThemeSwitch() {
  const [theme, setTheme] = useTheme();
  const at = THEMES.findIndex(([name]) => name === theme);
  const [, icon, word] = THEMES[at] ?? THEMES[0]!;
  const next = THEMES[(at + 1) % THEMES.length]!;
  return <IconButton icon={icon} label={`Theme: ${word}. Switch to ${next[2]}`} onClick={() => setTheme(next[0])} />;
}

function ZoneSwitch() {
  const [zone, setZone] = useZone();
  const local = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return (
    <button type="button" className="button button-quiet zone" onClick={() => setZone(zone === 'utc' ? 'local' : 'utc')} title={`Times are shown in ${zone === 'utc' ? 'UTC' : local}; click for ${zone === 'utc' ? local : 'UTC'}`}>
      <Icon name="clock" size={14} />
      {zone === 'utc' ? 'UTC' : 'Local'}
    </button>
  );
}

function StreamState() {
  const state = usePushState();
  const answers = useServerAnswers();
  if (state !== 'broken' && answers) return null;
  return (
    <span className="stream-broken" role="status">
      <Icon name="warn" size={14} /> Reconnecting…
    </span>
  );
}

/** Navigation keys after `g`. */
const PLACES: Record<string, string> = { m: '/clients', a: '/artifacts', e: '/monitoring', s: '/server' };
/** The same for the selected machine. */
const OF_MACHINE: Record<string, string> = { o: '', c: '/collections', p: '/processes', v: '/events' };
const CHORD_MS = 1_200;
const MODIFIERS = ['Shift', 'Control', 'Alt', 'Meta'];

export function Shell() {
  const clientId = useSelectedClient();
  const base = clientId ? clientPage(clientId) : null;
  const navigate = useNavigate();
  const location = useLocation();
  const session = useSession();
  const [palette, setPalette] = useState(false);
  const [help, setHelp] = useState(false);
  /** When `g` was pressed; the next key is judged by when it was pressed, even if a busy machine handles it late. */
  const going = useRef<number | null>(null);

  usePush('session', (event) => {
    if (event.kind === 'resync') invalidate();
  });
  const collect = () => {
    const box = document.querySelector<HTMLInputElement>('.collect-pick [data-page-search]');
    if (box) box.focus();
    else {
      startTypeAhead(performance.now());
      void navigate(`${base}/collections/new`);
    }
  };
  // Before tables and trees receive them, which use the same letters.
  useKeys((event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
      event.preventDefault();
      setPalette(true);
      return;
    }
    if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
    const taken = () => {
      event.preventDefault();
      event.stopPropagation();
    };
    if (catchTypeAhead(event)) return taken();
    if (going.current !== null && !MODIFIERS.includes(event.key)) {
      const isInTime = event.timeStamp - going.current < CHORD_MS;
      going.current = null;
      if (isInTime) {
        taken();
        const place = PLACES[event.key] ?? (base !== null && event.key in OF_MACHINE ? `${base}${OF_MACHINE[event.key]}` : null);
        if (place) void navigate(place);
        return;
      }
    }
    if (event.key === 'g') {
      // From now, not from when it was pressed: a busy machine may only now have got to it.
      going.current = performance.now();
      taken();
    } else if (event.key === '?') {
      taken();
      setHelp(true);
    } else if (event.key === '/') {
      const box = document.querySelector<HTMLInputElement>('[data-page-search]');
      if (box) {
        taken();
        box.focus();
        box.select();
      }
    } else if (event.key === 'n' && base) {
      taken();
      collect();
    }
  }, true);
  // A new page starts at its beginning for screen readers, too.
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  useEffect(() => {
    if (!first.current && document.activeElement === document.body) main.current?.focus({ preventScroll: true });
    first.current = false;
  }, [location.pathname]);

  return (
    <div className="shell">
      <a className="skip" href="#main" onClick={(event) => { event.preventDefault(); main.current?.focus(); }}>
        Skip to content
      </a>
      <Rail clientId={clientId} />
      <header className="top">
        <button type="button" className="palette-button" onClick={() => setPalette(true)}>
          <Icon name="search" size={14} />
          <span>Find a machine, artifact, action</span>
          <kbd>Ctrl K</kbd>
        </button>
        {clientId && <SelectedMachine key={clientId} clientId={clientId} />}
        <span className="toolbar-space" />
        <StreamState />
        <RunningWork clientId={clientId} />
        <ZoneSwitch />
        <ThemeSwitch />
        <IconButton icon="keyboard" label="Keyboard help (?)" onClick={() => setHelp(true)} />
        {session.kind === 'in' && <Account session={session.session} />}
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        <Outlet />
      </main>
      {palette && <Palette clientId={clientId} onClose={() => setPalette(false)} />}
      {help && <HelpDialog onClose={() => setHelp(false)} />}
      <Toasts />
    </div>
  );
}
