/**
 * The positions of visible processes. Columns are generations, left to right; a first child is on its parent's
 * row, so the path from the root to the process in focus is one straight line along the top, the spine.
 */

import { ancestry, type Tree } from './model';

export const NODE_WIDTH = 168;
export const NODE_HEIGHT = 36;
export const COLUMN = NODE_WIDTH + 66;
export const ROW = 48;
/** Children shown at once when a process is opened. */
export const PAGE = 24;
/** Folding fewer than this would hide more than it saves. */
const FEW = 2;

export interface Item {
  kind: 'node' | 'fold';
  /** The process; of a fold, the parent whose children are folded. */
  node: number;
  /** Number of processes in a fold. */
  count: number;
  depth: number;
  row: number;
  /** Position of the parent in the list of items, -1 for a root. */
  above: number;
  /** The lowest row among the children: how far the trunk reaches. */
  lastChildRow: number;
  onSpine: boolean;
  /** Whether some of its children are shown. */
  opened: boolean;
}

export interface Layout {
  items: Item[];
  rows: number;
  depth: number;
  /** Item of each shown process. */
  itemOf: Map<number, number>;
}

export interface Folding {
  focus: number;
  /** The number of visible children of a process, as chosen by a person (or the default). */
  open: ReadonlyMap<number, number>;
  /** Processes shown regardless of folds: found by search, selected. */
  revealed: ReadonlySet<number>;
}

/** The children of `node` that are shown, in order, and how many are folded away. */
function shownChildren(tree: Tree, node: number, folding: Folding, forced: ReadonlySet<number>, spine: ReadonlySet<number>): { shown: number[]; folded: number } {
  const all = tree.children[node] ?? [];
  const limit = folding.open.get(node) ?? (node === folding.focus ? PAGE : 0);
  const first: number[] = [];
  const rest: number[] = [];
  let free = 0;
  for (const child of all) {
    if (spine.has(child)) first.push(child);
    else if (forced.has(child)) rest.push(child);
    else if (free < limit) {
      free += 1;
      rest.push(child);
    }
  }
  const shown = [...first, ...rest];
  const folded = all.length - shown.length;
  const isOpen = shown.length > 0;
  if (isOpen && folded > 0 && folded <= FEW && !folding.open.has(node)) {
    const order = new Map(all.map((child, at) => [child, at]));
    const others = all.filter((child) => !spine.has(child)).sort((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0));
    return { shown: [...first, ...others], folded: 0 };
  }
  return { shown, folded };
}

export function layoutTree(tree: Tree, folding: Folding): Layout {
  const spine = new Set(ancestry(tree, folding.focus));
  const forced = new Set<number>();
  for (const node of folding.revealed) for (const each of ancestry(tree, node)) forced.add(each);

  const items: Item[] = [];
  const itemOf = new Map<number, number>();
  let lastRow = -1;
  let depth = 0;
  interface Pending {
    kind: 'node' | 'fold';
    node: number;
    count: number;
    above: number;
    isFirst: boolean;
  }
  const root = ancestry(tree, folding.focus)[0] ?? tree.roots[0];
  if (root === undefined) return { items, rows: 0, depth: 0, itemOf };
  // An explicit stack: a hostile family may be fifty thousand generations deep.
  const stack: Pending[] = [{ kind: 'node', node: root, count: 0, above: -1, isFirst: false }];
  for (let pending = stack.pop(); pending; pending = stack.pop()) {
    const above = items[pending.above];
    const row = pending.isFirst && above ? above.row : (lastRow += 1);
    const item: Item = { kind: pending.kind, node: pending.node, count: pending.count, depth: above ? above.depth + 1 : 0, row, above: pending.above, lastChildRow: row, onSpine: pending.kind === 'node' && spine.has(pending.node), opened: false };
    const at = items.push(item) - 1;
    if (above) above.lastChildRow = Math.max(above.lastChildRow, row);
    depth = Math.max(depth, item.depth);
    if (pending.kind === 'fold') continue;
    itemOf.set(pending.node, at);
    const { shown, folded } = shownChildren(tree, pending.node, folding, forced, spine);
    item.opened = shown.length > 0;
    if (shown.length > 0 && folded > 0) stack.push({ kind: 'fold', node: pending.node, count: folded, above: at, isFirst: false });
    for (let index = shown.length - 1; index >= 0; index -= 1) stack.push({ kind: 'node', node: shown[index] ?? 0, count: 0, above: at, isFirst: index === 0 });
  }
  return { items, rows: lastRow + 1, depth, itemOf };
}

interface Rect {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

export interface Scene {
  items: Item[];
  /** Vertical lines from a parent's row to its last child's. */
  trunks: { x: number; from: number; to: number }[];
}

export const itemX = (item: Item) => item.depth * COLUMN;
export const itemY = (item: Item) => item.row * ROW;

/** The part of the layout that touches a rectangle: everything that needs drawing. */
export function sceneIn(layout: Layout, view: Rect): Scene {
  const scene: Scene = { items: [], trunks: [] };
  for (const item of layout.items) {
    const x = itemX(item);
    const y = itemY(item);
    // The stub to the parent and the trunk to the children belong to the item's area.
    if (x + COLUMN < view.left || x - COLUMN > view.right) continue;
    if (y + ROW >= view.top && y - ROW <= view.bottom) scene.items.push(item);
    if (item.lastChildRow > item.row) {
      const from = y + NODE_HEIGHT / 2;
      const to = item.lastChildRow * ROW + NODE_HEIGHT / 2;
      if (to >= view.top && from <= view.bottom) scene.trunks.push({ x: x + NODE_WIDTH + 16, from: Math.max(from, view.top - ROW), to: Math.min(to, view.bottom + ROW) });
    }
  }
  return scene;
}

/** The item under a point of the drawing, if any. */
export function itemAt(layout: Layout, x: number, y: number): Item | null {
  const row = Math.floor(y / ROW);
  if (y - row * ROW > NODE_HEIGHT) return null;
  for (const item of layout.items) {
    if (item.row !== row) continue;
    const left = itemX(item);
    if (x >= left && x <= left + NODE_WIDTH) return item;
  }
  return null;
}
