/** The texts in the drawing: the same for SVG, canvas and screen readers. */

import { formatCount, formatDuration, plural } from '../lib/format';
import { clip, reveal } from '../lib/text';
import type { Item } from './layout';
import type { Life, Tree } from './model';

export function nodeTitle(tree: Tree, node: number, badge: boolean): string {
  return clip(reveal(tree.nodes[node]?.name ?? '?'), badge ? 14 : 18);
}

/** The second line of a box: number, user, and how it ended. */
export function nodeNote(tree: Tree, node: number, life: Life): string {
  const process = tree.nodes[node];
  if (!process) return '';
  const parts = [String(process.pid)];
  if (process.username) parts.push(clip(reveal(process.username), 12));
  if (life === 'exited') parts.push(process.exit_code === null ? 'exited' : `exited ${process.exit_code}`);
  if (life === 'future') parts.push('not started');
  return parts.join(' · ');
}

/** How long after its parent a process started, for the edge between them. */
export function edgeLabel(tree: Tree, node: number): string {
  const above = tree.parent[node] ?? -1;
  if (above < 0) return '';
  const passed = (tree.start[node] ?? Number.NaN) - (tree.start[above] ?? Number.NaN);
  if (!Number.isFinite(passed)) return '';
  // The first unit is enough here; the side panel has the rest.
  return `${passed >= 0 ? '+' : ''}${formatDuration(passed).split(' ').slice(0, 2).join(' ')}`;
}

export function foldLabel(item: Item, onSpine: boolean): string {
  return onSpine ? plural(item.count, 'sibling') : `${formatCount(item.count)} more`;
}

/** A whole sentence, for the live region. */
export function spoken(tree: Tree, node: number, life: Life): string {
  const process = tree.nodes[node];
  if (!process) return '';
  const children = tree.children[node]?.length ?? 0;
  return `${reveal(process.name ?? 'unnamed')}, process ${process.pid}, ${life === 'future' ? 'not started yet' : life}${process.exit_code === null || life !== 'exited' ? '' : ` with code ${process.exit_code}`}, ${plural(children, 'child', 'children')}`;
}
