/** The meaning of keys in a grid. */

import type { Place } from './useScroller';

export type CellAction = 'open' | 'details' | 'leave' | 'keep' | 'drop' | 'copy' | 'sort' | 'group';

interface Key {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
}

/** The size of the grid; `page` rows are visible at once. */
interface Extent {
  rows: number;
  columns: number;
  page: number;
}

/** Letters that act on the current cell. */
const LETTERS = new Map<string, CellAction>([
  ['f', 'keep'],
  ['x', 'drop'],
  ['c', 'copy'],
  ['s', 'sort'],
  ['u', 'group'],
]);

/** The cell that a key moves to, or the action on the current one; null for keys without a meaning. */
export function readKey({ key, ctrlKey, metaKey, altKey }: Key, { row, column }: Place, { rows, columns, page }: Extent): Place | CellAction | null {
  const to = (nextRow: number, nextColumn: number): Place => ({ row: clamp(nextRow, rows), column: clamp(nextColumn, columns) });
  const jumps = ctrlKey || metaKey;
  switch (key) {
    case 'ArrowDown':
      return to(jumps ? rows : row + 1, column);
    case 'ArrowUp':
      return to(jumps ? 0 : row - 1, column);
    case 'ArrowRight':
      return to(row, column + 1);
    case 'ArrowLeft':
      return to(row, column - 1);
    case 'PageDown':
      return to(row + page, column);
    case 'PageUp':
      return to(row - page, column);
    case 'Home':
      return to(jumps ? 0 : row, 0);
    case 'End':
      return to(jumps ? rows : row, columns);
    case 'Enter':
      return 'open';
    case ' ':
      return 'details';
    case 'Escape':
      return 'leave';
  }
  // With these keys held, letters belong to the browser.
  if (jumps || altKey) return null;
  if (key === 'j') return to(row + 1, column);
  if (key === 'k') return to(row - 1, column);
  return LETTERS.get(key) ?? null;
}

const clamp = (at: number, count: number) => Math.max(0, Math.min(count - 1, at));
