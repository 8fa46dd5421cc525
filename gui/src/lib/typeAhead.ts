/** Letters typed between the key that opens a page and the moment its search box is there: none of them is lost. */

/** After so long the person has turned to something else. */
const PATIENCE_MS = 5_000;

let typed: string | null = null;
let since = 0;

/** From now on letters belong to the search box of the page that is being opened. */
export function startTypeAhead(at: number): void {
  typed = '';
  since = at;
}

/** Keeps a key for the box that is coming; whether it was one of those. */
export function catchTypeAhead(event: KeyboardEvent): boolean {
  if (typed === null) return false;
  const isLetter = event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey;
  if (event.timeStamp - since > PATIENCE_MS || !(isLetter || event.key === 'Backspace' || event.key === 'Shift')) {
    typed = null;
    return false;
  }
  // Who still types has not turned away, however slowly the keys arrive.
  since = Math.max(since, event.timeStamp);
  if (isLetter) typed += event.key;
  else if (event.key === 'Backspace') typed = typed.slice(0, -1);
  return true;
}

/** What was typed ahead, once: the box takes the keys from here on. Null when nobody waits for it. */
export function takeTypeAhead(): string | null {
  // `n` and `/` both mean that typing starts.
  const found = typed?.replace(/^\//, '') ?? null;
  typed = null;
  return found;
}
