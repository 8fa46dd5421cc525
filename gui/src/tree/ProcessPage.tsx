/** The family of a process: its ancestors, children and siblings. */

import { useEffect, useEffectEvent, useMemo, useRef, useState } from 'react';
import { Link, useSearchParams } from 'react-router';
import { apiUrl, path } from '../api/http';
import { useResource } from '../api/resource';
import type { FlowPage, ProcessFamily, TablePage } from '../api/types';
import { formatCount, plural } from '../lib/format';
import { useAddress, useDebounced, useNarrow, useTitle, withParams } from '../lib/hooks';
import { clientPage, flowPage } from '../lib/places';
import { reveal } from '../lib/text';
import { useClient } from '../pages/ClientLayout';
import { Empty, Failure, Loading } from '../ui/empty';
import { Button, IconButton } from '../ui/parts';
import { SearchBox } from '../ui/search';
import { Split } from '../ui/split';
import '../styles/tree.css';
import { layoutTree, PAGE, type Item } from './layout';
import { ancestry, buildTree, searchTree, type Tree } from './model';
import { SidePanel } from './SidePanel';
import { TimeSlider } from './TimeSlider';
import { TreeView, type TreeHandle } from './TreeView';

const PSTREE = 'Generic.System.Pstree';

export default function ProcessPage() {
  const client = useClient();
  const [params] = useSearchParams();
  const flow = params.get('flow');
  const process = params.get('process');
  useTitle(`Processes of ${client.hostname}`);
  if (!flow) return <LatestFamily />;
  return <FlowFamily key={flow} flow={flow} process={process} />;
}

/** Without a collection in the address: the last one that listed processes, or how to start one. */
function LatestFamily() {
  const client = useClient();
  const [, setParams] = useSearchParams();
  const { data, error, reload } = useResource<FlowPage>(apiUrl(`${path('clients', client.client_id)}/flows`, { search: PSTREE, sort: 'created', desc: true, limit: 10 }));
  const latest = data?.flows.find((flow) => flow.artifacts.includes(PSTREE) && flow.rows > 0);
  useEffect(() => {
    if (latest) setParams({ flow: latest.flow_id }, { replace: true });
  }, [latest, setParams]);
  if (error && !data) return <Failure error={error} retry={reload} />;
  if (!data || latest) return <Loading what="processes" />;
  return (
    <Empty
      icon="processes"
      title="No process list collected yet"
      action={
        <Link className="button button-primary" to={`${clientPage(client.client_id, 'collections', 'new')}?artifact=${PSTREE}`}>
          Collect {PSTREE}
        </Link>
      }
      command={`peregrine artifacts collect ${PSTREE}`}
    >
      <p>The family tree is drawn from the rows of {PSTREE}: every process with its parents, also those that have exited.</p>
    </Empty>
  );
}

function FlowFamily({ flow, process }: { flow: string; process: string | null }) {
  const client = useClient();
  const results = apiUrl(`${path('clients', client.client_id, 'flows', flow)}/results`, { source: PSTREE, offset: 0, limit: 1 });
  // Without a process in the address, the first row of the collection names the family.
  const { data: firstRow, error: rowError } = useResource<TablePage>(process === null ? results : null);
  const firstPid = firstRow?.rows[0]?.[firstRow.columns.findIndex((column) => column.name === 'Pid')];
  const wanted = process ?? (typeof firstPid === 'number' || typeof firstPid === 'string' ? String(firstPid) : null);
  // Moving within a family that is already loaded needs no request.
  const [loadedFor, setLoadedFor] = useState<string | null>(null);
  const url = (which: string) => apiUrl(`${path('clients', client.client_id)}/process-tree`, { process: which, flow });
  const { data, error, reload } = useResource<ProcessFamily>(loadedFor !== null ? url(loadedFor) : wanted !== null ? url(wanted) : null);
  const tree = useMemo(() => (data ? buildTree(data.nodes) : null), [data]);
  useEffect(() => {
    if (!data || !tree || wanted === null) return;
    if (loadedFor === null || (!tree.byId.has(wanted) && loadedFor !== wanted && !data.nodes.some((node) => String(node.pid) === wanted))) setLoadedFor(wanted);
  }, [data, tree, wanted, loadedFor]);
  const backTo = flowPage({ client_id: client.client_id, flow_id: flow }, 'results');
  if (error && !data) return <Failure error={error} retry={reload} />;
  if (rowError && !firstRow) return <Failure error={rowError} />;
  if (process === null && firstRow?.total === 0)
    return (
      <Empty icon="processes" title="This collection has no process rows" action={<Link className="button" to={backTo}>Open the collection</Link>}>
        <p>The family tree is drawn from rows of {PSTREE}.</p>
      </Empty>
    );
  if (!data || !tree || wanted === null) return <Loading what="process family" />;
  if (tree.nodes.length === 0)
    return (
      <Empty icon="processes" title="No such process in this collection" action={<Link className="button" to={backTo}>Open the collection</Link>}>
        <p>It may have been collected at another time.</p>
      </Empty>
    );
  const byPid = tree.nodes.findIndex((node) => String(node.pid) === wanted);
  const focus = tree.byId.get(wanted) ?? (wanted === loadedFor || loadedFor === null ? tree.byId.get(data.focus ?? '') : undefined) ?? (byPid >= 0 ? byPid : (tree.roots[0] ?? 0));
  return <Family tree={tree} focus={focus} flow={flow} truncated={data.truncated} backTo={backTo} />;
}

const NONE: ReadonlySet<number> = new Set();

function Family({ tree, focus, flow, truncated, backTo }: { tree: Tree; focus: number; flow: string; truncated: boolean; backTo: string }) {
  const [params, change] = useAddress();
  const [, setParams] = useSearchParams();
  const handle = useRef<TreeHandle>(null);
  const set = (changes: Record<string, string | null>, push = false) => change((old) => withParams(old, changes), push);
  const selectedId = params.get('sel');
  const selected = tree.byId.get(selectedId ?? '') ?? focus;
  // Where it would cover the drawing, the panel waits until a process is chosen.
  const narrow = useNarrow();
  const panel = selectedId !== 'none' && (selectedId !== null || !narrow);
  const at = params.has('at') ? Number(params.get('at')) || null : null;
  const [find, setFind] = useState(params.get('q') ?? '');
  const settled = useDebounced(find, 200);
  const noteSearch = useEffectEvent((q: string) => {
    if ((params.get('q') ?? '') !== q) setParams((old) => withParams(old, { q }), { replace: true });
  });
  useEffect(() => noteSearch(settled), [settled]);

  const [open, setOpen] = useState<ReadonlyMap<number, number>>(new Map());
  const [revealed, setRevealed] = useState<ReadonlySet<number>>(new Set([selected]));
  const matches = useMemo(() => searchTree(tree, settled), [tree, settled]);
  const found = useMemo(() => (settled ? new Set(matches) : NONE), [matches, settled]);
  const [hit, setHit] = useState(-1);
  useEffect(() => setHit(-1), [settled]);
  const layout = useMemo(() => layoutTree(tree, { focus, open, revealed }), [tree, focus, open, revealed]);

  const select = (node: number) => {
    if (!layout.itemOf.has(node)) setRevealed((old) => new Set([...old, node]));
    set({ sel: tree.nodes[node]?.id ?? null });
  };
  const toggle = (node: number) => {
    const children = tree.children[node]?.length ?? 0;
    if (children === 0) return;
    const item = layout.items[layout.itemOf.get(node) ?? -1];
    setOpen((old) => new Map(old).set(node, item?.opened ? 0 : PAGE));
    // Revealed descendants would keep the branch open.
    if (item?.opened) setRevealed((old) => new Set([...old].filter((each) => !ancestry(tree, each).includes(node) || each === node)));
    select(node);
  };
  const unfold = (item: Item) => {
    const shown = open.get(item.node) ?? (item.node === focus ? PAGE : 0);
    setOpen((old) => new Map(old).set(item.node, item.count <= 200 ? Number.POSITIVE_INFINITY : shown + 200));
  };
  const step = (by: number) => {
    if (matches.length === 0) return;
    const next = hit < 0 ? (by > 0 ? 0 : matches.length - 1) : (hit + by + matches.length) % matches.length;
    setHit(next);
    const node = matches[next];
    if (node !== undefined) select(node);
  };
  // The drawing follows the selection, even when the layout had to grow for it.
  useEffect(() => handle.current?.show(selected), [selected, layout]);

  const root = tree.nodes[ancestry(tree, focus)[0] ?? 0];
  return (
    <Split
      id="tree"
      initial={400}
      aside={panel ? <SidePanel key={selected} tree={tree} node={selected} focus={focus} at={at} onSelect={select} onFocus={(node) => set({ process: tree.nodes[node]?.id ?? null, sel: null }, true)} onClose={() => set({ sel: 'none' })} /> : null}
    >
      <div className="tree-page">
        <div className="toolbar-line tree-toolbar">
          <Link to={backTo} className="icon-button" aria-label="Back to the rows" title="Back to the rows">
            ←
          </Link>
          <strong className="tree-title">{reveal(tree.nodes[focus]?.name ?? '?')}</strong>
          <span className="faint nums">
            {tree.nodes[focus]?.pid} · family of {plural(tree.nodes.length, 'process', 'processes')} under {reveal(root?.name ?? '?')}
          </span>
          {truncated && (
            <span className="state state-warn" title="The server sends at most 50,000 processes of a family">
              cut at {formatCount(tree.nodes.length)}
            </span>
          )}
          <span className="toolbar-space" />
          {/* Enter steps through the hits from the box. */}
          {/* eslint-disable-next-line jsx-a11y/no-static-element-interactions */}
          <span
            className="tree-search"
            onKeyDown={(event) => {
              if (event.key !== 'Enter' || !(event.target instanceof HTMLInputElement)) return;
              event.preventDefault();
              step(event.shiftKey ? -1 : 1);
            }}
          >
            <SearchBox value={find} onChange={setFind} instant label="Search processes" placeholder="Name, command line, user, id" hotkey />
            {settled && (
              <>
                <span className="faint nums" role="status">
                  {matches.length === 0 ? 'none' : `${hit < 0 ? '–' : hit + 1} of ${formatCount(matches.length)}`}
                </span>
                <IconButton icon="up" label="Previous hit" disabled={matches.length === 0} onClick={() => step(-1)} />
                <IconButton icon="down" label="Next hit" disabled={matches.length === 0} onClick={() => step(1)} />
              </>
            )}
          </span>
          <Button onClick={() => setOpen(new Map(tree.nodes.map((_, index) => [index, Number.POSITIVE_INFINITY])))}>Open all</Button>
          <Button
            onClick={() => {
              setOpen(new Map());
              setRevealed(new Set());
              set({ sel: null });
            }}
          >
            Fold
          </Button>
        </div>
        <TreeView handle={handle} tree={tree} layout={layout} selected={selected} focus={focus} found={found} at={at} onSelect={select} onToggle={toggle} onUnfold={unfold} />
        <TimeSlider tree={tree} at={at} onChange={(moment) => set({ at: moment === null ? null : String(moment) })} />
        <p className="tree-hint faint">
          Drag or scroll to move, Ctrl-scroll to zoom. Solid: running; hollow and dashed: exited. Collected in{' '}
          <Link to={backTo}>{flow}</Link>.
        </p>
      </div>
    </Split>
  );
}
