/** Keeps letters typed between the key that opens a page and the moment its search box appears. */

/** After this time, the person has moved on. */
const PATIENCE_MS = 5_000;

let typed: string | null = null;
let since = 0;

/** From now on, letters belong to the search box of the page being opened. */
export function startTypeAhead(at: number): void {
  typed = '';
  since = at;
}

/** Keeps a key for the coming search box; returns whether it was one. */
export function catchTypeAhead(event: KeyboardEvent): boolean {
  if (typed === null) return false;
  const isLetter = event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey;
  if (event.timeStamp - since > PATIENCE_MS || !(isLetter || event.key === 'Backspace' || event.key === 'Shift')) {
    typed = null;
    return false;
  }
  // Someone who is still typing has not moved on, however slowly the keys arrive.
  since = Math.max(since, event.timeStamp);
  if (isLetter) typed += event.key;
  else if (event.key === 'Backspace') typed = typed.slice(0, -1);
  return true;
}

/** Returns what was typed ahead, once: from here on the box receives the keys. Null when nothing was expected. */
export function takeTypeAhead(): string | null {
  // `n` and `/` both mean that typing starts.
  const found = typed?.replace(/^\//, '') ?? null;
  typed = null;
  return found;
}
