// Honest agents beside hostile peers, a server in little memory: node bench/siege.mjs [SECONDS [AGENTS [ATTACK…]]] (root)
//
// Half of the agents poll, half hold websockets; all send rows of a collection twice a second. After a calm while the
// attacks begin, all of them unless some are named. Fails when the server ends, an agent is refused or waits more than
// five seconds for an answer, or a row is lost or doubled.
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { scratch } from '../tests/e2e/lib/paths.mjs';
import { Peregrine } from '../tests/e2e/lib/peregrine.mjs';
import { isRunning } from '../tests/e2e/lib/processes.mjs';
import { until } from '../tests/e2e/lib/wait.mjs';
import { Peers, cpuSeconds, memoryMiB, percentile, release, table } from './lib.mjs';
import { Cgroup } from './cgroup.mjs';

const LIMIT = 2 ** 30;
const CALM = 15;
const LONGEST = 5000;
const seconds = Number(process.argv[2] ?? 120);
const count = Number(process.argv[3] ?? 200);
const attacks = process.argv.length > 4 ? process.argv.slice(4) : ['bombs', 'traitors', 'halves', 'garbage', 'identities', 'crowd', 'frames'];

const program = release();
const group = new Cgroup('siege', LIMIT);
process.env.PEREGRINE_BIN = group.wrapper(program, path.join(scratch('siege'), 'peregrine'));
const server = await Peregrine.start({ verb: 'server' });
process.env.PEREGRINE_BIN = program;
const api = await server.api();

const kinds = ['poll', 'websocket'];
const honest = kinds.map((kind) => new Peers([server.datastore, 'agents', String(Math.ceil(count / kinds.length)), kind]));
const ids = [];
for (const peers of honest) {
  await peers.hear();
  peers.tell('begin');
}
for (const peers of honest) ids.push(...(await peers.hear()).ready);
for (const id of ids) await api.launch(id, 'Generic.Client.VQL', { Command: 'SELECT * FROM info()' });
for (const peers of honest) peers.tell('rows 500 20');
await pause(CALM * 1000);
const calmMemory = memoryMiB(server.pid);

const hostile = new Peers([server.datastore, 'hostile', ...attacks], { priority: 10 });
await hostile.hear();
const cpu = cpuSeconds(server.pid);
const memory = [];
for (const end = performance.now() + seconds * 1000; performance.now() < end && isRunning(server.pid); ) {
  await pause(500);
  memory.push(memoryMiB(server.pid));
}
const isAlive = isRunning(server.pid);
const used = isAlive ? cpuSeconds(server.pid) - cpu : Number.NaN;
hostile.end();
const { attempts } = await Promise.race([hostile.hear(), pause(10_000, { attempts: {} })]);
if (!isAlive) {
  console.error(`the server ended: ${server.log.slice(-2000)}`);
  process.exit(1);
}

for (const peers of honest) peers.tell('stop');
const reports = [];
for (const peers of honest) reports.push((await peers.hear()).report);
let [lost, doubled, unfinished] = [0, 0, 0];
for (const { id, flow, rows } of reports.flat()) {
  const seen = await until(`flow ${flow} has ended`, async () => {
    const found = await api.flow(id, flow);
    return ['finished', 'error'].includes(found.state) ? found : null;
  });
  lost += Math.max(0, rows - seen.rows);
  doubled += Math.max(0, seen.rows - rows);
  unfinished += Number(seen.state !== 'finished');
}
const { refused } = await api.get('server/status');
const mib = (value) => `${value.toFixed(0)} MiB`;
const highest = memoryMiB(server.pid, 'VmHWM');
table([
  { attack: 'attempts', ...attempts },
]);
console.log();
table([{ 'refused by the server': 'packets and connections', ...refused }]);
console.log();
table(
  reports.map((report, at) => ({
    'honest agents': `${report.length} by ${kinds[at]}`,
    packets: report.reduce((sum, one) => sum + one.packets, 0),
    'rows sent': report.reduce((sum, one) => sum + one.rows, 0),
    refused: report.reduce((sum, one) => sum + one.refused, 0),
    'longest wait': `${Math.max(...report.map((one) => one.longest_ms))} ms`,
    'median of longest waits': `${percentile(report.map((one) => one.longest_ms), 0.5)} ms`,
  })),
);
console.log();
table([
  {
    seconds,
    'rows lost': lost,
    'rows doubled': doubled,
    'collections not finished': unfinished,
    'memory before': mib(calmMemory),
    'resident, median': mib(percentile(memory, 0.5)),
    'resident, most': mib(highest),
    'group, most': mib(group.peak() / 2 ** 20),
    'out of memory': group.killed(),
    CPU: `${((60 * used) / seconds).toFixed(1)} s per minute`,
  },
]);
const all = reports.flat();
const worst = Math.max(...all.map((one) => one.longest_ms));
const refusals = all.reduce((sum, one) => sum + one.refused, 0);
for (const complaint of honest.flatMap((peers) => peers.complaints).slice(0, 20)) console.error(complaint);
await server.stop();
const holds = lost + doubled + unfinished + refusals + group.killed() === 0 && worst <= LONGEST && highest * 2 ** 20 < LIMIT;
if (!holds) console.error('does not hold: see the tables');
process.exit(holds ? 0 : 1);
