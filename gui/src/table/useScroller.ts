/** The scrolling box of a grid: which rows are visible, and how to scroll to others. */

import { useCallback, useMemo, useRef, useState } from 'react';
import { useSize } from '../lib/hooks';
import type { GridColumn } from './columns';
import { scrollToRow, viewport, type Viewport } from './viewport';

export const ROW_HEIGHT = 28;
const HEADER_HEIGHT = 30;

/** A cell, by the indexes of its row and its column. */
export interface Place {
  row: number;
  column: number;
}

export interface Scroller {
  setBox: (element: HTMLDivElement | null) => void;
  onScroll: () => void;
  width: number;
  /** Height of the area below the headers; 0 until it is known. */
  height: number;
  view: Viewport;
  isAtTop: boolean;
  focus: () => void;
  toTop: () => void;
  showRow: (row: number) => void;
  showCell: (place: Place, columns: GridColumn[]) => void;
}

export function useScroller(total: number): Scroller {
  const box = useRef<HTMLDivElement | null>(null);
  const [sizeRef, size] = useSize<HTMLDivElement>();
  const [scrollTop, setScrollTop] = useState(0);
  const height = Math.max(0, size.height - HEADER_HEIGHT);
  const view = useMemo(() => viewport(total, ROW_HEIGHT, scrollTop, height), [total, scrollTop, height]);
  const setBox = useCallback(
    (element: HTMLDivElement | null) => {
      box.current = element;
      sizeRef(element);
    },
    [sizeRef],
  );
  const toTop = useCallback(() => box.current?.scrollTo({ top: 0 }), []);
  const showRow = (row: number) => {
    if (box.current) box.current.scrollTop = scrollToRow(row, total, ROW_HEIGHT, box.current.scrollTop, height);
  };
  const showCell = ({ row, column: index }: Place, columns: GridColumn[]) => {
    showRow(row);
    const column = columns[index];
    if (!box.current || !column || column.isPinned) return;
    // Pinned columns cover the left part of the scrolled content.
    const left = column.start - columns.filter(({ isPinned }) => isPinned).reduce((sum, { width }) => sum + width, 0);
    const right = column.start + column.width - box.current.clientWidth;
    if (left < box.current.scrollLeft) box.current.scrollLeft = left;
    else if (right > box.current.scrollLeft) box.current.scrollLeft = right;
  };
  return {
    setBox,
    onScroll: () => setScrollTop(box.current?.scrollTop ?? 0),
    width: size.width,
    height,
    view,
    isAtTop: scrollTop < ROW_HEIGHT,
    focus: () => box.current?.focus({ preventScroll: true }),
    toTop,
    showRow,
    showCell,
  };
}
