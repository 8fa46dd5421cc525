/** The small parts every page is made of. */

import { useEffect, useEffectEvent, useId, useRef, useState, type ReactNode } from 'react';
import { Link } from 'react-router';
import type { ApiError } from '../api/http';
import { useServerAnswers } from '../api/reach';
import { isActive, shownState, type Flow, type ShownState } from '../api/types';
import { formatAgo, formatDuration, formatTime, isUnsetTime, parseTime } from '../lib/format';
import { useNow } from '../lib/hooks';
import { useZone } from '../lib/prefs';
import { revealPieces } from '../lib/text';
import { takeTypeAhead } from '../lib/typeAhead';
import { Icon, type IconName } from './icons';
import { Message } from './message';
import { notify } from './toast';

/** Text from an endpoint, with hidden characters shown as marked stand-ins. */
export function Reveal({ text, newlines = false }: { text: string; newlines?: boolean }) {
  const pieces = revealPieces(text, newlines);
  if (pieces.length === 1 && !pieces[0]?.hidden) return <>{text}</>;
  return (
    <>
      {pieces.map((piece, index) =>
        piece.hidden ? (
          <span key={index} className="hidden-char" title="control or invisible character">
            {piece.text}
          </span>
        ) : (
          piece.text
        ),
      )}
    </>
  );
}

/** A moment in the chosen zone; the tooltip has the other zone and how long ago. */
export function Time({ value, precise = false, relative = false }: { value: unknown; precise?: boolean; relative?: boolean }) {
  const [zone] = useZone();
  const ms = parseTime(value);
  if (ms === null || isUnsetTime(value, false)) return <span className="faint">–</span>;
  const title = `${formatTime(ms, 'utc')}\n${formatTime(ms, 'local')} (here)`;
  return (
    <time dateTime={new Date(ms).toISOString()} title={title} className="nums">
      {relative ? <Ago ms={ms} /> : <Stamp text={formatTime(ms, zone, precise)} />}
    </time>
  );
}

/** A formatted moment: digits in columns, but dashes at their natural width (tabular ones tear a date apart). */
export function Stamp({ text, quietDate = false }: { text: string; quietDate?: boolean }) {
  const date = text.slice(0, 10).split('-');
  return (
    <>
      <span className={quietDate ? 'faint' : undefined}>
        {date.map((part, index) => (
          <span key={index}>
            {index > 0 && <span className="dash">-</span>}
            {part}
          </span>
        ))}
      </span>{' '}
      {text.slice(11)}
    </>
  );
}

function Ago({ ms }: { ms: number }) {
  const young = Date.now() - ms < 120_000;
  return <>{formatAgo(ms, useNow(young ? 1_000 : 30_000))}</>;
}

const STATES: Record<ShownState, { label: string; tone: string; icon: IconName | null; hint: string }> = {
  waiting: { label: 'Waiting', tone: 'wait', icon: 'clock', hint: 'the machine has not picked it up yet' },
  in_progress: { label: 'Running', tone: 'run', icon: null, hint: 'the machine works on it; rows appear as they come' },
  unresponsive: { label: 'Unresponsive', tone: 'warn', icon: 'warn', hint: 'the machine stopped reporting' },
  finished: { label: 'Finished', tone: 'ok', icon: 'check', hint: 'complete' },
  error: { label: 'Error', tone: 'error', icon: 'close', hint: 'it failed' },
  incomplete: { label: 'Incomplete', tone: 'error', icon: 'warn', hint: 'it failed; the rows that came before are kept' },
  cancelled: { label: 'Cancelled', tone: 'wait', icon: 'stop', hint: 'somebody stopped it; the rows that came before are kept' },
};

export const stateLabel = (flow: Parameters<typeof shownState>[0]) => STATES[shownState(flow)].label;

export function FlowStateBadge({ flow }: { flow: Parameters<typeof shownState>[0] }) {
  const state = STATES[shownState(flow)];
  return (
    <span className={`state state-${state.tone}`} title={flow.status ? `${state.hint}: ${flow.status}` : state.hint}>
      {state.icon ? <Icon name={state.icon} size={12} /> : <span className="spinner" aria-hidden="true" />}
      {state.label}
    </span>
  );
}

/** How long a collection has been at work, or was; nothing while the machine has not begun. */
export function Took({ flow }: { flow: Pick<Flow, 'state' | 'started' | 'finished_at' | 'duration_ms'> }) {
  const active = isActive(flow);
  const now = useNow(active ? 1_000 : 60_000);
  const ms = flowDuration(flow, now);
  if (ms === null) return <span className="faint">–</span>;
  return <>{formatDuration(ms)}</>;
}

/** The agent reports a duration when it is done; until then, and when it never did, the clock tells. */
export function flowDuration(flow: Pick<Flow, 'state' | 'started' | 'finished_at' | 'duration_ms'>, now: number): number | null {
  const started = parseTime(flow.started);
  if (isActive(flow)) return started === null || flow.state === 'waiting' ? null : Math.max(0, now - started);
  if (flow.duration_ms) return flow.duration_ms;
  const finished = parseTime(flow.finished_at);
  return started === null || finished === null ? null : Math.max(0, finished - started);
}

/** Whether a machine is connected; while the server does not answer nobody can say. */
export function OnlineDot({ online, label = true }: { online: boolean; label?: boolean }) {
  const isKnown = useServerAnswers();
  const word = !isKnown ? 'unknown' : online ? 'online' : 'offline';
  return (
    <span className={`online ${isKnown ? (online ? 'is-online' : '') : 'is-unknown'}`} title={isKnown ? (online ? 'connected now' : 'not connected') : `the server does not answer; last known to be ${online ? 'online' : 'offline'}`}>
      <span className="dot" aria-hidden="true" />
      <span className={label ? '' : 'sr-only'}>{word}</span>
    </span>
  );
}

export function Button({
  children,
  icon,
  kind = 'plain',
  ...rest
}: { icon?: IconName; kind?: 'plain' | 'primary' | 'quiet' | 'danger' } & React.ButtonHTMLAttributes<HTMLButtonElement>) {
  return (
    <button type="button" {...rest} className={`button button-${kind} ${rest.className ?? ''}`}>
      {icon && <Icon name={icon} size={14} />}
      {children}
    </button>
  );
}

export function IconButton({ icon, label, ...rest }: { icon: IconName; label: string } & React.ButtonHTMLAttributes<HTMLButtonElement>) {
  return (
    <button type="button" title={label} aria-label={label} {...rest} className={`icon-button ${rest.className ?? ''}`}>
      <Icon name={icon} size={14} />
    </button>
  );
}

export async function copyText(text: string, what = 'Copied'): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    notify('ok', what);
  } catch {
    notify('error', 'the browser refused the clipboard; select the text and copy it by hand');
  }
}

export function CopyButton({ text, label = 'Copy' }: { text: string; label?: string }) {
  const [done, setDone] = useState(false);
  return (
    <IconButton
      icon={done ? 'check' : 'copy'}
      label={label}
      onClick={() => {
        void copyText(text).then(() => setDone(true));
        setTimeout(() => setDone(false), 1_500);
      }}
    />
  );
}

/** An identifier in fixed-width type with a copy button that appears on hover or focus. */
export function CopyId({ id }: { id: string }) {
  return (
    <span className="copy-id">
      <code>{id}</code>
      <CopyButton text={id} label={`Copy ${id}`} />
    </span>
  );
}

/** A command to type elsewhere, copyable. */
export function Command({ children }: { children: string }) {
  return (
    <div className="command">
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <pre tabIndex={0} role="group" aria-label="command">
        <code>{children}</code>
      </pre>
      <CopyButton text={children} label="Copy command" />
    </div>
  );
}

/** What would be here, the one action that fills it, and the same from a terminal. */
export function Empty({ icon, title, level = 2, children, action, command }: { icon?: IconName; title: string; /** 1 where nothing else on the page is its heading. */ level?: 1 | 2; children?: ReactNode; action?: ReactNode; command?: string }) {
  const Heading = level === 1 ? 'h1' : 'h2';
  return (
    <div className="empty">
      {icon && <Icon name={icon} size={28} />}
      <Heading>{title}</Heading>
      {children && <div className="empty-text">{children}</div>}
      {action && <div className="empty-action">{action}</div>}
      {command && (
        <div className="empty-command">
          <span>From a terminal on the machine itself</span>
          <Command>{command}</Command>
        </div>
      )}
    </div>
  );
}

export function Failure({ error, retry, command, level = 2, away }: { error: ApiError; retry?: () => void; command?: string; level?: 1 | 2; /** Another way on. */ away?: ReactNode }) {
  const title =
    error.status === 0 ? 'No answer from the server' : error.status === 403 ? 'You may not see this' : error.status === 404 ? 'Not found' : 'That did not work';
  return (
    <div role="alert">
      <Empty
        level={level}
        icon="warn"
        title={title}
        command={command}
        action={
          (retry || away) && (
            <>
              {retry && (
                <Button icon="refresh" onClick={retry}>
                  Try again
                </Button>
              )}
              {away}
            </>
          )
        }
      >
        <p>
          <Message text={error.message} />
        </p>
      </Empty>
    </div>
  );
}

export function Label({ children, onRemove }: { children: string; onRemove?: () => void }) {
  return (
    <span className="label">
      <Link to={`/clients?search=${encodeURIComponent(`label:${children}`)}`} title={`All machines labelled ${children}`}>
        <Reveal text={children} />
      </Link>
      {onRemove && <IconButton icon="close" label={`Remove label ${children}`} onClick={onRemove} />}
    </span>
  );
}

/** A choice of a few values as one control; arrow keys move. */
export function Segmented<T extends string>({ label, value, options, onChange }: { label: string; value: T; options: [T, string][]; onChange: (value: T) => void }) {
  const name = useId();
  return (
    <fieldset className="segmented">
      <legend className="sr-only">{label}</legend>
      {options.map(([option, text]) => (
        <label key={option} className={option === value ? 'is-chosen' : ''}>
          <input type="radio" className="sr-only" name={name} checked={option === value} onChange={() => onChange(option)} />
          {text}
        </label>
      ))}
    </fieldset>
  );
}

const TYPING_MS = 180;

/**
 * A search field whose text usually lives in the address. What is typed shows at once and is handed on when the
 * person pauses: the address changes in a transition, and a field bound to it directly would swallow letters.
 */
export function SearchBox({ value, onChange, placeholder, label, hotkey, instant = false, takesKeys = false }: { value: string; onChange: (text: string) => void; placeholder: string; label: string; hotkey?: boolean; /** The list is at hand: no pause. */ instant?: boolean; /** Typing starts here when the page opens. */ takesKeys?: boolean }) {
  const [typed, setTyped] = useState(value);
  // A list at hand keeps the text itself: a copy would be set back to what it was one letter ago on a busy machine.
  const text = instant ? value : typed;
  const input = useRef<HTMLInputElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  const latest = useRef(onChange);
  useEffect(() => {
    latest.current = onChange;
  }, [onChange]);
  useEffect(() => {
    if (timer.current === null) setTyped(value);
  }, [value]);
  useEffect(
    () => () => {
      if (timer.current !== null) clearTimeout(timer.current);
      timer.current = null;
    },
    [],
  );
  const takeKeys = useEffectEvent(() => {
    const ahead = takeTypeAhead();
    if (!takesKeys && ahead === null) return;
    input.current?.focus({ preventScroll: true });
    if (ahead) type(ahead);
  });
  useEffect(() => {
    if (hotkey) takeKeys();
  }, [hotkey]);
  const type = (next: string) => {
    if (instant) {
      onChange(next);
      return;
    }
    setTyped(next);
    if (timer.current !== null) clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      timer.current = null;
      latest.current(next);
    }, TYPING_MS);
  };
  return (
    <div className="search-box">
      <Icon name="search" size={14} />
      <input
        ref={input}
        type="search"
        aria-label={label}
        placeholder={placeholder}
        value={text}
        onChange={(event) => type(event.target.value)}
        onKeyDown={(event) => {
          // The key that leads here, from somebody who did not see that the box has the focus already.
          if (takesKeys && event.key === '/' && text === '') event.preventDefault();
        }}
        spellCheck={false}
        autoComplete="off"
        data-page-search={hotkey ? '' : undefined}
      />
      {hotkey && text === '' && <kbd aria-hidden="true">/</kbd>}
    </div>
  );
}

export function Loading({ what }: { what: string }) {
  return (
    <div className="loading" role="status">
      <span className="spinner" aria-hidden="true" /> Loading {what}…
    </div>
  );
}

export function Meter({ share }: { share: number }) {
  return (
    <span className="meter" aria-hidden="true">
      <span style={{ transform: `scaleX(${Math.max(0, Math.min(1, share))})` }} />
    </span>
  );
}
