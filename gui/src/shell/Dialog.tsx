/** A modal dialog on the browser's own element, which provides focus trap, Escape and backdrop. */

import { useEffect, useRef, useState, type ReactNode, type SyntheticEvent } from 'react';
import { Button, IconButton } from '../ui/parts';

/** Closes at once. The component that shows the dialog may learn of it later (the router, in a transition), but keys belong to the page from now on. */
function dismiss(event: SyntheticEvent<HTMLElement>, onClose: () => void) {
  event.currentTarget.closest('dialog')?.close();
  onClose();
}

export function Dialog({ title, className = '', onClose, children }: { title: string; className?: string; onClose: () => void; children: ReactNode }) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = ref.current;
    if (dialog && !dialog.open) {
      dialog.showModal();
      // The browser would choose the close button, which comes first.
      dialog.querySelector<HTMLElement>('input, [data-first]')?.focus();
    }
    return () => dialog?.close();
  }, []);
  return (
    // Clicking the backdrop closes; Escape does the same from the keyboard.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions, jsx-a11y/click-events-have-key-events
    <dialog
      ref={ref}
      className={`dialog ${className}`}
      aria-label={title}
      onCancel={(event) => {
        event.preventDefault();
        dismiss(event, onClose);
      }}
      onClick={(event) => {
        if (event.target === ref.current) dismiss(event, onClose);
      }}
    >
      <div className="dialog-body">
        <header className="dialog-head">
          <h2>{title}</h2>
          <IconButton icon="close" label="Close" onClick={(event) => dismiss(event, onClose)} />
        </header>
        {children}
      </div>
    </dialog>
  );
}

/**
 * Asks for confirmation before something that cannot be undone. With `typed`, the word has to be typed, so that it cannot be confirmed
 * out of habit.
 */
export function ConfirmDialog({ title, action, typed, danger = true, more, onConfirm, onClose, children }: { title: string; action: string; typed?: string; danger?: boolean; /** Other ways out. */ more?: ReactNode; onConfirm: () => Promise<boolean> | void; onClose: () => void; children: ReactNode }) {
  const [text, setText] = useState('');
  const [busy, setBusy] = useState(false);
  const ready = typed === undefined || text.trim().toLowerCase() === typed;
  const submit = async (event: React.FormEvent) => {
    event.preventDefault();
    if (!ready || busy) return;
    setBusy(true);
    if ((await onConfirm()) !== false) onClose();
    setBusy(false);
  };
  return (
    <Dialog title={title} className="dialog-confirm" onClose={onClose}>
      <form className="form" onSubmit={(event) => void submit(event)}>
        {children}
        {typed !== undefined && (
          <label>
            <span>
              Type <code>{typed}</code> to confirm
            </span>
            <input value={text} autoComplete="off" spellCheck={false} autoCapitalize="off" onChange={(event) => setText(event.target.value)} />
          </label>
        )}
        <div className="form-actions">
          <Button data-first onClick={(event) => dismiss(event, onClose)}>
            Cancel
          </Button>
          {more}
          <Button kind={danger ? 'danger' : 'primary'} type="submit" disabled={!ready || busy}>
            {action}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
