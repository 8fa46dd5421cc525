/** The state of a table, kept in the address of the page. */

import { useCallback, useMemo, useRef, useEffect } from 'react';
import { useAddress } from '../lib/hooks';
import { readState, writeState, type TableState } from './state';

export type ChangeState = (change: Partial<TableState>, push?: boolean) => void;

export function useTableState(): [TableState, ChangeState] {
  const [params, setAddress] = useAddress();
  const state = useMemo(() => readState(params), [params]);
  // Several changes in one tick must add up; the router would start each from the same old address.
  const latest = useRef(params);
  useEffect(() => {
    latest.current = params;
  }, [params]);
  const change = useCallback<ChangeState>(
    (part, push = false) => {
      const next = writeState(latest.current, { ...readState(latest.current), ...part });
      latest.current = next;
      setAddress(next, push);
    },
    [setAddress],
  );
  return [state, change];
}
