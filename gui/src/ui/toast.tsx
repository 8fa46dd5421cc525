/** Notices in the corner of the window, and the log of those of this session. */

import { useSyncExternalStore } from 'react';
import { isSessionGone, messageOf } from '../api/http';
import { Message } from './message';
import { IconButton } from './parts';

interface Notice {
  id: number;
  tone: 'ok' | 'error';
  text: string;
  action?: { label: string; run: () => void };
}

let notices: Notice[] = [];
let nextId = 1;
const listeners = new Set<() => void>();

function publish(next: Notice[]): void {
  notices = next;
  for (const listener of listeners) listener();
}

/** Shows a notice; successes disappear by themselves, errors stay longer. */
export function notify(tone: Notice['tone'], text: string, action?: Notice['action']): void {
  const notice: Notice = { id: nextId++, tone, text, ...(action ? { action } : {}) };
  publish([...notices.filter((old) => old.text !== text).slice(-3), notice]);
  setTimeout(() => dismiss(notice.id), tone === 'ok' ? (action ? 8_000 : 2_500) : 12_000);
}

function dismiss(id: number): void {
  publish(notices.filter((notice) => notice.id !== id));
}

/** Runs an action of the person and reports its failure; resolves to whether it succeeded. */
export async function attempt(work: () => Promise<unknown>, success?: string): Promise<boolean> {
  try {
    await work();
    if (success) notify('ok', success);
    return true;
  } catch (error) {
    if (!isSessionGone(error)) notify('error', messageOf(error));
    return false;
  }
}

export function Toasts() {
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => notices,
  );
  return (
    <div className="toasts" role="status" aria-live="polite">
      {shown.map((notice) => (
        <div key={notice.id} className={`toast toast-${notice.tone}`}>
          <span>
            <Message text={notice.text} />
          </span>
          {notice.action && (
            <button
              type="button"
              className="link"
              onClick={() => {
                notice.action?.run();
                dismiss(notice.id);
              }}
            >
              {notice.action.label}
            </button>
          )}
          <IconButton icon="close" label="Dismiss" onClick={() => dismiss(notice.id)} />
        </div>
      ))}
    </div>
  );
}
