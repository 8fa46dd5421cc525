/** The account menu: name, permissions, password, sign out. */

import { useState } from 'react';
import { ApiError } from '../api/http';
import { changePassword, signOut } from '../api/session';
import type { Session } from '../api/types';
import { Message } from '../ui/message';
import { Button } from '../ui/parts';
import { MenuItem, Popover } from '../ui/popover';
import { attempt, notify } from '../ui/toast';
import { Dialog } from './Dialog';

export function Account({ session }: { session: Session }) {
  const [changing, setChanging] = useState(false);
  return (
    <>
      <Popover label={session.user.name} icon="user" align="end" caret panelClass="account-panel" className="button button-quiet account">
        {(close) => (
          <>
            <div className="menu-note">
              <strong>{session.user.name}</strong>
              <br />
              {session.user.roles.join(', ') || 'no role'}
              <br />
              <span className="faint">
                {session.server.name} {session.server.version}
              </span>
            </div>
            <hr />
            <MenuItem
              icon="key"
              onClick={() => {
                close();
                setChanging(true);
              }}
            >
              Change password
            </MenuItem>
            <MenuItem icon="leave" onClick={() => void attempt(signOut)}>
              Sign out
            </MenuItem>
          </>
        )}
      </Popover>
      {changing && <PasswordDialog onClose={() => setChanging(false)} />}
    </>
  );
}

function explain(reason: unknown): string {
  if (!(reason instanceof ApiError)) return String(reason);
  return reason.code === 'wrong_password' || reason.code === 'bad_credentials' ? 'The current password is wrong.' : reason.message;
}

function PasswordDialog({ onClose }: { onClose: () => void }) {
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const [again, setAgain] = useState('');
  const [error, setError] = useState('');
  const submit = async (event: React.FormEvent) => {
    event.preventDefault();
    if (next !== again) {
      setError('The two new passwords differ.');
      return;
    }
    try {
      await changePassword(current, next);
      notify('ok', 'Password changed');
      onClose();
    } catch (reason) {
      setError(explain(reason));
    }
  };
  return (
    <Dialog title="Change password" className="dialog-small" onClose={onClose}>
      <form className="form" onSubmit={(event) => void submit(event)}>
        <label>
          Current password
          <input type="password" required autoComplete="current-password" value={current} onChange={(event) => setCurrent(event.target.value)} />
        </label>
        <label>
          New password
          <input type="password" required autoComplete="new-password" value={next} onChange={(event) => setNext(event.target.value)} />
        </label>
        <label>
          New password, again
          <input type="password" required autoComplete="new-password" value={again} onChange={(event) => setAgain(event.target.value)} />
        </label>
        {error && (
          <p className="field-error" role="alert">
            <Message text={error} />
          </p>
        )}
        <div className="form-actions">
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit">
            Change password
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
