/** Whether the server answers: while it does not, its earlier statements about machines may be out of date. */

import { useSyncExternalStore } from 'react';

const FIRST_PROBE_MS = 2_000;
const LAST_PROBE_MS = 15_000;

let answers = true;
let timer: ReturnType<typeof setTimeout> | undefined;
const listeners = new Set<() => void>();

function publish(next: boolean): void {
  if (answers === next) return;
  answers = next;
  for (const listener of listeners) listener();
}

/** Called after any answer of the server. */
export function noteAnswer(): void {
  clearTimeout(timer);
  timer = undefined;
  publish(true);
}

/** Called when a request or the live stream got no answer; asks again until there is one. */
export function noteSilence(): void {
  publish(false);
  if (timer === undefined) probe(FIRST_PROBE_MS);
}

function probe(delay: number): void {
  timer = setTimeout(() => {
    void isAnswering().then((found) => {
      if (found) noteAnswer();
      else if (!answers) probe(Math.min(delay * 2, LAST_PROBE_MS));
    });
  }, delay);
}

async function isAnswering(): Promise<boolean> {
  try {
    const response = await fetch('/api/v1/session', { cache: 'no-store', credentials: 'same-origin' });
    return response.status < 500;
  } catch {
    return false;
  }
}

export function useServerAnswers(): boolean {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => answers,
  );
}
