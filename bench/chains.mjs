// The call chains of a storm: what rows of `Linux.Events.ProcessExecutions` say against what the storm wrote down.
import { symlinkSync } from 'node:fs';
import path from 'node:path';
import { until } from '../tests/e2e/lib/wait.mjs';
import { ancestry } from './lib.mjs';

/** Programs of many names, so that a chain that ends in another process shows; a prime number, so that names and pids do not go in step. */
const NAMES = 97;
/** How long a row may be on its way after the one before. */
const LONGEST_SILENCE_MS = 30_000;
/** What `process_tracker_callchain()` gives at most. */
const LONGEST = 10;

/** Fills a folder with programs that all do nothing, each by a name of its own. */
export function namedPrograms(folder) {
  for (let number = 0; number < NAMES; number += 1) symlinkSync('/bin/true', path.join(folder, `short-${number}`));
  return folder;
}

/** Waits until the rows of all processes are stored, and counts what is not as it was. */
export async function chainsOf(api, clientId, artifact, truth) {
  const rows = new Map();
  const mine = new Set(truth.map(({ argv }) => argv.join(' ')));
  let read = 0;
  let twice = 0;
  let since = performance.now();
  // Rows come in batches; what has not come half a minute after the last of them is missing.
  await until(
    'the rows of all processes are stored',
    async () => {
      const before = rows.size;
      for (;;) {
        const page = await api.get(`clients/${clientId}/events/${artifact}`, { limit: 1000, offset: read }).catch(() => ({ rows: [], columns: [] }));
        const names = page.columns.map((column) => column.name);
        for (const cells of page.rows) {
          const row = Object.fromEntries(names.map((name, at) => [name, cells[at]]));
          if (!mine.has(row.CommandLine)) continue;
          twice += Number(rows.has(row.CommandLine));
          rows.set(row.CommandLine, row);
        }
        read += page.rows.length;
        if (page.rows.length === 0) break;
      }
      if (rows.size > before) since = performance.now();
      return rows.size === mine.size || performance.now() - since > LONGEST_SILENCE_MS;
    },
    { deadline: 600_000, every: 250 },
  );

  // The storm has ended, but it was a child of this process, by one name.
  const above = [...ancestry(process.pid), new Set(['storm'])];
  const found = { missing: mine.size - rows.size, twice, none: 0, wrong: 0 };
  for (const { pid, argv, ppid } of truth) {
    const row = rows.get(argv.join(' '));
    if (!row) continue;
    if (row.CallChain === null || row.CallChain === undefined || row.CallChain === '') {
      found.none += 1;
      continue;
    }
    const chain = row.CallChain.split(' -> ');
    const wanted = [...above, new Set([path.basename(argv[0])])].slice(-LONGEST);
    const isRight = row.Pid === pid && row.Ppid === ppid && row.ParentName === 'storm' && chain.length === wanted.length && chain.every((name, at) => wanted[at].has(name));
    if (!isRight && found.wrong === 0) console.error(`the first wrong row, of ${argv.join(' ')} (${pid} below ${ppid}): ${JSON.stringify(row)}`);
    found.wrong += Number(!isRight);
  }
  return found;
}
