import { describe, expect, it } from 'vitest';
import type { ProcessNode } from '../api/types';
import { COLUMN, itemAt, itemX, itemY, layoutTree, PAGE, ROW, sceneIn, type Folding } from './layout';
import { ancestry, buildTree, lifeAt, searchTree } from './model';
import { paint, type Camera, type Look } from './paint';
import { edgeLabel } from './words';

const node = (id: number, parent: number | null, more: Partial<ProcessNode> = {}): ProcessNode => ({ id: String(id), parent_id: parent === null ? null : String(parent), pid: id, name: `p${id}`, exe: null, command_line: null, username: null, start_time: new Date(1e12 + id * 1_000).toISOString(), end_time: null, exit_code: null, exited: false, ...more });
const folding = (focus: number, more: Partial<Folding> = {}): Folding => ({ focus, open: new Map(), revealed: new Set(), ...more });

/** 1 - 2 - 3 - {4..9}, with 30 siblings beside 3. */
const family = () => buildTree([node(1, null), node(2, 1), node(3, 2), ...[4, 5, 6, 7, 8, 9].map((id) => node(id, 3)), ...Array.from({ length: 30 }, (_, at) => node(100 + at, 2))]);

describe('model', () => {
  it('knows ancestors and descendants', () => {
    const tree = family();
    expect(ancestry(tree, 4).map((each) => tree.nodes[each]?.pid)).toEqual([1, 2, 3, 5]);
    expect(tree.descendants[0]).toBe(38);
  });
  it('takes a process without its parent as a root', () => expect(buildTree([node(5, 99)]).roots).toEqual([0]));
  it.each([[[node(1, 1)]], [[node(1, 2), node(2, 1)]], [[node(1, 3), node(2, 1), node(3, 2), node(4, 3)]]])('breaks loops', (nodes) => {
    const tree = buildTree(nodes);
    expect(tree.roots).toHaveLength(1);
    for (let at = 0; at < nodes.length; at += 1) expect(ancestry(tree, at).length).toBeLessThanOrEqual(nodes.length);
  });
  it('tells life as of a moment', () => {
    const tree = buildTree([node(1, null, { exited: true, end_time: new Date(1e12 + 9_000).toISOString() }), node(2, 1, { exited: true, end_time: null })]);
    expect(lifeAt(tree, 0, 1e12)).toBe('future');
    expect(lifeAt(tree, 0, 1e12 + 5_000)).toBe('running');
    expect(lifeAt(tree, 0, 1e12 + 9_000)).toBe('exited');
    expect(lifeAt(tree, 0, null)).toBe('exited');
    expect(lifeAt(tree, 1, 1e12 + 5_000)).toBe('exited');
  });
  it('searches names, numbers and command lines', () => {
    const tree = buildTree([node(1, null), node(22, 1, { command_line: 'curl EVIL' }), node(3, 1, { name: 'Evil' })]);
    expect(searchTree(tree, 'evil').map((each) => tree.nodes[each]?.pid)).toEqual([3, 22]);
    expect(searchTree(tree, '22')).toEqual([1]);
    expect(searchTree(tree, ' ')).toEqual([]);
  });
  it('labels edges with the time between starts', () => expect(edgeLabel(family(), 1)).toBe('+1.0 s'));
});

describe('layout', () => {
  it('keeps the spine on one row and folds siblings into a count', () => {
    const tree = family();
    const layout = layoutTree(tree, folding(2));
    for (const pid of [0, 1, 2]) expect(layout.items[layout.itemOf.get(pid) ?? -1]).toMatchObject({ row: 0, onSpine: true });
    expect(layout.items.filter((item) => item.kind === 'fold')).toMatchObject([{ node: 1, count: 30 }]);
    expect(layout.items.filter((item) => item.depth === 3).map((item) => item.row)).toEqual([0, 1, 2, 3, 4, 5]);
  });
  it('opens a fold', () => {
    const layout = layoutTree(family(), folding(2, { open: new Map([[1, Number.POSITIVE_INFINITY]]) }));
    expect(layout.items.some((item) => item.kind === 'fold')).toBe(false);
    expect(layout.items).toHaveLength(39);
  });
  it('shows what was searched for, whatever is folded', () => {
    const tree = family();
    const hit = tree.byId.get('117') ?? -1;
    const layout = layoutTree(tree, folding(2, { revealed: new Set([hit]) }));
    expect(layout.itemOf.has(hit)).toBe(true);
    expect(layout.items.find((item) => item.kind === 'fold')?.count).toBe(29);
  });
  it('pages the children of the focus', () => {
    const tree = buildTree([node(1, null), ...Array.from({ length: 500 }, (_, at) => node(10 + at, 1))]);
    const layout = layoutTree(tree, folding(0));
    expect(layout.items).toHaveLength(1 + PAGE + 1);
    expect(layout.items.at(-1)).toMatchObject({ kind: 'fold', count: 500 - PAGE });
  });
  it('never overlaps boxes', () => {
    const layout = layoutTree(family(), folding(2, { open: new Map(Array.from({ length: 39 }, (_, at) => [at, Number.POSITIVE_INFINITY])) }));
    const places = new Set(layout.items.map((item) => `${item.row},${item.depth}`));
    expect(places.size).toBe(layout.items.length);
  });
  it('survives fifty thousand generations', () => {
    const tree = buildTree(Array.from({ length: 50_000 }, (_, at) => node(at, at === 0 ? null : at - 1)));
    const layout = layoutTree(tree, folding(49_999));
    expect(layout.items).toHaveLength(50_000);
    expect(layout.rows).toBe(1);
  });
  it('draws only what is in view', () => {
    const tree = buildTree([node(0, null), ...Array.from({ length: 49_999 }, (_, at) => node(at + 1, at % 500))]);
    const layout = layoutTree(tree, folding(0, { open: new Map(tree.nodes.map((_, at) => [at, Number.POSITIVE_INFINITY])) }));
    expect(layout.items).toHaveLength(50_000);
    const scene = sceneIn(layout, { left: 0, top: 100_000, right: 1_400, bottom: 100_900 });
    expect(scene.items.length).toBeLessThan(200);
  });
  it('finds the box under a point', () => {
    const layout = layoutTree(family(), folding(2));
    const item = layout.items[3]!;
    expect(itemAt(layout, itemX(item) + 5, itemY(item) + 5)).toBe(item);
    expect(itemAt(layout, COLUMN - 10, 5)).toBeNull();
    expect(itemAt(layout, 5, ROW - 2)).toBeNull();
  });
});

describe('canvas', () => {
  /** A context that remembers which lines were drawn in which colour. */
  function recorder() {
    const lines: { from: [number, number]; to: [number, number]; colour: string; width: number }[] = [];
    let path: { from: [number, number]; to: [number, number] }[] = [];
    let at: [number, number] = [0, 0];
    const known: Record<string, unknown> = {
      strokeStyle: '',
      lineWidth: 1,
      beginPath: () => (path = []),
      moveTo: (x: number, y: number) => (at = [x, y]),
      lineTo: (x: number, y: number) => path.push({ from: at, to: [x, y] }),
      stroke: () => lines.push(...path.map((each) => ({ ...each, colour: String(known['strokeStyle']), width: Number(known['lineWidth']) }))),
    };
    const context = new Proxy(known, { get: (target, name: string) => target[name] ?? (() => undefined), set: (target, name: string, value) => ((target[name] = value), true) });
    return { context: context as unknown as CanvasRenderingContext2D, lines };
  }
  it('draws the spine in its colour, as the SVG does', () => {
    const tree = family();
    const layout = layoutTree(tree, folding(2, { open: new Map(tree.nodes.map((_, at) => [at, Number.POSITIVE_INFINITY])) }));
    const scene = sceneIn(layout, { left: 0, top: 0, right: 5_000, bottom: 5_000 });
    const { context, lines } = recorder();
    const camera: Camera = { x: 0, y: 0, k: 1 };
    const look: Look = { selected: 2, focus: 2, hover: -1, found: new Set(), at: null };
    const colours = Object.fromEntries(['surface', 'raised', 'line-strong', 'text', 'soft', 'faint', 'accent', 'accent-soft', 'warn', 'warn-soft', 'ok', 'error'].map((name) => [name, name])) as Parameters<typeof paint>[8];
    paint(context, { width: 5_000, height: 5_000 }, 1, camera, tree, layout, scene, look, colours);
    const spine = lines.filter((line) => line.colour === 'accent');
    const onSpine = scene.items.filter((item) => item.onSpine && item.above >= 0);
    expect(spine).toHaveLength(onSpine.length);
    expect(spine.map((line) => line.to[0]).sort()).toEqual(onSpine.map(itemX).sort());
    expect(spine.every((line) => line.width === 1.5 && line.to[1] === spine[0]?.to[1])).toBe(true);
    expect(lines.filter((line) => line.colour === 'line-strong').length).toBeGreaterThan(30);
  });
});
