// External stores for a server: PostgreSQL, a bucket and NATS.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { binary } from './paths.mjs';
import { start } from './processes.mjs';
import { until } from './wait.mjs';

/** Starts all three; returns their process and the configuration section that names them. */
export async function elsewhere() {
  const child = start(path.join(path.dirname(binary()), 'examples', 'elsewhere'), []);
  await until('the servers run', () => child.out.includes('Ctrl-C ends them.'), { explain: () => child.err });
  const section = child.out.slice(child.out.indexOf('\n') + 1, child.out.indexOf('#'));
  return { child, section, isWhole: /database:.*bus:/s.test(section) };
}

/** Changes the text of a file. */
export const edit = (file, change) => writeFileSync(file, change(readFileSync(file, 'utf8')));
