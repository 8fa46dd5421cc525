/** Two panes with a divider that mouse and arrow keys move; the width is remembered. */

import { useRef, type ReactNode } from 'react';
import { dragSideways } from '../lib/drag';
import { usePref } from '../lib/prefs';

const MIN_ASIDE = 280;
const MIN_MAIN = 320;

export function Split({ id, children, aside, initial = 420 }: { id: string; children: ReactNode; aside: ReactNode; initial?: number }) {
  const [width, setWidth] = usePref(`split.${id}`, initial);
  const box = useRef<HTMLDivElement>(null);
  const clamp = (wanted: number) => Math.round(Math.max(MIN_ASIDE, Math.min(wanted, (box.current?.clientWidth ?? 1200) - MIN_MAIN)));
  if (!aside) return <div className="split">{<div className="split-main">{children}</div>}</div>;
  return (
    <div className="split" ref={box}>
      <div className="split-main">{children}</div>
      {/* A focusable separator with a value is the ARIA pattern for a window splitter. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions */}
      <div
        className="split-divider"
        role="separator"
        aria-orientation="vertical"
        aria-label="Resize side panel"
        aria-valuenow={width}
        aria-valuemin={MIN_ASIDE}
        aria-valuemax={2000}
        tabIndex={0}
        onKeyDown={(event) => {
          if (event.key === 'ArrowLeft') setWidth(clamp(width + 24));
          else if (event.key === 'ArrowRight') setWidth(clamp(width - 24));
          else return;
          event.preventDefault();
        }}
        onPointerDown={(event) => dragSideways(event, (by) => setWidth(clamp(width - by)))}
      />
      <aside className="split-aside" style={{ ['--aside' as string]: `${width}px` }}>
        {aside}
      </aside>
    </div>
  );
}
