/** The live stream: one EventSource for the topics on screen, with reconnection and resync. */

import { useEffect, useEffectEvent, useSyncExternalStore } from 'react';
import { apiUrl, request } from './http';
import { noteAnswer, noteSilence } from './reach';
import type { PushEvents } from './types';

type PushEvent = { [K in keyof PushEvents]: { kind: K; data: PushEvents[K] } }[keyof PushEvents];
type Handler = (event: PushEvent) => void;

const KINDS: (keyof PushEvents)[] = ['client', 'flow', 'rows', 'resync'];
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 30_000;

/** The requested topics, each with the number of components that use it. */
const wanted = new Map<string, number>();
const handlers = new Set<Handler>();
const stateListeners = new Set<() => void>();

let source: EventSource | null = null;
let openTopics = '';
let timer: ReturnType<typeof setTimeout> | undefined;
let retryMs = FIRST_RETRY_MS;
let state: 'idle' | 'connecting' | 'live' | 'broken' = 'idle';
/** After an interruption or a change of topics, events may have been missed: ask for a refetch. */
let missed = false;

function setState(next: typeof state): void {
  state = next;
  for (const listener of stateListeners) listener();
}

function dispatch(event: PushEvent): void {
  for (const handler of [...handlers]) handler(event);
}

function schedule(delay: number): void {
  clearTimeout(timer);
  timer = setTimeout(connect, delay);
}

function connect(): void {
  const topics = [...wanted.keys()].sort().join(',');
  if (source && topics === openTopics && source.readyState !== EventSource.CLOSED) return;
  const previous = source;
  source = null;
  openTopics = topics;
  if (!topics) {
    previous?.close();
    setState('idle');
    return;
  }
  const next = new EventSource(`/api/v1/events?topics=${encodeURIComponent(topics)}`);
  source = next;
  if (!previous) setState('connecting');
  next.onopen = () => {
    previous?.close();
    retryMs = FIRST_RETRY_MS;
    noteAnswer();
    setState('live');
    if (missed) dispatch({ kind: 'resync', data: {} });
    missed = false;
  };
  next.onerror = () => {
    previous?.close();
    if (source !== next) return;
    missed = true;
    setState('broken');
    noteSilence();
    // While CONNECTING the browser retries by itself with Last-Event-ID; when CLOSED it has given up.
    if (next.readyState === EventSource.CLOSED) {
      source = null;
      // It may have ended because the session did: this request finds out, and asks to sign in.
      request(apiUrl('session')).catch(() => undefined);
      schedule(retryMs);
      retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
    }
  };
  for (const kind of KINDS) {
    next.addEventListener(kind, (message: MessageEvent<string>) => {
      try {
        const data: unknown = JSON.parse(message.data || '{}');
        dispatch({ kind, data } as PushEvent);
      } catch {
        dispatch({ kind: 'resync', data: {} });
      }
    });
  }
}

/** Receives events of `topics` (comma separated) while mounted; `null` subscribes to nothing. */
export function usePush(topics: string | null, handler: Handler): void {
  const onEvent = useEffectEvent(handler);
  useEffect(() => {
    if (!topics) return;
    const own = topics.split(',');
    const listener: Handler = (event) => onEvent(event);
    handlers.add(listener);
    for (const topic of own) {
      if (!wanted.has(topic) && state === 'live') missed = true;
      wanted.set(topic, (wanted.get(topic) ?? 0) + 1);
    }
    schedule(40);
    return () => {
      handlers.delete(listener);
      for (const topic of own) {
        const count = (wanted.get(topic) ?? 1) - 1;
        if (count > 0) wanted.set(topic, count);
        else wanted.delete(topic);
      }
      schedule(400);
    };
  }, [topics]);
}

/** Whether the live stream is up, for the shell's indicator. */
export function usePushState(): typeof state {
  return useSyncExternalStore(
    (listener) => {
      stateListeners.add(listener);
      return () => stateListeners.delete(listener);
    },
    () => state,
  );
}

/** Ends the stream when signing out. */
export function closePush(): void {
  clearTimeout(timer);
  source?.close();
  source = null;
  openTopics = '';
  setState('idle');
}
