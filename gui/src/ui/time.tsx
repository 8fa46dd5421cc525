/** Times in the chosen zone. */

import type { ReactNode } from 'react';
import { formatAgo, formatTime, isUnsetTime, parseTime } from '../lib/format';
import { useNow } from '../lib/hooks';
import { useZone } from '../lib/prefs';

/** A time in the chosen zone, or how long ago it was. */
export function Time({ value, precise = false, relative = false }: { value: unknown; precise?: boolean; relative?: boolean }) {
  const [zone] = useZone();
  const ms = parseTime(value);
  if (ms === null || isUnsetTime(value, false)) return <span className="faint">–</span>;
  return (
    <Moment ms={ms} className="nums">
      {relative ? <Ago ms={ms} /> : <Stamp text={formatTime(ms, zone, precise)} />}
    </Moment>
  );
}

/** A time in any words; the tooltip shows it in both zones. */
export function Moment({ ms, className, children }: { ms: number; className?: string; children: ReactNode }) {
  return (
    <time dateTime={new Date(ms).toISOString()} title={`${formatTime(ms, 'utc')}\n${formatTime(ms, 'local')} (here)`} className={className}>
      {children}
    </time>
  );
}

/** A formatted time: aligned digits, but dashes at their natural width (tabular ones tear a date apart). */
export function Stamp({ text, quietDate = false }: { text: string; quietDate?: boolean }) {
  const date = text.slice(0, 10).split('-');
  return (
    <>
      <span className={quietDate ? 'faint' : undefined}>
        {date.map((part, index) => (
          <span key={index}>
            {index > 0 && <span className="dash">-</span>}
            {part}
          </span>
        ))}
      </span>{' '}
      {text.slice(11)}
    </>
  );
}

function Ago({ ms }: { ms: number }) {
  const young = Date.now() - ms < 120_000;
  return <>{formatAgo(ms, useNow(young ? 1_000 : 30_000))}</>;
}
