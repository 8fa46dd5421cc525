/** The most useful facts before a click. */

import { formatCount, formatTime } from '../lib/format';
import { useZone } from '../lib/prefs';
import { clip, defang } from '../lib/text';
import { Reveal } from '../ui/parts';
import { lifeAt, type Tree } from './model';

const WIDTH = 380;

export function HoverCard({ tree, node, at, x, y, width, height }: { tree: Tree; node: number; at: number | null; x: number; y: number; width: number; height: number }) {
  const [zone] = useZone();
  const process = tree.nodes[node];
  if (!process) return null;
  const life = lifeAt(tree, node, at);
  const start = tree.start[node] ?? Number.NaN;
  const end = tree.end[node] ?? Number.NaN;
  const below = tree.descendants[node] ?? 0;
  return (
    <div className="hover-card" style={{ left: Math.max(8, Math.min(x + 16, width - WIDTH - 8)), top: y + 20 + 150 > height ? undefined : y + 20, bottom: y + 20 + 150 > height ? height - y + 12 : undefined, width: WIDTH }}>
      <p>
        <strong>
          <Reveal text={clip(process.name ?? 'unnamed', 80)} />
        </strong>{' '}
        <span className="faint nums">{process.pid}</span> <Life life={life} code={process.exit_code} />
      </p>
      {process.command_line && (
        <p className="mono hover-command">
          <Reveal text={defang(clip(process.command_line, 280))} />
        </p>
      )}
      <p className="faint nums">
        {process.username && (
          <>
            <Reveal text={clip(process.username, 40)} /> ·{' '}
          </>
        )}
        {Number.isFinite(start) && formatTime(start, zone)}
        {Number.isFinite(end) && ` to ${formatTime(end, zone).slice(11)}`}
        {below > 0 && ` · ${formatCount(below)} below`}
      </p>
    </div>
  );
}

export function Life({ life, code }: { life: 'future' | 'running' | 'exited'; code: number | null }) {
  if (life === 'running')
    return (
      <span className="online is-online">
        <span className="dot" aria-hidden="true" /> running
      </span>
    );
  return (
    <span className={`online ${life === 'exited' && code ? 'is-failed' : ''}`}>
      <span className="dot" aria-hidden="true" /> {life === 'future' ? 'not started yet' : code === null ? 'exited' : `exited with ${code}`}
    </span>
  );
}
