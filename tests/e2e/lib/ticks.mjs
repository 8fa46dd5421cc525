// A collection whose rows the test controls: one for each process that the test starts.
import { start } from './processes.mjs';

export class Ticks {
  #children = [];

  constructor(label) {
    this.label = label;
  }

  /** A query that runs until it has `limit` rows, with the columns `N` (1, 2, …) and `CommandLine`. */
  query(limit = 1_000_000) {
    return `SELECT int(int=split(string=CommandLine, sep='${this.label}-')[1]) AS N, CommandLine FROM process_events() WHERE UpdateType = 'exec' AND CommandLine =~ '${this.label}-[0-9]+$' LIMIT ${limit}`;
  }

  get count() {
    return this.#children.length;
  }

  /** Causes `count` more rows. The processes stay until the end, so that every kind of event source sees them. */
  next(count = 1) {
    for (let more = 0; more < count; more += 1) this.#children.push(start('/bin/sh', ['-c', 'read -r line', `${this.label}-${this.count + 1}`], { stdio: ['pipe', 'ignore', 'ignore'] }));
  }

  end() {
    for (const child of this.#children) child.kill('SIGKILL');
  }
}
