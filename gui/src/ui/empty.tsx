/** Placeholders for content that is missing, not there yet, or gone. */

import type { ReactNode } from 'react';
import type { ApiError } from '../api/http';
import { Command } from './copy';
import { Icon, type IconName } from './icons';
import { Message } from './message';
import { Button } from './parts';

/** What would be shown here, the one action that fills it, and the same from a terminal. */
export function Empty({ icon, title, level = 2, children, action, command }: { icon?: IconName; title: string; /** 1 where nothing else on the page is its heading. */ level?: 1 | 2; children?: ReactNode; action?: ReactNode; command?: string }) {
  const Heading = level === 1 ? 'h1' : 'h2';
  return (
    <div className="empty">
      {icon && <Icon name={icon} size={28} />}
      <Heading>{title}</Heading>
      {children && <div className="empty-text">{children}</div>}
      {action && <div className="empty-action">{action}</div>}
      {command && (
        <div className="empty-command">
          <span>From a terminal on the machine itself</span>
          <Command>{command}</Command>
        </div>
      )}
    </div>
  );
}

export function Failure({ error, retry, command, level = 2, away }: { error: ApiError; retry?: () => void; command?: string; level?: 1 | 2; /** Another way on. */ away?: ReactNode }) {
  const title =
    error.status === 0 ? 'No answer from the server' : error.status === 403 ? 'You may not see this' : error.status === 404 ? 'Not found' : 'That did not work';
  return (
    <div role="alert">
      <Empty
        level={level}
        icon="warn"
        title={title}
        command={command}
        action={
          (retry || away) && (
            <>
              {retry && (
                <Button icon="refresh" onClick={retry}>
                  Try again
                </Button>
              )}
              {away}
            </>
          )
        }
      >
        <p>
          <Message text={error.message} />
        </p>
      </Empty>
    </div>
  );
}

export function Loading({ what }: { what: string }) {
  return (
    <div className="loading" role="status">
      <span className="spinner" aria-hidden="true" /> Loading {what}…
    </div>
  );
}
