/** Details of the selected process, its ancestors, siblings and children. */

import { useState } from 'react';
import { formatCount, formatDuration } from '../lib/format';
import { clip, defang, reveal } from '../lib/text';
import { copyText, CopyButton } from '../ui/copy';
import { LongText } from '../ui/json';
import { Button, IconButton } from '../ui/parts';
import { Time } from '../ui/time';
import { Life } from './HoverCard';
import { ancestry, lifeAt, siblings, type Tree } from './model';

interface Props {
  tree: Tree;
  node: number;
  focus: number;
  at: number | null;
  onSelect: (node: number) => void;
  onFocus: (node: number) => void;
  onClose: () => void;
}

export function SidePanel({ tree, node, focus, at, onSelect, onFocus, onClose }: Props) {
  const process = tree.nodes[node];
  if (!process) return null;
  const start = tree.start[node] ?? Number.NaN;
  const end = tree.end[node] ?? Number.NaN;
  const above = tree.parent[node] ?? -1;
  const path = ancestry(tree, node);
  const beside = siblings(tree, node);
  const below = tree.children[node] ?? [];
  const ran = Number.isFinite(end) ? end - start : null;
  const chain = path.map((each) => tree.nodes[each]?.name ?? '?').join(' -> ');
  const facts: [string, React.ReactNode][] = [
    ['Command line', process.command_line ? <span key="line" className="mono full"><LongText text={defang(process.command_line)} limit={1_200} /></span> : null],
    ['Executable', process.exe ? <span key="exe" className="mono full"><LongText text={process.exe} /></span> : null],
    ['User', process.username ? reveal(process.username) : null],
    ['Process id', <span key="pid" className="nums">{process.pid}</span>],
    ['Parent', above >= 0 ? <button key="parent" type="button" className="link" onClick={() => onSelect(above)}>{reveal(tree.nodes[above]?.name ?? '?')} {tree.nodes[above]?.pid}</button> : null],
    ['Started', <Time key="start" value={process.start_time} precise />],
    ['Ended', process.exited ? <Time key="end" value={process.end_time} precise /> : 'still running when collected'],
    ['Ran for', ran === null || !Number.isFinite(ran) ? null : formatDuration(ran)],
    ['Exit code', process.exited ? (process.exit_code ?? 'unknown') : null],
  ];
  return (
    <section className="panel process-panel" aria-label={`Process ${process.pid}`}>
      <header className="panel-head">
        <div>
          <h2>{reveal(clip(process.name ?? 'unnamed', 60))}</h2>
          <p>
            <Life life={lifeAt(tree, node, at)} code={process.exit_code} />
          </p>
        </div>
        <IconButton icon="copy" label="Copy process as JSON" onClick={() => void copyText(JSON.stringify(process, null, 2), 'Process copied as JSON')} />
        <IconButton icon="close" label="Close details" onClick={onClose} />
      </header>
      {node !== focus && (
        <div className="panel-lead">
          <Button icon="processes" onClick={() => onFocus(node)}>
            Make it the focus
          </Button>
        </div>
      )}
      <dl className="fields">
        {facts.map(([name, value]) =>
          value === null ? null : (
            <div className="field" key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ),
        )}
      </dl>
      <div className="process-list">
        <h3>
          Call chain <CopyButton text={chain} label="Copy call chain" />
        </h3>
        <ol>
          {path.map((each) => (
            <Entry key={each} tree={tree} node={each} from={tree.parent[each] ?? -1} at={at} current={each === node} onSelect={onSelect} />
          ))}
        </ol>
      </div>
      <List title="Siblings" nodes={beside} tree={tree} from={above} at={at} onSelect={onSelect} />
      <List title="Children" nodes={below} tree={tree} from={node} at={at} onSelect={onSelect} />
    </section>
  );
}

function List({ title, nodes, tree, from, at, onSelect }: { title: string; nodes: number[]; tree: Tree; from: number; at: number | null; onSelect: (node: number) => void }) {
  const [shown, setShown] = useState(50);
  if (nodes.length === 0) return null;
  return (
    <div className="process-list">
      <h3>
        {title} <span className="faint nums">{formatCount(nodes.length)}</span>
      </h3>
      <ol>
        {nodes.slice(0, shown).map((node) => (
          <Entry key={node} tree={tree} node={node} from={from} at={at} current={false} onSelect={onSelect} />
        ))}
      </ol>
      {nodes.length > shown && (
        <button type="button" className="link" onClick={() => setShown(shown + 500)}>
          {formatCount(nodes.length - shown)} more
        </button>
      )}
    </div>
  );
}

function Entry({ tree, node, from, at, current, onSelect }: { tree: Tree; node: number; from: number; at: number | null; current: boolean; onSelect: (node: number) => void }) {
  const process = tree.nodes[node];
  const life = lifeAt(tree, node, at);
  const passed = from >= 0 ? (tree.start[node] ?? Number.NaN) - (tree.start[from] ?? Number.NaN) : Number.NaN;
  return (
    <li>
      <button type="button" className={`process-entry ${current ? 'is-current' : ''}`} aria-current={current} onClick={() => onSelect(node)} title={reveal(clip(process?.command_line ?? '', 300))}>
        <span className={`online ${life === 'running' ? 'is-online' : ''}`}>
          <span className="dot" aria-hidden="true" />
          <span className="sr-only">{life}</span>
        </span>
        <span className="process-name">{reveal(clip(process?.name ?? '?', 60))}</span>
        <span className="process-line">{reveal(defang(clip(process?.command_line ?? '', 120)))}</span>
        <span className="faint nums">{process?.pid}</span>
        <span className="process-elapsed faint nums">{Number.isFinite(passed) ? `+${formatDuration(passed)}` : ''}</span>
      </button>
    </li>
  );
}
