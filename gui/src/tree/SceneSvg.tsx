/** The family as SVG: crisp at any zoom, for drawings of some hundred boxes. */

import { COLUMN, itemX, itemY, NODE_HEIGHT, NODE_WIDTH, type Layout, type Scene } from './layout';
import { lifeAt, type Tree } from './model';
import type { Camera, Look } from './paint';
import { edgeLabel, foldLabel, nodeNote, nodeTitle } from './words';

export function SceneSvg({ width, height, camera, tree, layout, scene, look }: { width: number; height: number; camera: Camera; tree: Tree; layout: Layout; scene: Scene; look: Look }) {
  return (
    <svg className="tree-svg" width={width} height={height} aria-hidden="true">
      <g transform={`translate(${camera.x} ${camera.y}) scale(${camera.k})`}>
        <g className="tree-edges">
          {scene.trunks.map((trunk, index) => (
            <path key={index} d={`M${trunk.x} ${trunk.from}V${trunk.to}`} />
          ))}
          {scene.items.map((item) => {
            const parent = layout.items[item.above];
            if (!parent) return null;
            const y = itemY(item) + NODE_HEIGHT / 2;
            const x = itemX(item);
            const from = parent.row === item.row ? x - (COLUMN - NODE_WIDTH) : x - (COLUMN - NODE_WIDTH - 16);
            return <path key={`${item.kind}${item.node}`} className={item.onSpine ? 'is-spine' : ''} d={`M${from} ${y}H${x}`} />;
          })}
        </g>
        {scene.items.map((item) => {
          const x = itemX(item);
          const y = itemY(item);
          if (item.kind === 'fold')
            return (
              <g key={`fold${item.node}`} className="tree-fold" transform={`translate(${x} ${y})`}>
                <rect y={5} width={116} height={NODE_HEIGHT - 10} rx={13} />
                <text x={12} y={NODE_HEIGHT / 2}>
                  + {foldLabel(item, layout.items[item.above]?.onSpine ?? false)}
                </text>
              </g>
            );
          const life = lifeAt(tree, item.node, look.at);
          const process = tree.nodes[item.node];
          const children = tree.children[item.node]?.length ?? 0;
          const found = look.found.has(item.node);
          const flags = [`is-${life}`, item.node === look.focus ? 'is-focus' : '', item.node === look.selected ? 'is-selected' : '', item.node === look.hover ? 'is-hover' : '', found ? 'is-found' : look.found.size > 0 ? 'is-dim' : ''];
          return (
            <g key={item.node} className={`tree-node ${flags.join(' ')}`} transform={`translate(${x} ${y})`}>
              <rect width={NODE_WIDTH} height={NODE_HEIGHT} rx={5} />
              <circle cx={14} cy={12} r={4} />
              <text className="tree-name" x={25} y={12.5}>
                {nodeTitle(tree, item.node, children > 0 && !item.opened)}
              </text>
              <text className={`tree-note ${life === 'exited' && (process?.exit_code ?? 0) !== 0 ? 'is-failed' : ''}`} x={25} y={26}>
                {nodeNote(tree, item.node, life)}
              </text>
              {children > 0 && !item.opened && (
                <text className="tree-more" x={NODE_WIDTH - 8} y={12.5}>
                  {children > 999 ? '999+' : children} ▸
                </text>
              )}
              {item.above >= 0 && (
                <text className="tree-elapsed" x={-6} y={NODE_HEIGHT / 2 - 7}>
                  {edgeLabel(tree, item.node)}
                </text>
              )}
            </g>
          );
        })}
      </g>
    </svg>
  );
}
