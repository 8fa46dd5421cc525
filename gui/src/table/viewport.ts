/** The rows on screen, even if all rows together are taller than a browser can scroll. */

/** Browsers stop at about 33 million pixels; above this height, the scroll bar moves proportionally. */
export const MAX_SCROLL = 15_000_000;
const OVERSCAN = 8;

export interface Viewport {
  /** Height of the scrolled area. */
  height: number;
  first: number;
  last: number;
  /** Position of row `index` inside the scrolled area. */
  top: (index: number) => number;
}

export function viewport(rows: number, rowHeight: number, scrollTop: number, viewHeight: number): Viewport {
  const full = rows * rowHeight;
  const height = Math.min(full, MAX_SCROLL);
  const scale = height > viewHeight ? (full - viewHeight) / (height - viewHeight) : 1;
  const top = Math.max(0, Math.min(scrollTop, Math.max(0, height - viewHeight)));
  const virtualTop = top * scale;
  const shift = top - virtualTop;
  const first = Math.max(0, Math.floor(virtualTop / rowHeight) - OVERSCAN);
  const last = Math.min(rows - 1, Math.ceil((virtualTop + viewHeight) / rowHeight) + OVERSCAN);
  return { height, first, last, top: (index) => index * rowHeight + shift };
}

/** The scroll position that brings row `index` into view, or the current one if it is visible. */
export function scrollToRow(index: number, rows: number, rowHeight: number, scrollTop: number, viewHeight: number): number {
  const full = rows * rowHeight;
  const height = Math.min(full, MAX_SCROLL);
  const scale = height > viewHeight ? (full - viewHeight) / (height - viewHeight) : 1;
  const virtualTop = scrollTop * scale;
  const start = index * rowHeight;
  if (start < virtualTop) return start / scale;
  if (start + rowHeight > virtualTop + viewHeight) return (start + rowHeight - viewHeight) / scale;
  return scrollTop;
}
