/** Rows that come while one looks at a table: they appear at its end, or wait until they are asked for. */

import { useEffect, useEffectEvent, useRef, useState } from 'react';
import type { RowPages } from './pages';

/** New rows are fetched so long after the first of them was announced: they come in bursts. */
const FOLLOW_MS = 400;

interface Options {
  pages: RowPages;
  /** Rises with every change of `pages`. */
  version: number;
  /** Rows the server is known to hold now. */
  liveTotal: number | undefined;
  /** More rows may come. */
  isLive: boolean;
  /** New rows can only stand behind those that are there, and move nothing that one reads. */
  isAppended: boolean;
  /** They are shown as they come, wherever they stand. */
  follows: boolean;
}

/** How many rows came that are not shown, and how to show them. */
export function useNewRows({ pages, version, liveTotal, isLive, isAppended, follows }: Options): { pending: number; showNew: () => void } {
  const [seen, setSeen] = useState<{ pages: RowPages; total: number } | null>(null);
  if (seen?.pages !== pages && pages.total !== null && liveTotal !== undefined) setSeen({ pages, total: liveTotal });
  const pending = seen?.pages === pages && liveTotal !== undefined && !isAppended ? Math.max(0, liveTotal - seen.total) : 0;
  const showNew = () => {
    if (liveTotal !== undefined) setSeen({ pages, total: liveTotal });
    pages.refresh();
  };

  useEffect(() => {
    if (liveTotal !== undefined && isAppended) pages.grow(liveTotal);
  }, [liveTotal, isAppended, pages, version]);

  const wasLive = useRef(isLive);
  useEffect(() => {
    if (wasLive.current && !isLive) pages.refresh();
    wasLive.current = isLive;
  }, [isLive, pages]);

  const followNew = useEffectEvent(showNew);
  const hasNew = pending > 0;
  useEffect(() => {
    if (!follows || !hasNew) return;
    const timer = setTimeout(() => followNew(), FOLLOW_MS);
    return () => clearTimeout(timer);
  }, [follows, hasNew]);

  return { pending: follows ? 0 : pending, showNew };
}
