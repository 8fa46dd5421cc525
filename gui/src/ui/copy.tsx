/** Parts with a copy button. */

import { useState } from 'react';
import { IconButton } from './parts';
import { notify } from './toast';

export async function copyText(text: string, what = 'Copied'): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    notify('ok', what);
  } catch {
    notify('error', 'the browser refused the clipboard; select the text and copy it by hand');
  }
}

export function CopyButton({ text, label = 'Copy' }: { text: string; label?: string }) {
  const [done, setDone] = useState(false);
  return (
    <IconButton
      icon={done ? 'check' : 'copy'}
      label={label}
      onClick={() => {
        void copyText(text).then(() => setDone(true));
        setTimeout(() => setDone(false), 1_500);
      }}
    />
  );
}

/** An identifier in fixed-width type with a copy button that appears on hover or focus. */
export function CopyId({ id }: { id: string }) {
  return (
    <span className="copy-id">
      <code>{id}</code>
      <CopyButton text={id} label={`Copy ${id}`} />
    </span>
  );
}

/** A command to type elsewhere, with a copy button. */
export function Command({ children }: { children: string }) {
  return (
    <div className="command">
      <pre tabIndex={0} role="group" aria-label="command">
        <code>{children}</code>
      </pre>
      <CopyButton text={children} label="Copy command" />
    </div>
  );
}
