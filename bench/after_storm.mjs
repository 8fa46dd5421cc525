// Memory of an agent that has nothing to do after many forks: node bench/after_storm.mjs [FORKS [MINUTES]]
//
// The tracker has its usual size and is full afterwards. Nothing is asked of the agent meanwhile: the tracker's own numbers
// are the ones it sends each minute.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { scratch } from '../tests/e2e/lib/paths.mjs';
import { Peregrine, onlyClient } from '../tests/e2e/lib/peregrine.mjs';
import { run } from '../tests/e2e/lib/processes.mjs';
import { until } from '../tests/e2e/lib/wait.mjs';
import { cpuSeconds, memoryMiB, ownMemoryMiB, percentile, release, residentParts, table } from './lib.mjs';

const ARTIFACT = 'Linux.Events.TrackProcesses';
const program = release();
const storm = path.join(path.dirname(program), 'examples', 'storm');
if (!existsSync(storm)) throw new Error(`no storm at ${storm}: cargo build --release -p peregrine-os --examples`);
const forks = Number(process.argv[2] ?? 50_000);
const minutes = Number(process.argv[3] ?? 10);

const server = await Peregrine.start();
const api = await server.api();
const client = await onlyClient(api);
const agent = await server.agentReady();

/** The newest numbers the tracker has sent, once they are newer than `since`. */
async function tracked(since) {
  return until(
    'the tracker has sent its numbers',
    async () => {
      const rows = `clients/${client.client_id}/events/${ARTIFACT}`;
      const { total } = await api.get(rows, { limit: 1 }).catch(() => ({ total: 0 }));
      if (total <= since) return null;
      const page = await api.get(rows, { limit: 1, offset: total - 1 });
      return { total, ...page.rows[0][page.columns.findIndex(({ name }) => name === 'Data')] };
    },
    { deadline: 300_000, every: 1000 },
  );
}

const sample = () => ({
  'resident MiB': memoryMiB(agent),
  anonymous: ownMemoryMiB(agent),
  'file-backed': memoryMiB(agent, 'RssFile'),
  ...residentParts(agent),
});
const rows = [];
/** A row of the table: of several samples the median of each number. */
function look(when, numbers, cpu, samples = [sample()]) {
  const median = (name) => percentile(samples.map((one) => one[name]), 0.5).toFixed(1);
  rows.push({
    when,
    ...Object.fromEntries(Object.keys(samples[0]).map((name) => [name, median(name)])),
    records: numbers.Length,
    'tracker says': (numbers.Size / 2 ** 20).toFixed(1),
    'CPU of a core': cpu === undefined ? '' : `${cpu.toFixed(2)} %`,
  });
}

let numbers = await tracked(0);
look('before', numbers);
const { code, err } = await run(storm, ['run', path.join(scratch('storm'), 'truth'), String(forks)]);
if (code !== 0) throw new Error(err);
look('just after', await tracked(numbers.total));
for (let minute = 1; minute <= minutes; minute += 1) {
  const cpu = cpuSeconds(agent);
  const begin = performance.now();
  // Each minute begins when the agent has sent something, which takes code that is given back seconds later.
  const samples = [];
  while (samples.length < 12) {
    await pause(5_000);
    samples.push(sample());
  }
  const share = (100_000 * (cpuSeconds(agent) - cpu)) / (performance.now() - begin);
  numbers = await tracked(0);
  if ([1, 2, 5].includes(minute) || minute === minutes) look(`${minute} min`, numbers, share, samples);
}
await server.stop();
table(rows);
const last = rows.at(-1);
process.exit(Number(last['resident MiB']) * 2 ** 20 <= 20e6 ? 0 : 1);
