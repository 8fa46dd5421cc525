/** Server answers shared by all components that show them: one request, one cached value, live patches. */

import { useCallback, useEffect, useState, useSyncExternalStore } from 'react';
import { asApiError, get, type ApiError } from './http';

interface Resource<T> {
  data: T | undefined;
  error: ApiError | null;
  loading: boolean;
}

interface Entry {
  value: Resource<unknown>;
  listeners: Set<() => void>;
  controller: AbortController | null;
  /** When it was last in use; old entries are dropped. */
  idleSince: number;
}

const KEEP_IDLE = 60;
const entries = new Map<string, Entry>();
const EMPTY: Resource<never> = { data: undefined, error: null, loading: false };

function entryOf(url: string): Entry {
  let entry = entries.get(url);
  if (!entry) {
    entry = { value: { data: undefined, error: null, loading: true }, listeners: new Set(), controller: null, idleSince: 0 };
    entries.set(url, entry);
    prune();
  }
  return entry;
}

function prune(): void {
  if (entries.size <= KEEP_IDLE) return;
  const idle = [...entries].filter(([, entry]) => entry.listeners.size === 0).sort((a, b) => a[1].idleSince - b[1].idleSince);
  for (const [url] of idle.slice(0, entries.size - KEEP_IDLE)) entries.delete(url);
}

function publish(entry: Entry, value: Resource<unknown>): void {
  entry.value = value;
  for (const listener of entry.listeners) listener();
}

async function load(url: string, entry: Entry): Promise<void> {
  entry.controller?.abort();
  const controller = new AbortController();
  entry.controller = controller;
  if (!entry.value.loading) publish(entry, { ...entry.value, loading: true });
  try {
    const data = await get<unknown>(url, controller.signal);
    if (entry.controller === controller) publish(entry, { data, error: null, loading: false });
  } catch (error) {
    if (controller.signal.aborted || entry.controller !== controller) return;
    publish(entry, { data: entry.value.data, error: asApiError(error), loading: false });
  }
}

/** The answer to a GET of `url`; `null` requests nothing. Shows the last known value while it refreshes. */
export function useResource<T>(url: string | null): Resource<T> & { reload: () => void } {
  const subscribe = useCallback(
    (listener: () => void) => {
      if (url === null) return () => undefined;
      const entry = entryOf(url);
      entry.listeners.add(listener);
      return () => {
        entry.listeners.delete(listener);
        entry.idleSince = Date.now();
      };
    },
    [url],
  );
  const value = useSyncExternalStore(subscribe, () => (url === null ? EMPTY : entryOf(url).value)) as Resource<T>;
  useEffect(() => {
    if (url !== null) void load(url, entryOf(url));
  }, [url]);
  const reload = useCallback(() => {
    if (url !== null) void load(url, entryOf(url));
  }, [url]);
  return { ...value, reload };
}

/**
 * The answer to a request that is repeated whenever `ask` (null: no request) or `pulse` changes. The last answer stays until
 * the next one arrives; an answer that is no longer wanted is dropped.
 */
export function useAnswer<T>(ask: ((signal: AbortSignal) => Promise<T>) | null, pulse?: unknown): { data: T | undefined; error: ApiError | null } {
  const [answer, setAnswer] = useState<{ data: T | undefined; error: ApiError | null }>({ data: undefined, error: null });
  useEffect(() => {
    if (!ask) return;
    const controller = new AbortController();
    const { signal } = controller;
    ask(signal).then(
      (data) => {
        if (!signal.aborted) setAnswer({ data, error: null });
      },
      (reason: unknown) => {
        if (!signal.aborted) setAnswer(({ data }) => ({ data, error: asApiError(reason) }));
      },
    );
    return () => controller.abort();
  }, [ask, pulse]);
  return answer;
}

/** Fetches all shown answers whose URL starts with `prefix` again, and drops the others. */
export function invalidate(prefix = '/api/'): void {
  for (const [url, entry] of entries) {
    if (!url.startsWith(prefix)) continue;
    if (entry.listeners.size > 0) void load(url, entry);
    else entries.delete(url);
  }
}

/** Changes a cached answer in place, after a push event or a change of our own. */
export function patch<T>(url: string, change: (old: T) => T): void {
  const entry = entries.get(url);
  if (entry?.value.data === undefined) return;
  publish(entry, { ...entry.value, data: change(entry.value.data as T) });
}

/** Drops everything when another person signs in. */
export function clearResources(): void {
  for (const entry of entries.values()) entry.controller?.abort();
  entries.clear();
}
