/** Finding artifacts by words of their name, description or author. */

import { useMemo, useRef, useState } from 'react';
import type { Artifact } from '../../api/types';
import { plural } from '../../lib/format';
import { withoutMarks } from '../../lib/marks';
import { Icon } from '../../ui/icons';
import { SearchBox } from '../../ui/search';
import { matchesWords } from './spec';

interface Props {
  artifacts: Artifact[];
  chosen: string[];
  onToggle: (name: string) => void;
  /** Artifacts for another system are put last. */
  os?: string;
  /** Typing starts here when the page opens. */
  takesKeys?: boolean;
}

const SHOWN = 80;
const OS_PREFIX: Record<string, string> = { linux: 'Linux.', windows: 'Windows.', darwin: 'MacOS.' };

/** Whether an artifact is meant for another operating system, by the first word of its name. */
function isForeign(name: string, os: string | undefined): boolean {
  if (!os) return false;
  const own = OS_PREFIX[os];
  return Object.values(OS_PREFIX).some((prefix) => prefix !== own && name.startsWith(prefix));
}

/** The first paragraph of a description on one line, without markup. */
export const summary = (text: string | null) => withoutMarks(((text ?? '').trim().split(/\n\s*\n/)[0] ?? '').replace(/\s+/g, ' '));

export function ArtifactPicker({ artifacts, chosen, onToggle, os, takesKeys = false }: Props) {
  const [find, setFind] = useState('');
  const list = useRef<HTMLUListElement>(null);
  const found = useMemo(() => {
    const matching = artifacts.filter((artifact) => matchesWords(`${artifact.name} ${artifact.description ?? ''} ${artifact.author ?? ''}`, find));
    // A hit in the name ranks higher than one in the text.
    const rank = (artifact: Artifact) => (isForeign(artifact.name, os) ? 4 : 0) + (matchesWords(artifact.name, find) ? 0 : 2);
    return matching.map((artifact) => [rank(artifact), artifact] as const).sort((a, b) => a[0] - b[0] || a[1].name.localeCompare(b[1].name)).map(([, artifact]) => artifact);
  }, [artifacts, find, os]);
  const step = (by: number) => {
    const items = [...(list.current?.querySelectorAll<HTMLInputElement>('input') ?? [])];
    const at = items.indexOf(document.activeElement as HTMLInputElement);
    items[Math.max(0, Math.min(items.length - 1, at + by))]?.focus();
  };
  return (
    // Arrow keys move through the list from the search box; each entry is a real check box.
    // eslint-disable-next-line jsx-a11y/no-static-element-interactions
    <div
      className="picker"
      onKeyDown={(event) => {
        if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
          event.preventDefault();
          step(event.key === 'ArrowDown' ? 1 : -1);
        } else if (event.key === 'Enter' && event.target instanceof HTMLInputElement) {
          event.preventDefault();
          const name = event.target.type === 'checkbox' ? event.target.value : found[0]?.name;
          if (name && !(event.ctrlKey || event.metaKey)) onToggle(name);
        }
      }}
    >
      <SearchBox value={find} onChange={setFind} instant label="Find artifacts" placeholder="Words of name, description, author" hotkey takesKeys={takesKeys} />
      <ul className="picker-list" ref={list} aria-label="Artifacts">
        {found.slice(0, SHOWN).map((artifact) => {
          const selected = chosen.includes(artifact.name);
          return (
            <li key={artifact.name} className={`${selected ? 'is-chosen' : ''} ${isForeign(artifact.name, os) ? 'is-foreign' : ''}`}>
              <label>
                <input type="checkbox" value={artifact.name} checked={selected} onChange={() => onToggle(artifact.name)} />
                <span>
                  <strong>{artifact.name}</strong>
                  <span className="picker-text">{summary(artifact.description)}</span>
                </span>
                {!artifact.built_in && <span className="tag">custom</span>}
                {isForeign(artifact.name, os) && (
                  <span className="tag" title="made for another operating system">
                    <Icon name="warn" size={12} /> other system
                  </span>
                )}
              </label>
            </li>
          );
        })}
      </ul>
      {found.length === 0 && <p className="picker-none soft">No artifact has all these words in its name, description or author.</p>}
      {found.length > SHOWN && <p className="picker-none soft">{plural(found.length - SHOWN, 'more artifact')}: type another word.</p>}
    </div>
  );
}
