/** Dragging a divider or an edge horizontally. */

import type { PointerEvent as ReactPointerEvent } from 'react';

/** Follows the pointer from where it was pressed until it is released or lost: `onMove` gets the distance so far. */
export function dragSideways(event: ReactPointerEvent<HTMLElement>, onMove: (by: number) => void): void {
  event.preventDefault();
  const { currentTarget: target, clientX: start } = event;
  target.setPointerCapture(event.pointerId);
  const move = (at: PointerEvent) => onMove(at.clientX - start);
  target.addEventListener('pointermove', move);
  target.addEventListener('lostpointercapture', () => target.removeEventListener('pointermove', move), { once: true });
}
