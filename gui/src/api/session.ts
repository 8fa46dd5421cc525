/** The signed-in person. */

import { useSyncExternalStore } from 'react';
import { ApiError, apiUrl, del, onSessionLost, put, request, setCsrfToken } from './http';
import { closePush } from './push';
import { clearResources } from './resource';
import type { Session } from './types';

type SessionState = { kind: 'unknown' } | { kind: 'out'; lost: boolean } | { kind: 'in'; session: Session } | { kind: 'failed'; error: ApiError };

let state: SessionState = { kind: 'unknown' };
const listeners = new Set<() => void>();

function publish(next: SessionState): void {
  state = next;
  for (const listener of listeners) listener();
}

onSessionLost(() => {
  if (state.kind !== 'in') return;
  closePush();
  publish({ kind: 'out', lost: true });
});

/** Asks the server who we are. */
export async function loadSession(): Promise<void> {
  try {
    const session = await request<Session>(apiUrl('session'), { anonymous: true });
    setCsrfToken(session.csrf_token);
    publish({ kind: 'in', session });
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) publish({ kind: 'out', lost: false });
    else publish({ kind: 'failed', error: error instanceof ApiError ? error : new ApiError(0, 'error', String(error)) });
  }
}

export async function signIn(username: string, password: string): Promise<void> {
  await request(apiUrl('session'), { method: 'POST', body: { username, password }, anonymous: true });
  clearResources();
  await loadSession();
}

export async function signOut(): Promise<void> {
  await del(apiUrl('session'));
  closePush();
  clearResources();
  publish({ kind: 'out', lost: false });
}

export function changePassword(current: string, next: string): Promise<void> {
  return put(apiUrl('session/password'), { current, new: next });
}

export function useSession(): SessionState {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => state,
  );
}

/** The permissions of the signed-in person. */
export function usePermissions(): (name: string) => boolean {
  const current = useSession();
  return (name) => current.kind === 'in' && current.session.user.permissions.includes(name);
}

/** Whether the signed-in person has a permission. */
export function usePermission(name: string): boolean {
  return usePermissions()(name);
}

/** The name under which drafts of the signed-in person are stored. */
export function useUserName(): string {
  const current = useSession();
  return current.kind === 'in' ? current.session.user.name : '';
}
