/** The search field. */

import { useEffect, useEffectEvent, useRef, useState } from 'react';
import { takeTypeAhead } from '../lib/typeAhead';
import { Icon } from './icons';

const TYPING_MS = 180;

/**
 * A search field whose text usually lives in the address. Typed text is shown at once and passed on when the
 * person pauses: the address changes in a transition, and a field bound to it directly would lose letters.
 */
export function SearchBox({ value, onChange, placeholder, label, hotkey, instant = false, takesKeys = false }: { value: string; onChange: (text: string) => void; placeholder: string; label: string; hotkey?: boolean; /** The list is at hand: no pause. */ instant?: boolean; /** Typing starts here when the page opens. */ takesKeys?: boolean }) {
  const [typed, setTyped] = useState(value);
  // A list in memory keeps the text itself: a copy would be reset by one letter on a busy machine.
  const text = instant ? value : typed;
  const input = useRef<HTMLInputElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  const latest = useRef(onChange);
  useEffect(() => {
    latest.current = onChange;
  }, [onChange]);
  useEffect(() => {
    if (timer.current === null) setTyped(value);
  }, [value]);
  useEffect(
    () => () => {
      if (timer.current !== null) clearTimeout(timer.current);
      timer.current = null;
    },
    [],
  );
  const takeKeys = useEffectEvent(() => {
    const ahead = takeTypeAhead();
    if (!takesKeys && ahead === null) return;
    input.current?.focus({ preventScroll: true });
    if (ahead) type(ahead);
  });
  useEffect(() => {
    if (hotkey) takeKeys();
  }, [hotkey]);
  const type = (next: string) => {
    if (instant) {
      onChange(next);
      return;
    }
    setTyped(next);
    if (timer.current !== null) clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      timer.current = null;
      latest.current(next);
    }, TYPING_MS);
  };
  return (
    <div className="search-box">
      <Icon name="search" size={14} />
      <input
        ref={input}
        type="search"
        aria-label={label}
        placeholder={placeholder}
        value={text}
        onChange={(event) => type(event.target.value)}
        onKeyDown={(event) => {
          // The key that focuses the box, pressed by somebody who did not see that it already has the focus.
          if (takesKeys && event.key === '/' && text === '') event.preventDefault();
        }}
        spellCheck={false}
        autoComplete="off"
        data-page-search={hotkey ? '' : undefined}
      />
      {hotkey && text === '' && <kbd aria-hidden="true">/</kbd>}
    </div>
  );
}
