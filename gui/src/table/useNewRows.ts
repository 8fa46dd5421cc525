/** Rows that arrive while a table is shown: they appear at its end, or wait until they are requested. */

import { useEffect, useEffectEvent, useRef, useState } from 'react';
import type { RowPages } from './pages';

/** How long after the first announcement new rows are fetched: they come in bursts. */
const FOLLOW_MS = 400;

interface Options {
  pages: RowPages;
  /** Increases with every change of `pages`. */
  version: number;
  /** The number of rows the server is known to have now. */
  liveTotal: number | undefined;
  /** More rows may come. */
  isLive: boolean;
  /** New rows can only come after the existing ones, and do not move the rows being read. */
  isAppended: boolean;
  /** They are shown as they come, at any position. */
  follows: boolean;
}

/** The number of rows that have arrived but are not shown, and a function to show them. */
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
