/** What a person has not saved yet, kept by this tab: leaving the page, a lost session or a reload lose nothing. */

const PREFIX = 'peregrine.draft.';

export function readDraftOf<T>(key: string): T | null {
  try {
    const text = sessionStorage.getItem(PREFIX + key);
    return text === null ? null : (JSON.parse(text) as T);
  } catch {
    return null;
  }
}

/** `null` forgets it: saved, launched or given up. */
export function keepDraft(key: string, draft: unknown): void {
  try {
    if (draft === null) sessionStorage.removeItem(PREFIX + key);
    else sessionStorage.setItem(PREFIX + key, JSON.stringify(draft));
  } catch {
    // Storage is switched off or full: the draft lives as long as the page.
  }
}
