/** Preferences that this browser remembers: theme, time zone, table layouts, the last machine. */

import { useSyncExternalStore } from 'react';
import type { Zone } from './format';

const PREFIX = 'peregrine.';
const listeners = new Set<() => void>();
const cache = new Map<string, unknown>();

export function readPref<T>(key: string, fallback: T): T {
  if (cache.has(key)) return cache.get(key) as T;
  let value = fallback;
  try {
    const text = localStorage.getItem(PREFIX + key);
    if (text !== null) value = JSON.parse(text) as T;
  } catch {
    // Storage is switched off or damaged: use the default.
  }
  cache.set(key, value);
  return value;
}

export function writePref<T>(key: string, value: T): void {
  cache.set(key, value);
  try {
    localStorage.setItem(PREFIX + key, JSON.stringify(value));
  } catch {
    // Kept for this page only.
  }
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function usePref<T>(key: string, fallback: T): [T, (value: T) => void] {
  const value = useSyncExternalStore(subscribe, () => readPref(key, fallback));
  return [value, (next) => writePref(key, next)];
}

export type Theme = 'system' | 'light' | 'dark';

export function applyTheme(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme;
}

export function useTheme(): [Theme, (theme: Theme) => void] {
  const [theme, setTheme] = usePref<Theme>('theme', 'system');
  return [
    theme,
    (next) => {
      applyTheme(next);
      setTheme(next);
    },
  ];
}

export function useZone(): [Zone, (zone: Zone) => void] {
  return usePref<Zone>('zone', 'utc');
}
