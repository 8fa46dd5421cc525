// External stores for a server: PostgreSQL, a bucket and NATS.
import { copyFileSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { binary } from './paths.mjs';
import { start } from './processes.mjs';
import { until } from './wait.mjs';

/** Starts all three; returns their process and the configuration section that names them. */
export async function elsewhere() {
  const child = start(path.join(path.dirname(binary()), 'examples', 'elsewhere'), [], { stdio: ['pipe', 'pipe', 'pipe'] });
  await until('the servers run', () => child.out.includes('Ctrl-C ends them.'), { explain: () => child.err });
  const section = child.out.slice(child.out.indexOf('\n') + 1, child.out.indexOf('#'));
  /** `stop database`, `resume database`, `stop bus` or `resume bus`; returns when that is done. */
  const tell = async (what) => {
    const before = child.out.length;
    child.stdin.write(`${what}\n`);
    await until(what, () => child.out.includes(`# ${what}\n`, before), { explain: () => child.out.slice(before) + child.err });
  };
  return { child, section, tell, isWhole: /database:.*bus:/s.test(section) };
}

/** Makes a server that was set up work on these stores, with free ports. */
export function moveTo(stores, datastore) {
  edit(path.join(datastore, 'server.config.yaml'), (text) => text.replace('Datastore:\n', `Datastore:\n${stores.section}`).replace(/^( {2}bind_port:) \d+/gm, '$1 0'));
}

/** Sets up another server with the configuration of the one in the folder `from`. */
export function settle(from, folder) {
  mkdirSync(folder);
  for (const name of readdirSync(from).filter((each) => /\.(yaml|pem)$/.test(each))) copyFileSync(path.join(from, name), path.join(folder, name));
  edit(path.join(folder, 'server.config.yaml'), (text) => text.replaceAll(from, folder));
}

/** The port for agents, from the server's log. */
export const agentPort = (server) => Number(/server started .*frontend=\S+:(\d+)/.exec(server.log.replaceAll('\x1b', ''))[1]);

/** Changes the text of a file. */
export const edit = (file, change) => writeFileSync(file, change(readFileSync(file, 'utf8')));
