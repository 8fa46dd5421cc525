// The whole product under mixed work for a long time: node bench/soak.mjs [MINUTES [WORK…]]
//
// One server and one agent get collections of every kind that ends in its own way: many rows, an upload, a long log, a
// time limit, a cancel, a query that holds too much, a read that hangs, a program that does not end. Event rows run
// beside them, and the server is killed every few minutes. Every row and byte is counted. Fails when anything is
// missing or doubled, when a collection ends otherwise than it should, or when threads, file descriptors or memory of
// either program grow from the second fifth of the time to the last.
import { randomBytes } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { scratch } from '../tests/e2e/lib/paths.mjs';
import { Peregrine, onlyClient, startAgent } from '../tests/e2e/lib/peregrine.mjs';
import { until } from '../tests/e2e/lib/wait.mjs';
import { cpuSeconds, memoryMiB, ownMemoryMiB, percentile, release, table } from './lib.mjs';

release();
const minutes = Number(process.argv[2] ?? 20);
const VQL = 'Generic.Client.VQL';
const UPLOAD = 8 << 20;
const folder = scratch('soak');
const file = path.join(folder, 'upload');
writeFileSync(file, randomBytes(UPLOAD));

/** Name → command, its limits, how it ends, and what must have come by then. */
const works = {
  rows: { Command: "SELECT _value, 'row ' + str(str=_value) AS Text FROM range(end=20000)", state: 'finished', rows: 20_000 },
  upload: { Command: `SELECT upload(file='${file}') AS Upload FROM scope()`, state: 'finished', rows: 1, bytes: UPLOAD },
  log: { Command: "SELECT log(message='line %v', args=_value, dedup=-1) AS L FROM range(end=2000)", state: 'finished', rows: 2000, logs: 2000 },
  'time limit': { Command: 'SELECT sleep(time=1000) AS S FROM range(end=1000)', limits: { timeout: 2 }, state: 'error', status: /time|limit/i },
  'row limit': { Command: 'SELECT * FROM range(end=1000000)', limits: { max_rows: 5000 }, state: 'error', status: /row/i },
  cancel: { Command: 'SELECT sleep(time=1000) AS S FROM range(end=1000)', cancel: true, state: 'error', status: /cancel/i },
  memory: { Command: 'SELECT array(a={ SELECT * FROM range(end=300000000) }) AS A FROM scope()', state: 'error', status: /hold|memory/ },
  'hanging read': { Command: "SELECT hash(path='/proc/kmsg') AS H FROM scope()", limits: { timeout: 3 }, state: 'error', status: /time|limit/i },
  'endless program': { Command: "SELECT * FROM execve(argv=['sleep', '1000'])", limits: { timeout: 3 }, state: 'error', status: /time|limit/i, permitted: true },
};

const names = process.argv.length > 3 ? process.argv.slice(3) : Object.keys(works);
let server = await Peregrine.start({ verb: 'server' });
const agent = startAgent(server, path.join(folder, 'state'));
let api = await server.api();
const client = await onlyClient(api);
const events = { artifacts: [{ artifact: 'Linux.Events.ProcessExecutions', parameters: {} }], label_events: [] };
await api.put('monitoring/client', events);

const samples = [];
const wrong = [];
const count = Object.fromEntries(names.map((name) => [name, 0]));
let restarts = 0;
const begin = performance.now();
const passed = () => (performance.now() - begin) / 60_000;
let lastRestart = 0;

/** Survives the server's restarts: what it asks is asked again. */
const ask = (what, call) => until(what, call, { deadline: 300_000, every: 200 });

async function once(name) {
  const { Command, limits = {}, state, status, rows, logs, bytes, cancel } = works[name];
  const flowId = await ask('a launch', () => api.launch(client.client_id, VQL, { Command }, limits));
  if (cancel) {
    await ask('it runs', async () => (await api.flow(client.client_id, flowId)).state === 'in_progress');
    await ask('a cancel', async () => (await api.post(`clients/${client.client_id}/flows/${flowId}/cancel`), true));
  }
  const flow = await ask(`${name} ${flowId} ends`, async () => {
    const seen = await api.flow(client.client_id, flowId);
    return ['finished', 'error', 'cancelled'].includes(seen.state) ? seen : null;
  });
  const stored = rows === undefined ? 0 : (await ask('its rows', () => api.get(`clients/${client.client_id}/flows/${flowId}/results`, { source: VQL, limit: 1 }))).total;
  const isRight =
    (flow.state === state || (cancel && flow.state === 'cancelled')) &&
    (!status || status.test(flow.status ?? '')) &&
    (rows === undefined || stored === rows) &&
    (bytes === undefined || flow.uploaded_bytes === bytes) &&
    (logs === undefined || flow.logs >= logs);
  if (!isRight) wrong.push(`${name} ${flowId}: ${flow.state}, ${flow.status ?? ''}, ${stored} rows, ${flow.uploaded_bytes} bytes, ${flow.logs} log lines`);
  count[name] += 1;
}

function sample() {
  const of = (pid) => ({
    memory: memoryMiB(pid),
    own: ownMemoryMiB(pid),
    threads: readdirSync(`/proc/${pid}/task`).length,
    files: readdirSync(`/proc/${pid}/fd`).length,
  });
  try {
    samples.push({ at: passed(), server: of(server.pid), agent: of(agent.pid) });
  } catch {
    // The server is being started again.
  }
}
const sampling = setInterval(sample, 1000);

while (passed() < minutes) {
  // Three at a time, as people do.
  const at = Object.values(count).reduce((sum, number) => sum + number, 0);
  const round = [0, 1, 2].map((step) => once(names[(at + step) % names.length]));
  if (passed() - lastRestart > 4) {
    lastRestart = passed();
    restarts += 1;
    await server.kill();
    server = await server.again();
    api = await ask('a session', () => server.api());
  }
  await Promise.all(round);
}
clearInterval(sampling);

const shares = (from, to) => samples.filter(({ at }) => at >= from * minutes && at <= to * minutes);
// The lower end, as a query that holds too much lets go of it when it is ended.
const usual = (part, program, field) => percentile(part.map((one) => one[program][field]), 0.1);
const [early, late] = [shares(0.2, 0.4), shares(0.8, 1)];
const rows = [];
let grew = false;
for (const program of ['server', 'agent']) {
  for (const [field, unit, slack] of [['own', 'MiB', 0.25], ['threads', '', 0.5], ['files', '', 0.5]]) {
    const [before, after] = [usual(early, program, field), usual(late, program, field)];
    const most = Math.max(...samples.map((one) => one[program][field]));
    const isMore = after > before * (1 + slack) + 8;
    grew ||= isMore;
    rows.push({
      program,
      what: { own: 'anonymous memory', threads: 'threads', files: 'open files' }[field],
      'second fifth': `${before.toFixed(0)} ${unit}`,
      'last fifth': `${after.toFixed(0)} ${unit}`,
      most: `${most.toFixed(0)} ${unit}`,
      grew: isMore ? 'YES' : 'no',
    });
  }
}
table(rows);
console.log();
table([{ minutes: passed().toFixed(1), ...count, 'server killed': restarts, 'ended wrongly': wrong.length, 'CPU of the agent': `${cpuSeconds(agent.pid).toFixed(0)} s` }]);
for (const line of wrong.slice(0, 20)) console.log(`wrong: ${line}`);
await server.stop();
agent.kill('SIGTERM');
await agent.ended;
process.exit(wrong.length > 0 || grew ? 1 : 0);
