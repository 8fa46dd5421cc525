/** Small hooks that several pages share. */

import { useCallback, useEffect, useEffectEvent, useLayoutEffect, useRef, useState, useSyncExternalStore } from 'react';
import { useNavigate, useSearchParams } from 'react-router';

const clocks = new Map<number, { now: number; listeners: Set<() => void>; timer: ReturnType<typeof setInterval> | null }>();

function clockOf(everyMs: number) {
  const known = clocks.get(everyMs);
  if (known) return known;
  const clock = { now: Date.now(), listeners: new Set<() => void>(), timer: null };
  clocks.set(everyMs, clock);
  return clock;
}

/** The current time, refreshed every `everyMs`; all users of one interval tick together. */
export function useNow(everyMs = 1_000): number {
  const clock = clockOf(everyMs);
  const subscribe = useCallback(
    (listener: () => void) => {
      clock.listeners.add(listener);
      clock.timer ??= setInterval(() => {
        clock.now = Date.now();
        for (const each of clock.listeners) each();
      }, everyMs);
      return () => {
        clock.listeners.delete(listener);
        if (clock.listeners.size === 0 && clock.timer) {
          clearInterval(clock.timer);
          clock.timer = null;
        }
      };
    },
    [clock, everyMs],
  );
  return useSyncExternalStore(subscribe, () => clock.now);
}

export function useDebounced<T>(value: T, ms: number): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return settled;
}

/** Width and height of an element, kept current. */
export function useSize<E extends HTMLElement>(): [(element: E | null) => void, { width: number; height: number }] {
  const [size, setSize] = useState({ width: 0, height: 0 });
  const observer = useRef<ResizeObserver | null>(null);
  const ref = useCallback((element: E | null) => {
    observer.current?.disconnect();
    if (!element) return;
    setSize({ width: element.clientWidth, height: element.clientHeight });
    observer.current = new ResizeObserver(() => setSize({ width: element.clientWidth, height: element.clientHeight }));
    observer.current.observe(element);
  }, []);
  return [ref, size];
}

/** Inputs that ignore letters. */
const NOT_TEXT = ['checkbox', 'radio', 'range', 'button', 'submit', 'reset', 'file', 'color'];

/** Whether the key event belongs to a text field, where letters are typed. */
export function isTyping(event: KeyboardEvent): boolean {
  const target = event.target;
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !NOT_TEXT.includes(target.type);
  return target.isContentEditable || ['TEXTAREA', 'SELECT'].includes(target.tagName);
}

/** Listens to keys on the window while mounted; with `first`, before the focused element receives them. */
export function useKeys(handler: (event: KeyboardEvent) => void, first = false): void {
  const onKey = useEffectEvent(handler);
  useEffect(() => {
    const listener = (event: KeyboardEvent) => onKey(event);
    window.addEventListener('keydown', listener, first);
    return () => window.removeEventListener('keydown', listener, first);
  }, [first]);
}

type NewAddress = Record<string, string> | URLSearchParams | ((old: URLSearchParams) => URLSearchParams);

/**
 * The query string, which contains the state of a page, and a function that changes it.
 *
 * A change is visible before its event ends. The router alone would apply it when there is time, so that
 * on a busy machine a box that was just ticked would jump back first. Small changes replace the history entry, `push` adds one.
 *
 * The function stays the same for as long as the page is mounted, and several changes in one tick are combined: the router would start
 * each from the same old address.
 */
export function useAddress(): [URLSearchParams, (next: NewAddress, push?: boolean) => void] {
  const [params] = useSearchParams();
  const navigate = useNavigate();
  const latest = useRef(params);
  useLayoutEffect(() => {
    latest.current = params;
  }, [params]);
  const change = useCallback(
    (next: NewAddress, push = false) => {
      latest.current = typeof next === 'function' ? next(latest.current) : new URLSearchParams(next);
      void navigate(`?${latest.current.toString()}`, { replace: !push, preventScrollReset: true, flushSync: true });
    },
    [navigate],
  );
  return [params, change];
}

/** One parameter of the query string, and a function that changes it. Small changes replace the history entry, others push. */
export function useQueryParam(name: string): [string | null, (value: string | null, push?: boolean) => void] {
  const [params, change] = useAddress();
  const set = useCallback((value: string | null, push = false) => change((old) => withParams(old, { [name]: value }), push), [name, change]);
  return [params.get(name), set];
}

/** The query string with some of its parameters set; `null` and the empty string remove one. */
export function withParams(old: URLSearchParams, changes: Record<string, string | null>): URLSearchParams {
  const next = new URLSearchParams(old);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === '') next.delete(name);
    else next.set(name, value);
  }
  return next;
}

const NARROW = '(max-width: 760px)';

/** Whether the window is so narrow that details cover the list they belong to; the same width as in `narrow.css`. */
export function useNarrow(): boolean {
  return useSyncExternalStore(
    (listener) => {
      const query = window.matchMedia(NARROW);
      query.addEventListener('change', listener);
      return () => query.removeEventListener('change', listener);
    },
    () => window.matchMedia(NARROW).matches,
  );
}

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title ? `${title} · Peregrine` : 'Peregrine';
  }, [title]);
}
