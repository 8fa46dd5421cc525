/** The family on a canvas: for drawings of more than some hundred boxes. */

import { COLUMN, itemX, itemY, NODE_HEIGHT, NODE_WIDTH, type Item, type Layout, type Scene } from './layout';
import { lifeAt, type Tree } from './model';
import { edgeLabel, foldLabel, nodeNote, nodeTitle } from './words';

export interface Camera {
  x: number;
  y: number;
  k: number;
}

export interface Look {
  selected: number;
  focus: number;
  hover: number;
  found: ReadonlySet<number>;
  at: number | null;
}

const NAMES = ['surface', 'raised', 'line-strong', 'text', 'soft', 'faint', 'accent', 'accent-soft', 'warn', 'warn-soft', 'ok', 'error'] as const;
type Palette = Record<(typeof NAMES)[number], string>;

/** The theme's colours in the canvas's format: a probe element resolves the style sheet's values. */
export function readPalette(): Palette {
  const probe = document.createElement('span');
  document.body.append(probe);
  const palette = Object.fromEntries(
    NAMES.map((name) => {
      probe.style.color = `var(--${name})`;
      return [name, getComputedStyle(probe).color];
    }),
  ) as Palette;
  probe.remove();
  return palette;
}

/** Below this zoom text is noise: boxes only. */
const TEXT_ZOOM = 0.42;

export function paint(context: CanvasRenderingContext2D, size: { width: number; height: number }, ratio: number, camera: Camera, tree: Tree, layout: Layout, scene: Scene, look: Look, colours: Palette): void {
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, size.width, size.height);
  context.translate(camera.x, camera.y);
  context.scale(camera.k, camera.k);
  const detailed = camera.k >= TEXT_ZOOM;
  const hair = Math.max(1, 1 / camera.k);

  context.lineWidth = hair;
  context.strokeStyle = colours['line-strong'];
  context.beginPath();
  for (const trunk of scene.trunks) {
    context.moveTo(trunk.x, trunk.from);
    context.lineTo(trunk.x, trunk.to);
  }
  const edges = (which: (item: Item) => boolean) => {
    for (const item of scene.items) {
      if (item.above < 0 || !which(item)) continue;
      const y = itemY(item) + NODE_HEIGHT / 2;
      const first = layout.items[item.above]?.row === item.row;
      context.moveTo(itemX(item) - (first ? COLUMN - NODE_WIDTH : COLUMN - NODE_WIDTH - 16), y);
      context.lineTo(itemX(item), y);
    }
  };
  edges((item) => !item.onSpine);
  context.stroke();
  // The path from the first ancestor to the process in focus, above all other lines.
  context.lineWidth = 1.5 * hair;
  context.strokeStyle = colours.accent;
  context.beginPath();
  edges((item) => item.onSpine);
  context.stroke();
  context.lineWidth = hair;

  context.textBaseline = 'middle';
  for (const item of scene.items) {
    const x = itemX(item);
    const y = itemY(item);
    if (item.kind === 'fold') {
      context.globalAlpha = 1;
      context.setLineDash([3, 3]);
      context.strokeStyle = colours['line-strong'];
      box(context, x, y + 5, 116, NODE_HEIGHT - 10, 13);
      context.stroke();
      context.setLineDash([]);
      if (detailed) {
        context.fillStyle = colours.accent;
        context.font = '500 12px "Inter Variable", sans-serif';
        context.fillText(`+ ${foldLabel(item, layout.items[item.above]?.onSpine ?? false)}`, x + 12, y + NODE_HEIGHT / 2, 96);
      }
      continue;
    }
    const life = lifeAt(tree, item.node, look.at);
    const isFound = look.found.has(item.node);
    context.globalAlpha = life === 'future' ? 0.28 : look.found.size > 0 && !isFound ? 0.45 : 1;
    box(context, x, y, NODE_WIDTH, NODE_HEIGHT, 5);
    context.fillStyle = isFound ? colours['warn-soft'] : item.node === look.focus ? colours['accent-soft'] : life === 'exited' ? colours.surface : colours.raised;
    context.fill();
    context.lineWidth = item.node === look.selected ? 2 * hair : item.node === look.hover ? 1.5 * hair : hair;
    context.strokeStyle = item.node === look.selected || item.node === look.focus ? colours.accent : isFound ? colours.warn : item.node === look.hover ? colours.soft : colours['line-strong'];
    if (life === 'exited' && item.node !== look.selected) context.setLineDash([4, 3]);
    context.stroke();
    context.setLineDash([]);
    // The state: a solid dot while it runs, a ring when it has exited.
    context.beginPath();
    context.arc(x + 14, y + 12, 4, 0, 2 * Math.PI);
    if (life === 'running') {
      context.fillStyle = colours.ok;
      context.fill();
    } else {
      context.strokeStyle = colours.faint;
      context.lineWidth = 1.4;
      context.stroke();
    }
    if (!detailed) continue;
    const children = tree.children[item.node]?.length ?? 0;
    const badge = children > 0 && !item.opened;
    context.fillStyle = life === 'exited' ? colours.soft : colours.text;
    context.font = '600 12px "Inter Variable", sans-serif';
    context.fillText(nodeTitle(tree, item.node, badge), x + 25, y + 12.5, NODE_WIDTH - (badge ? 62 : 32));
    context.fillStyle = (tree.nodes[item.node]?.exit_code ?? 0) !== 0 && life === 'exited' ? colours.error : colours.faint;
    context.font = '400 11px "Inter Variable", sans-serif';
    context.fillText(nodeNote(tree, item.node, life), x + 25, y + 26, NODE_WIDTH - 34);
    if (badge) drawBadge(context, x, y, children, colours);
    const label = item.above >= 0 ? edgeLabel(tree, item.node) : '';
    if (label) {
      context.fillStyle = colours.faint;
      context.font = '400 10.5px "Inter Variable", sans-serif';
      context.textAlign = 'right';
      context.fillText(label, x - 6, y + NODE_HEIGHT / 2 - 7, COLUMN - NODE_WIDTH - 24);
      context.textAlign = 'left';
    }
  }
  context.globalAlpha = 1;
}

function drawBadge(context: CanvasRenderingContext2D, x: number, y: number, children: number, colours: Palette): void {
  context.fillStyle = colours.accent;
  context.font = '500 11px "Inter Variable", sans-serif';
  context.textAlign = 'right';
  context.fillText(`${children > 999 ? '999+' : children} ▸`, x + NODE_WIDTH - 8, y + 12.5);
  context.textAlign = 'left';
}

function box(context: CanvasRenderingContext2D, x: number, y: number, width: number, height: number, radius: number): void {
  context.beginPath();
  context.roundRect(x, y, width, height, radius);
}
