/** Pages that load on demand, and the handling of failures: the server is away, or has a newer version. */

import { useEffect, useRef, useState, type ComponentType } from 'react';
import { messageOf } from '../api/http';
import { Empty, Loading } from '../ui/empty';
import { Message } from '../ui/message';
import { Button } from '../ui/parts';

type Load = () => Promise<{ default: ComponentType }>;

/** React's own `lazy` remembers a failure forever; this one tries again whenever the page is opened. */
export function lazyPage(load: Load): ComponentType {
  let loaded: ComponentType | null = null;
  return function Page() {
    const [Part, setPart] = useState<ComponentType | null>(() => loaded);
    const [failed, setFailed] = useState(false);
    useEffect(() => {
      if (loaded) return;
      let isHere = true;
      load().then(
        (module) => {
          loaded = module.default;
          if (isHere) setPart(() => module.default);
        },
        () => isHere && setFailed(true),
      );
      return () => {
        isHere = false;
      };
    }, []);
    if (Part) return <Part />;
    return failed ? <PartMissing /> : <Loading what="page" />;
  };
}

const ASK_MS = 2_000;
const RELOADED = 'peregrine.reloaded';

/** The URL of the program's first script on the server, which changes with every version. Null if there is no answer. */
async function servedVersion(): Promise<string | null> {
  try {
    const response = await fetch('/', { cache: 'no-store', credentials: 'same-origin' });
    return response.ok ? scriptOf(new DOMParser().parseFromString(await response.text(), 'text/html')) : null;
  } catch {
    return null;
  }
}

const scriptOf = (page: Document) => page.querySelector('script[type="module"]')?.getAttribute('src') ?? '';

/** Reloads the whole page, but not twice for the same version: a chunk that is really missing must not cause a loop. */
function reloadFor(version: string): boolean {
  try {
    if (sessionStorage.getItem(RELOADED) === version) return false;
    sessionStorage.setItem(RELOADED, version);
  } catch {
    return false;
  }
  window.location.reload();
  return true;
}

/**
 * Browsers may remember that a chunk failed, so the remedy is always to reload the whole page; the address restores everything.
 * It reloads by itself when the server has a newer version, or was away and answers again.
 */
function PartMissing() {
  const [state, setState] = useState<'asking' | 'away' | 'broken'>('asking');
  const ask = useRef<() => void>(() => undefined);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let wasAway = false;
    let isHere = true;
    ask.current = () => {
      clearTimeout(timer);
      void servedVersion().then((version) => {
        if (!isHere) return;
        if (version === null) {
          wasAway = true;
          setState('away');
          timer = setTimeout(ask.current, ASK_MS);
        } else if (version === scriptOf(document) && wasAway) window.location.reload();
        else if (version === scriptOf(document) || !reloadFor(version)) setState('broken');
      });
    };
    ask.current();
    return () => {
      isHere = false;
      clearTimeout(timer);
    };
  }, []);
  if (state === 'asking') return <Loading what="page" />;
  const isAway = state === 'away';
  return (
    <div role="alert">
      <Empty
        level={1}
        icon="warn"
        title={isAway ? 'No answer from the server' : 'This page did not load'}
        action={
          <Button icon="refresh" onClick={() => (isAway ? ask.current() : window.location.reload())}>
            Try again
          </Button>
        }
      >
        <p>{isAway ? 'This page could not be fetched. It opens by itself as soon as the server answers again.' : 'A part of the program could not be fetched, though the server answers. Try again, or ask whoever runs the server.'}</p>
      </Empty>
    </div>
  );
}

/** Shown instead of a page whose code fails. */
export function PageBroken({ error }: { error: unknown }) {
  return (
    <div role="alert">
      <Empty
        level={1}
        icon="warn"
        title="This page failed"
        action={
          <Button icon="refresh" onClick={() => window.location.reload()}>
            Load it again
          </Button>
        }
      >
        <p>That is a fault of the program. Other pages still work.</p>
        <p className="faint">
          <Message text={messageOf(error)} />
        </p>
      </Empty>
    </div>
  );
}
