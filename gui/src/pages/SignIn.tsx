/** Signing in; afterwards back to the requested page. */

import { useState } from 'react';
import { Navigate, useSearchParams } from 'react-router';
import { ApiError } from '../api/http';
import { signIn, useSession } from '../api/session';
import { plural } from '../lib/format';
import { useTitle } from '../lib/hooks';
import { sentence } from '../ui/message';
import { Button } from '../ui/parts';
import { Logo } from '../shell/Logo';

/** Accepts only a path of this application, never an external address that a link slipped in. */
export function safeNext(next: string | null): string {
  return next && /^\/(?![/\\])/.test(next) && !next.startsWith('/sign-in') ? next : '/clients';
}

function explain(error: unknown): string {
  if (!(error instanceof ApiError)) return String(error);
  if (error.code === 'bad_credentials') return 'User name or password is wrong.';
  if (error.status === 429) return `Too many attempts. Try again ${error.retryAfter ? `in ${plural(error.retryAfter, 'second')}` : 'later'}.`;
  return sentence(error.message);
}

export function SignIn() {
  useTitle('Sign in');
  const session = useSession();
  const [params] = useSearchParams();
  const [username, setUsername] = useState('');
  const [password, setPassword] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState('');
  if (session.kind === 'in') return <Navigate to={safeNext(params.get('next'))} replace />;
  const submit = async (event: React.FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError('');
    try {
      await signIn(username, password);
    } catch (reason) {
      setError(explain(reason));
      setPassword('');
    }
    setBusy(false);
  };
  return (
    <main className="sign-in">
      <form onSubmit={(event) => void submit(event)} aria-labelledby="sign-in-title">
        <Logo size={36} />
        <h1 id="sign-in-title">Peregrine</h1>
        {params.has('lost') && !error && <p className="notice" role="status">Your session ended. Sign in to go on where you were.</p>}
        {error && (
          <p className="notice notice-error" role="alert">
            {error}
          </p>
        )}
        <label>
          User name
          {/* The page has one purpose: typing starts here. */}
          {/* eslint-disable-next-line jsx-a11y/no-autofocus */}
          <input autoFocus required autoComplete="username" value={username} onChange={(event) => setUsername(event.target.value)} spellCheck={false} />
        </label>
        <label>
          Password
          <input type="password" required autoComplete="current-password" value={password} onChange={(event) => setPassword(event.target.value)} />
        </label>
        <Button kind="primary" type="submit" disabled={busy}>
          {busy ? 'Signing in…' : 'Sign in'}
        </Button>
        <p className="faint sign-in-hint">
          The first account and its password are printed when the server first starts.
        </p>
      </form>
    </main>
  );
}
