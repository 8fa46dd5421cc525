/** The interactive drawing: pan, zoom, keys, hover card; SVG or canvas by size. */

import { useCallback, useEffect, useImperativeHandle, useLayoutEffect, useMemo, useRef, useState, type Ref } from 'react';
import { useSize } from '../lib/hooks';
import { IconButton } from '../ui/parts';
import { HoverCard } from './HoverCard';
import { COLUMN, itemAt, itemX, itemY, NODE_HEIGHT, NODE_WIDTH, ROW, sceneIn, type Item, type Layout } from './layout';
import { lifeAt, type Tree } from './model';
import { paint, readPalette, type Camera, type Look } from './paint';
import { SceneSvg } from './SceneSvg';
import { nodeTitle, spoken } from './words';

/** With more boxes, one canvas is faster than many elements. */
const SVG_MAX = 400;
const MIN_ZOOM = 0.05;
const MAX_ZOOM = 2.5;
/** The first view shrinks the spine to fit if it stays readable; else it shows the spine's end at a readable size. */
const MIN_FIRST_ZOOM = 0.7;
const READABLE_ZOOM = 0.9;
const MARGIN = 32;
const EDGE = 12;

export interface TreeHandle {
  /** Brings a process into view. */
  show: (node: number) => void;
  fit: () => void;
}

interface Props {
  tree: Tree;
  layout: Layout;
  selected: number;
  focus: number;
  found: ReadonlySet<number>;
  at: number | null;
  onSelect: (node: number) => void;
  onToggle: (node: number) => void;
  onUnfold: (item: Item) => void;
  handle: Ref<TreeHandle>;
}

export function TreeView({ tree, layout, selected, focus, found, at, onSelect, onToggle, onUnfold, handle }: Props) {
  const [sizeRef, size] = useSize<HTMLDivElement>();
  const box = useRef<HTMLDivElement | null>(null);
  const setBox = useCallback(
    (element: HTMLDivElement | null) => {
      box.current = element;
      sizeRef(element);
    },
    [sizeRef],
  );
  const [camera, setCameraFreely] = useState<Camera>({ x: MARGIN, y: 80, k: 1 });
  // Part of the drawing always stays in the window, so that it cannot get lost.
  const setCamera = useCallback(
    (next: Camera | ((old: Camera) => Camera)) =>
      setCameraFreely((old) => {
        const { x, y, k } = typeof next === 'function' ? next(old) : next;
        const width = (layout.depth * COLUMN + NODE_WIDTH) * k;
        const height = layout.rows * ROW * k;
        return { k, x: Math.max(NODE_WIDTH * k - width, Math.min(x, size.width - NODE_WIDTH * k)), y: Math.max(2 * ROW * k - height, Math.min(y, size.height - 2 * ROW * k)) };
      }),
    [layout, size],
  );
  const [hover, setHover] = useState<{ item: Item; x: number; y: number } | null>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const look: Look = useMemo(() => ({ selected, focus, hover: hover?.item.kind === 'node' ? hover.item.node : -1, found, at }), [selected, focus, hover, found, at]);

  const scene = useMemo(
    () => sceneIn(layout, { left: -camera.x / camera.k, top: -camera.y / camera.k, right: (size.width - camera.x) / camera.k, bottom: (size.height - camera.y) / camera.k }),
    [layout, camera, size],
  );
  const useCanvas = layout.items.length > SVG_MAX;

  useLayoutEffect(() => {
    const element = canvas.current;
    const context = element?.getContext('2d');
    if (!element || !context || size.width === 0) return;
    const draw = () => {
      const ratio = window.devicePixelRatio || 1;
      if (element.width !== Math.round(size.width * ratio) || element.height !== Math.round(size.height * ratio)) {
        element.width = Math.round(size.width * ratio);
        element.height = Math.round(size.height * ratio);
      }
      paint(context, size, ratio, camera, tree, layout, scene, look, readPalette());
    };
    draw();
    // The theme may change while nothing else does.
    const observer = new MutationObserver(draw);
    observer.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
    return () => observer.disconnect();
  }, [size, camera, tree, layout, scene, look, useCanvas]);

  const fit = useCallback(() => {
    if (size.width === 0) return;
    const width = layout.depth * COLUMN + NODE_WIDTH;
    const height = layout.rows * ROW;
    const k = Math.max(MIN_ZOOM, Math.min(1, (size.width - 2 * MARGIN) / width, (size.height - 2 * MARGIN) / height));
    setCamera({ k, x: MARGIN, y: Math.max(MARGIN, (size.height - height * k) / 2) });
  }, [layout, size, setCamera]);

  const show = useCallback(
    (node: number) => {
      const item = layout.items[layout.itemOf.get(node) ?? -1];
      if (!item || size.width === 0) return;
      setCamera((old) => {
        const left = itemX(item) * old.k + old.x;
        const top = itemY(item) * old.k + old.y;
        const inView = left > MARGIN && left + NODE_WIDTH * old.k < size.width - MARGIN && top > MARGIN && top + NODE_HEIGHT * old.k < size.height - MARGIN;
        if (inView) return old;
        const k = Math.max(old.k, 0.6);
        return { k, x: size.width * 0.45 - itemX(item) * k, y: size.height * 0.4 - itemY(item) * k };
      });
    },
    [layout, size, setCamera],
  );
  useImperativeHandle(handle, () => ({ show, fit }), [show, fit]);

  // The first view: the spine from its root if it fits, else its end, with the children below within reach.
  const placed = useRef<number | null>(null);
  useLayoutEffect(() => {
    if (size.width === 0 || placed.current === focus) return;
    const item = layout.items[layout.itemOf.get(focus) ?? -1];
    if (!item) return;
    placed.current = focus;
    const right = itemX(item) + NODE_WIDTH + COLUMN;
    const whole = Math.min(1, (size.width - 2 * MARGIN) / right);
    const k = whole >= MIN_FIRST_ZOOM ? whole : READABLE_ZOOM;
    const height = layout.rows * ROW * k;
    const y = height + 2 * MARGIN < size.height ? Math.min(size.height * 0.25, (size.height - height) / 2) : MARGIN;
    // If both do not fit, the process itself is in view rather than all of its children.
    setCamera({ k, x: Math.min(MARGIN, Math.max(size.width - MARGIN - right * k, EDGE - itemX(item) * k)), y });
  }, [layout, size, focus, setCamera]);

  const zoomAt = useCallback((factor: number, x: number, y: number) => {
    setCamera((old) => {
      const k = Math.max(MIN_ZOOM, Math.min(MAX_ZOOM, old.k * factor));
      return { k, x: x - ((x - old.x) / old.k) * k, y: y - ((y - old.y) / old.k) * k };
    });
  }, [setCamera]);
  const zoomCentre = (factor: number) => zoomAt(factor, size.width / 2, size.height / 2);
  // React's wheel listener is passive; this one must keep the page from scrolling.
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const onWheel = (event: WheelEvent) => {
      event.preventDefault();
      setHover(null);
      const bounds = element.getBoundingClientRect();
      const unit = event.deltaMode === 1 ? 20 : 1;
      if (event.ctrlKey || event.metaKey) zoomAt(Math.exp(-event.deltaY * unit * 0.004), event.clientX - bounds.left, event.clientY - bounds.top);
      else {
        const [dx, dy] = event.shiftKey && event.deltaX === 0 ? [event.deltaY, 0] : [event.deltaX, event.deltaY];
        setCamera((old) => ({ ...old, x: old.x - dx * unit, y: old.y - dy * unit }));
      }
    };
    element.addEventListener('wheel', onWheel, { passive: false });
    return () => element.removeEventListener('wheel', onWheel);
  }, [zoomAt, setCamera]);

  const itemUnder = (event: React.PointerEvent | React.MouseEvent) => {
    const bounds = event.currentTarget.getBoundingClientRect();
    return itemAt(layout, (event.clientX - bounds.left - camera.x) / camera.k, (event.clientY - bounds.top - camera.y) / camera.k);
  };
  const drag = useRef<{ x: number; y: number; moved: boolean } | null>(null);
  const press = (item: Item) => {
    if (item.kind === 'fold') onUnfold(item);
    else onSelect(item.node);
  };
  const onKeyDown = (event: React.KeyboardEvent) => {
    const itemIndex = layout.itemOf.get(selected);
    const item = itemIndex === undefined ? undefined : layout.items[itemIndex];
    const go = (target: Item | undefined) => {
      if (target) onSelect(target.node);
    };
    const nodesAt = (depth: number) => layout.items.filter((each) => each.kind === 'node' && each.depth === depth);
    const beside = (by: number) => {
      if (!item) return undefined;
      const column = nodesAt(item.depth);
      return column[column.indexOf(item) + by];
    };
    const actions: Record<string, () => void> = {
      ArrowLeft: () => go(item && layout.items[item.above]),
      ArrowRight: () => {
        if (!item) return;
        const child = layout.items.find((each) => each.kind === 'node' && each.above === itemIndex);
        if (child) go(child);
        else if ((tree.children[selected]?.length ?? 0) > 0) onToggle(selected);
      },
      ArrowDown: () => go(beside(1)),
      ArrowUp: () => go(beside(-1)),
      Enter: () => onToggle(selected),
      ' ': () => onToggle(selected),
      '+': () => zoomCentre(1.25),
      '=': () => zoomCentre(1.25),
      '-': () => zoomCentre(0.8),
      '0': fit,
      Home: () => go(layout.items[0]),
    };
    const action = event.ctrlKey || event.metaKey || event.altKey ? undefined : actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  };

  return (
    <div className="tree-view">
      {/* One drawing with its own keys; what is selected is spoken by the live region below. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions */}
      <div
        ref={setBox}
        className={`tree-box ${hover ? 'is-over' : ''}`}
        role="application"
        aria-label="Process family. Arrow keys move between parent, child and siblings, Enter opens or folds."
        tabIndex={0}
        onKeyDown={onKeyDown}
        onPointerDown={(event) => {
          if (event.button !== 0) return;
          drag.current = { x: event.clientX, y: event.clientY, moved: false };
          event.currentTarget.setPointerCapture(event.pointerId);
        }}
        onPointerMove={(event) => {
          const held = drag.current;
          if (held) {
            const [dx, dy] = [event.clientX - held.x, event.clientY - held.y];
            if (!held.moved && Math.hypot(dx, dy) < 4) return;
            drag.current = { x: event.clientX, y: event.clientY, moved: true };
            setHover(null);
            setCamera((old) => ({ ...old, x: old.x + dx, y: old.y + dy }));
            return;
          }
          const item = itemUnder(event);
          const bounds = event.currentTarget.getBoundingClientRect();
          setHover((old) => (item ? (old?.item === item ? old : { item, x: event.clientX - bounds.left, y: event.clientY - bounds.top }) : null));
        }}
        onPointerUp={(event) => {
          const held = drag.current;
          drag.current = null;
          if (!held || held.moved) return;
          const item = itemUnder(event);
          if (item) press(item);
        }}
        onPointerLeave={() => setHover(null)}
        onDoubleClick={(event) => {
          const item = itemUnder(event);
          if (item?.kind === 'node') onToggle(item.node);
        }}
      >
        {useCanvas ? <canvas ref={canvas} className="tree-canvas" aria-hidden="true" /> : <SceneSvg width={size.width} height={size.height} camera={camera} tree={tree} layout={layout} scene={scene} look={look} />}
        {hover?.item.kind === 'node' && <HoverCard tree={tree} node={hover.item.node} at={at} x={hover.x} y={hover.y} width={size.width} height={size.height} />}
      </div>
      {scene.items.length === 0 && size.width > 0 && (
        <button type="button" className="chip chip-action tree-lost" onClick={() => show(selected)}>
          No process in this part of the drawing. Back to {nodeTitle(tree, selected, false)}
        </button>
      )}
      <div className="tree-zoom" role="group" aria-label="Zoom">
        <IconButton icon="plus" label="Zoom in (+)" onClick={() => zoomCentre(1.25)} />
        <span className="nums">{Math.round(camera.k * 100)}%</span>
        <IconButton icon="minus" label="Zoom out (−)" onClick={() => zoomCentre(0.8)} />
        <IconButton icon="fit" label="Fit all (0)" onClick={fit} />
      </div>
      <p className="sr-only" role="status">
        {spoken(tree, selected, lifeAt(tree, selected, at))}
      </p>
    </div>
  );
}
