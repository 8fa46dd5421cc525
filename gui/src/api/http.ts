/** All requests go through this module: credentials, CSRF token, errors, lost sessions. */

import { noteAnswer, noteSilence } from './reach';
import type { Detail, Failure, Fault } from './types';

/** An unsuccessful answer of the server, or no answer at all (`status` 0). */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly detail: Detail | null = null,
    readonly retryAfter: number | null = null,
  ) {
    super(message);
  }
}

/** The message of anything that was thrown. */
export const messageOf = (reason: unknown) => (reason instanceof Error ? reason.message : String(reason));

export const asApiError = (reason: unknown) => (reason instanceof ApiError ? reason : new ApiError(0, 'error', messageOf(reason)));

/** The only code that means that the session is gone. Any other refusal, such as a wrong password, is an ordinary answer. */
const SESSION_GONE = 'not_signed_in';

export const isSessionGone = (error: unknown) => error instanceof ApiError && error.status === 401 && error.code === SESSION_GONE;

/** The statuses of a proxy whose server does not answer. */
const NOBODY_HOME = [502, 503, 504];

let csrfToken = '';
let sessionLost: () => void = () => undefined;

export function setCsrfToken(token: string): void {
  csrfToken = token;
}

/** `handler` runs when a request finds that the session is gone. */
export function onSessionLost(handler: () => void): void {
  sessionLost = handler;
}

export type Query = Record<string, string | number | boolean | null | undefined>;

/** The URL of an API method; empty parameters are left out. */
export function apiUrl(path: string, query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== '') search.set(key, String(value));
  }
  const text = search.toString();
  return `/api/v1/${path}${text ? `?${text}` : ''}`;
}

/** Joins path parts, escaping each. */
export function path(...parts: string[]): string {
  return parts.map(encodeURIComponent).join('/');
}

interface Options {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  body?: unknown;
  signal?: AbortSignal;
  /** True if a 401 is an ordinary answer to this request (signing in, asking who we are). */
  anonymous?: boolean;
}

export async function request<T>(url: string, options: Options = {}): Promise<T> {
  const method = options.method ?? 'GET';
  const headers: Record<string, string> = { Accept: 'application/json' };
  if (options.body !== undefined) headers['Content-Type'] = 'application/json';
  if (method !== 'GET') headers['X-CSRF-Token'] = csrfToken;

  let response: Response;
  try {
    response = await fetch(url, {
      method,
      headers,
      credentials: 'same-origin',
      body: options.body === undefined ? null : JSON.stringify(options.body),
      signal: options.signal ?? null,
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    noteSilence();
    throw new ApiError(0, 'unreachable', 'the server does not answer; check that it runs and that you are on its network');
  }
  if (NOBODY_HOME.includes(response.status)) noteSilence();
  else noteAnswer();
  if (response.ok) {
    if (response.status === 204) return undefined as T;
    return (await response.json()) as T;
  }
  const failure = await readError(response);
  if (isSessionGone(failure) && !options.anonymous) sessionLost();
  throw failure;
}

async function readError(response: Response): Promise<ApiError> {
  const retryAfter = Number(response.headers.get('Retry-After')) || null;
  try {
    const body = (await response.json()) as Partial<Failure>;
    const { code, message, detail }: Partial<Fault> = body.error ?? {};
    return new ApiError(response.status, code ?? 'error', message ?? response.statusText, detail ?? null, retryAfter);
  } catch {
    return new ApiError(response.status, 'error', `the server answered ${response.status} ${response.statusText}`, null, retryAfter);
  }
}

export const get = <T>(url: string, signal?: AbortSignal) => request<T>(url, signal ? { signal } : {});
export const post = <T>(url: string, body?: unknown, signal?: AbortSignal) => request<T>(url, { method: 'POST', body, ...(signal ? { signal } : {}) });
export const put = <T>(url: string, body: unknown) => request<T>(url, { method: 'PUT', body });
export const del = <T>(url: string) => request<T>(url, { method: 'DELETE' });
