/** The state of a table, stored in the address of the page. */

import { useCallback, useState } from 'react';
import { useAddress } from '../lib/hooks';
import { keepParts, readState, writeState, type TableState } from './state';

/** Changes parts of the state; a function receives the latest state. */
export type ChangeState = (change: Partial<TableState> | ((now: TableState) => Partial<TableState>), push?: boolean) => void;

export function useTableState(): [TableState, ChangeState] {
  const [params, setAddress] = useAddress();
  const [read, setRead] = useState(() => ({ params, state: readState(params) }));
  if (read.params !== params) setRead({ params, state: keepParts(read.state, readState(params)) });
  const change = useCallback<ChangeState>(
    (change, push = false) =>
      setAddress((now) => {
        const state = readState(now);
        return writeState(now, { ...state, ...(typeof change === 'function' ? change(state) : change) });
      }, push),
    [setAddress],
  );
  return [read.state, change];
}
