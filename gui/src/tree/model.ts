/** A process family as arrays: built once, traversed often, safe against missing parents and loops. */

import type { Json, ProcessNode } from '../api/types';
import { parseTime } from '../lib/format';

/** A process whose cells have the expected types. */
export interface Process extends Omit<ProcessNode, 'name' | 'exe' | 'command_line' | 'username' | 'exit_code'> {
  name: string | null;
  exe: string | null;
  command_line: string | null;
  username: string | null;
  exit_code: number | null;
}

export interface Tree {
  nodes: Process[];
  byId: Map<string, number>;
  /** Index of the parent, -1 for a root. */
  parent: Int32Array;
  /** Children by start time. */
  children: number[][];
  /** Number of descendants of each process. */
  descendants: Int32Array;
  /** Milliseconds; NaN when unknown. */
  start: Float64Array;
  /** Milliseconds; Infinity while it runs, NaN when it has exited at an unknown time. */
  end: Float64Array;
  roots: number[];
  /** The earliest start and the latest known time. */
  span: [number, number];
}

const time = (value: unknown) => parseTime(value) ?? Number.NaN;

/** Cells of an endpoint's rows: what should be text may be anything. */
const textOrNull = (value: Json) => (value === null || value === '' ? null : typeof value === 'string' ? value : JSON.stringify(value));

function tidy(node: ProcessNode): Process {
  return { ...node, name: textOrNull(node.name), exe: textOrNull(node.exe), command_line: textOrNull(node.command_line), username: textOrNull(node.username), exit_code: typeof node.exit_code === 'number' ? node.exit_code : null };
}

export function buildTree(sent: ProcessNode[]): Tree {
  const nodes = sent.map(tidy);
  const count = nodes.length;
  const byId = new Map(nodes.map((node, index) => [node.id, index]));
  const parent = new Int32Array(count).fill(-1);
  const start = Float64Array.from(nodes, (node) => time(node.start_time));
  const end = Float64Array.from(nodes, (node) => (node.exited ? time(node.end_time) : Number.POSITIVE_INFINITY));
  nodes.forEach((node, index) => {
    const found = node.parent_id === null ? undefined : byId.get(node.parent_id);
    if (found !== undefined && found !== index) parent[index] = found;
  });
  breakLoops(parent);

  const children: number[][] = Array.from({ length: count }, () => []);
  const roots: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const above = parent[index] ?? -1;
    if (above < 0) roots.push(index);
    else children[above]?.push(index);
  }
  const order = (a: number, b: number) => (start[a] ?? 0) - (start[b] ?? 0) || (nodes[a]?.pid ?? 0) - (nodes[b]?.pid ?? 0);
  for (const list of children) list.sort(order);

  const descendants = new Int32Array(count);
  const preorder = [...roots];
  for (let at = 0; at < preorder.length; at += 1) for (const child of children[preorder[at] ?? 0] ?? []) preorder.push(child);
  for (let at = preorder.length - 1; at >= 0; at -= 1) {
    const index = preorder[at] ?? 0;
    const above = parent[index] ?? -1;
    if (above >= 0) descendants[above] = (descendants[above] ?? 0) + (descendants[index] ?? 0) + 1;
  }

  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < count; index += 1) {
    for (const moment of [start[index] ?? Number.NaN, end[index] ?? Number.NaN]) {
      if (!Number.isFinite(moment)) continue;
      first = Math.min(first, moment);
      last = Math.max(last, moment);
    }
  }
  return { nodes, byId, parent, children, descendants, start, end, roots, span: Number.isFinite(first) ? [first, last] : [0, 0] };
}

/** A parent chain that loops is cut where the loop was first noticed. */
function breakLoops(parent: Int32Array): void {
  const seen = new Int32Array(parent.length);
  for (let index = 0; index < parent.length; index += 1) {
    const mark = index + 1;
    let at = index;
    while (at >= 0 && seen[at] === 0) {
      seen[at] = mark;
      const above = parent[at] ?? -1;
      if (above >= 0 && seen[above] === mark) parent[at] = -1;
      at = parent[at] ?? -1;
    }
  }
}

/** From the root down to the process itself. */
export function ancestry(tree: Tree, index: number): number[] {
  const path: number[] = [];
  for (let at = index; at >= 0; at = tree.parent[at] ?? -1) path.push(at);
  return path.reverse();
}

export function siblings(tree: Tree, index: number): number[] {
  const above = tree.parent[index] ?? -1;
  return (above < 0 ? tree.roots : (tree.children[above] ?? [])).filter((each) => each !== index);
}

export type Life = 'future' | 'running' | 'exited';

/** The state of a process at a point in time; without one, its state at the end of the record. */
export function lifeAt(tree: Tree, index: number, at: number | null): Life {
  const exited = tree.nodes[index]?.exited ?? false;
  if (at === null) return exited ? 'exited' : 'running';
  if ((tree.start[index] ?? Number.NaN) > at) return 'future';
  const end = tree.end[index] ?? Number.NaN;
  return exited && !(end > at) ? 'exited' : 'running';
}

/** Processes whose name, command line, user or number contains the text, in order of start. */
export function searchTree(tree: Tree, text: string): number[] {
  const needle = text.trim().toLowerCase();
  if (!needle) return [];
  const found: number[] = [];
  tree.nodes.forEach((node, index) => {
    const hit = String(node.pid) === needle || [node.name, node.command_line, node.exe, node.username].some((field) => field?.toLowerCase().includes(needle));
    if (hit) found.push(index);
  });
  return found.sort((a, b) => (tree.start[a] ?? 0) - (tree.start[b] ?? 0));
}
