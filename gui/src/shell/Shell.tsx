/** The frame around every page: rail, top bar, keys, notices. */

import { Suspense, useEffect, useRef, useState } from 'react';
import { NavLink, Outlet, useLocation, useMatch, useNavigate } from 'react-router';
import { apiUrl, path } from '../api/http';
import { usePush, usePushState } from '../api/push';
import { invalidate, patch, useResource } from '../api/resource';
import { useSession } from '../api/session';
import type { Client } from '../api/types';
import { isTyping, useKeys } from '../lib/hooks';
import { readPref, useTheme, useZone, writePref, type Theme } from '../lib/prefs';
import { Icon, type IconName } from '../ui/icons';
import { IconButton, Loading, OnlineDot, Reveal, Time } from '../ui/parts';
import { Toasts } from '../ui/toast';
import { Account } from './Account';
import { HelpDialog } from './HelpDialog';
import { Logo } from './Logo';
import { Palette } from './Palette';
import { RunningWork } from './RunningWork';

/** The machine in the address, else the one last looked at. */
export function useSelectedClient(): string | null {
  const match = useMatch('/clients/:id/*');
  const current = match?.params.id;
  useEffect(() => {
    if (current) writePref('lastClient', current);
  }, [current]);
  return current ?? readPref<string | null>('lastClient', null);
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
  const base = clientId ? `/clients/${encodeURIComponent(clientId)}` : '';
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

/** The selected machine and its state, always in sight. */
function SelectedMachine({ clientId }: { clientId: string }) {
  const { data: client, error } = useResource<Client>(clientUrl(clientId));
  usePush(`client:${clientId}`, (event) => {
    if (event.kind === 'client' && event.data.client_id === clientId) patch<Client>(clientUrl(clientId), (old) => ({ ...old, ...event.data }));
  });
  if (error?.status === 404 || !client) return null;
  return (
    <NavLink to={`/clients/${encodeURIComponent(clientId)}`} end className="selected-machine">
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
  if (state !== 'broken') return null;
  return (
    <span className="stream-broken" role="status">
      <Icon name="warn" size={14} /> Reconnecting…
    </span>
  );
}

/** Keys that lead somewhere after `g`. */
const PLACES: Record<string, string> = { m: '/clients', a: '/artifacts', e: '/monitoring', s: '/server' };

export function Shell() {
  const clientId = useSelectedClient();
  const navigate = useNavigate();
  const location = useLocation();
  const session = useSession();
  const [palette, setPalette] = useState(false);
  const [help, setHelp] = useState(false);
  const going = useRef(0);

  usePush('session', (event) => {
    if (event.kind === 'resync') invalidate();
  });
  useKeys((event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
      event.preventDefault();
      setPalette(true);
      return;
    }
    if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
    const base = clientId ? `/clients/${encodeURIComponent(clientId)}` : null;
    if (Date.now() - going.current < 1_200) {
      going.current = 0;
      const inClient: Record<string, string> = { o: '', c: '/collections', p: '/processes', v: '/events' };
      const place = PLACES[event.key] ?? (base !== null && event.key in inClient ? base + inClient[event.key] : null);
      if (place) {
        event.preventDefault();
        void navigate(place);
      }
      return;
    }
    if (event.key === 'g') going.current = Date.now();
    else if (event.key === '?') setHelp(true);
    else if (event.key === '/') {
      const box = document.querySelector<HTMLInputElement>('[data-page-search]');
      if (box) {
        event.preventDefault();
        box.focus();
        box.select();
      }
    } else if (event.key === 'n' && base) void navigate(`${base}/collections/new`);
  });
  // A new page starts at its beginning for screen readers too.
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
        <Suspense fallback={<Loading what="page" />}>
          <Outlet />
        </Suspense>
      </main>
      {palette && <Palette clientId={clientId} onClose={() => setPalette(false)} />}
      {help && <HelpDialog onClose={() => setHelp(false)} />}
      <Toasts />
    </div>
  );
}
