/** The family at a point in time: the start times of its processes, and a handle to choose a time. */

import { useMemo } from 'react';
import { formatTime } from '../lib/format';
import { useZone } from '../lib/prefs';
import { Button } from '../ui/parts';
import type { Tree } from './model';

const BINS = 120;
const STEPS = 2_000;

/** Number of starts in each of `BINS` equal parts of the span. */
function density(tree: Tree): number[] {
  const bins = new Array<number>(BINS).fill(0);
  const [first, last] = tree.span;
  const width = Math.max(1, last - first);
  for (const start of tree.start) {
    if (!Number.isFinite(start)) continue;
    const bin = Math.min(BINS - 1, Math.floor(((start - first) / width) * BINS));
    bins[bin] = (bins[bin] ?? 0) + 1;
  }
  return bins;
}

export function TimeSlider({ tree, at, onChange }: { tree: Tree; at: number | null; onChange: (at: number | null) => void }) {
  const [zone] = useZone();
  const bins = useMemo(() => density(tree), [tree]);
  const most = Math.max(1, ...bins);
  const [first, last] = tree.span;
  if (last <= first) return null;
  const step = at === null ? STEPS : Math.round(((at - first) / (last - first)) * STEPS);
  const moment = at ?? last;
  return (
    <div className="time-slider">
      <span className="time-slider-now nums">
        {at === null ? (
          <span className="soft">As collected</span>
        ) : (
          <>
            As of <strong>{formatTime(moment, zone, false)}</strong>
          </>
        )}
      </span>
      <div className="time-slider-track">
        <svg viewBox={`0 0 ${BINS} 20`} preserveAspectRatio="none" aria-hidden="true">
          {bins.map((count, index) => {
            // A square root keeps single starts visible next to bursts.
            const height = count === 0 ? 0 : Math.max(1.5, 20 * Math.sqrt(count / most));
            return <rect key={index} x={index + 0.1} y={20 - height} width={0.8} height={height} className={index / BINS > step / STEPS ? 'is-after' : ''} />;
          })}
        </svg>
        <input type="range" min={0} max={STEPS} value={step} aria-label="Show the family as of" aria-valuetext={formatTime(moment, zone, false)} onChange={(event) => onChange(Number(event.target.value) >= STEPS ? null : Math.round(first + (Number(event.target.value) / STEPS) * (last - first)))} />
      </div>
      <Button kind="quiet" disabled={at === null} onClick={() => onChange(null)}>
        Reset
      </Button>
    </div>
  );
}
