// A server and the agents of `peregrine pool-client`: node bench/server.mjs [CASE [AGENTS]]…
//
//   idle N      N agents that wait, by long poll and by websocket: memory of each, CPU
//   storm N     the server is started again: until all N agents are back
//   hunt N      a hunt with 10 rows on each of N agents: until every row is stored and the hunt says so
//   events N    N agents send 25 rows a second each for 60 s: what is stored, and how soon an artifact of the server sees it
//   elsewhere N the same with PostgreSQL, a bucket and NATS
//   replicas N  three servers on PostgreSQL, a bucket and NATS, with events of N agents and a hunt during each of three accidents: one server is
//               killed, NATS is away for ten seconds, PostgreSQL is started again. What is lost, and what is there twice
//
// Without a case all of them, with the numbers of agents below. The server stores on this machine's disk, every commit flushed; PostgreSQL, which
// is started for the test, does not flush (`-F`). All share the machine, so the CPU time of server and agents is shown apart. The last two cases need
// `cargo build --release --workspace --example elsewhere` beside the program.
import { copyFileSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import path from 'node:path';
import { Api } from '../tests/e2e/lib/api.mjs';
import { Balancer } from '../tests/e2e/lib/balancer.mjs';
import { agentPort, edit, elsewhere, moveTo, settle } from '../tests/e2e/lib/elsewhere.mjs';
import { scratch } from '../tests/e2e/lib/paths.mjs';
import { Peregrine } from '../tests/e2e/lib/peregrine.mjs';
import { start } from '../tests/e2e/lib/processes.mjs';
import { until } from '../tests/e2e/lib/wait.mjs';
import { cpuSeconds, memoryMiB, ownMemoryMiB, percentile, release, table } from './lib.mjs';

const DEFAULTS = { idle: 5000, storm: 20_000, hunt: 20_000, events: 2000, elsewhere: 2000, replicas: 2000 };
const HUNT_ROWS = 10;
const EVENT_SECONDS = 60;
const EVENT_ROWS = 25;
/** Rows a second of each agent while there are accidents. */
const FEW_EVENT_ROWS = 2;
const ROWS = 'Custom.Bench.Rows';
const EVENTS = 'Custom.Bench.Events';
const DELAYS = 'Custom.Bench.Delays';
/** Longest wait for anything. */
const PATIENCE = 1_200_000;

release();
const definitions = scratch('definitions');
writeFileSync(
  path.join(definitions, 'events.yaml'),
  `name: ${EVENTS}
type: CLIENT_EVENT
parameters:
- name: PerSecond
  type: int
sources:
- query: |
    SELECT _value AS N, Unix, UnixNano, "/usr/bin/example --with some --arguments " + str(str=_value) AS CommandLine, "root" AS User
    FROM foreach(row={ SELECT Unix, UnixNano FROM clock(period=1) }, query={ SELECT Unix, UnixNano, _value FROM range(end=PerSecond) })
`,
);
writeFileSync(
  path.join(definitions, 'delays.yaml'),
  `name: ${DELAYS}
type: SERVER_EVENT
sources:
- query: |
    SELECT _ts AS Received FROM watch_monitoring(artifact="${EVENTS}") WHERE N = 0
`,
);

writeFileSync(
  path.join(definitions, 'rows.yaml'),
  `name: ${ROWS}
sources:
- query: SELECT _value AS N, "/usr/bin/example --with some --arguments" AS CommandLine, "root" AS User FROM range(end=${HUNT_ROWS})
`,
);

/** A server of its own and a pool of agents. */
class Bench {
  static async start(count, { transport = 'websocket', stores = null, servers = 1 } = {}) {
    const bench = new Bench();
    const datastore = path.join(scratch('server'), 'data');
    const blank = await Peregrine.start({ verb: 'server', datastore });
    await blank.stop();
    // A new identity costs the server a decryption by its private key; how many of them it looks at in a second is not what is measured here.
    edit(path.join(datastore, 'server.config.yaml'), (text) => text.replace(/(enrollments_per_second:) \d+/, '$1 2000'));
    edit(path.join(datastore, 'client.config.yaml'), (text) => text.replace(/(\bevent_max_wait(?:_jitter)?:) \d+/g, '$1 10'));
    bench.count = count;
    if (stores) moveTo(stores, datastore);
    const serve = (folder, args) => Peregrine.start({ verb: 'server', datastore: folder, args: [...args, '--definitions', definitions], credentials: blank.credentials });
    bench.servers = [await serve(datastore, stores ? ['--new-database'] : [])];
    bench.server = bench.servers[0];
    if (stores) bench.server.credentials = { user: bench.server.user, password: bench.server.password };
    for (let more = 1; more < servers; more += 1) {
      const folder = path.join(scratch('server'), 'data');
      settle(datastore, folder);
      bench.servers.push(await serve(folder, []));
    }
    bench.api = await bench.server.api();
    bench.empty = ownMemoryMiB(bench.server.pid);
    const config = path.join(scratch('agents'), 'client.config.yaml');
    copyFileSync(bench.server.clientConfig, config);
    if (stores) {
      bench.balancer = await Balancer.before(bench.servers.map(agentPort));
      edit(config, (text) => text.replace(/https:\/\/localhost:\d+\//, `https://localhost:${bench.balancer.port}/`));
    }
    bench.pool = start(process.env.PEREGRINE_BIN, ['pool-client', '--count', String(count), '--config', config, '--state', scratch('pool'), '--transport', transport, '--threads', '1', '--report', '1']);
    bench.pool.ended.then(({ code, signal }) => {
      if (bench.isOver) return;
      console.error(`the pool ended (${code ?? signal}): ${bench.pool.err.slice(-2000)}`);
      process.exit(1);
    });
    const begin = performance.now();
    await bench.until('all agents are connected', async () => (await bench.report()).connected === count);
    bench.enrolled = (performance.now() - begin) / 1000;
    await bench.until('all have said what they are', async () => (await bench.report()).collections >= count);
    return bench;
  }

  /** What the agents have done so far, as the pool says it every second. */
  async report() {
    const lines = () => this.pool.out.split('\n').slice(0, -1);
    const before = lines().length;
    await until('the pool reports', () => lines().length > before, { deadline: 60_000, every: 20, explain: () => this.pool.err.slice(-2000) });
    return JSON.parse(lines().at(-1));
  }

  until(what, check) {
    return until(what, check, { deadline: PATIENCE, every: 200, explain: () => `${this.doing ?? ''}\n${this.pool.err.slice(-500)}\n${this.server.log.slice(-1000)}` });
  }

  /** Takes the artifact out of the table, and waits until nothing comes any more; returns the last report. */
  async endEvents(table) {
    await this.api.put('monitoring/client', { ...table, artifacts: [] });
    await this.until('everything is sent', async () => {
      const one = await this.report();
      await pause(12_000);
      const other = await this.report();
      return one.events === other.events && other.waiting === 0;
    });
    return this.report();
  }

  /** Where the server, or the pool if `$PROFILED` says so, spends its time meanwhile: into the file `$PROFILE` (perf, with the stacks of a program that has debug information). */
  profile() {
    if (!process.env.PROFILE) return;
    const { pid } = process.env.PROFILED === 'pool' ? this.pool : this.server;
    this.profiling = start('perf', ['record', '-F', '199', '--call-graph', 'dwarf,24000', '-p', String(pid), '-o', process.env.PROFILE], { stdio: 'ignore' });
  }

  async endProfile() {
    this.profiling?.kill('SIGINT');
    await this.profiling?.ended;
  }

  cpu() {
    return { server: cpuSeconds(this.server.pid), pool: cpuSeconds(this.pool.pid) };
  }

  /** CPU of both since then, in seconds. */
  since(before) {
    const now = this.cpu();
    return { 'CPU, server': `${(now.server - before.server).toFixed(1)} s`, 'CPU, agents': `${(now.pool - before.pool).toFixed(1)} s` };
  }

  async stop() {
    this.isOver = true;
    this.pool.kill('SIGKILL');
    await this.pool.ended;
    this.balancer?.close();
    for (const server of this.servers) await server.stop();
  }
}

async function idle(count) {
  const rows = [];
  for (const transport of ['poll', 'websocket']) {
    const bench = await Bench.start(count, { transport });
    // What coming cost passes.
    await pause(60_000);
    const each = ((ownMemoryMiB(bench.server.pid) - bench.empty) * 1024) / count;
    const [before, begin] = [bench.cpu(), performance.now()];
    await pause(60_000);
    const passed = (performance.now() - begin) / 1000;
    const share = (name) => `${((100 * (bench.cpu()[name] - before[name])) / passed).toFixed(1)} % of a core`;
    rows.push({
      agents: `${count} by ${transport}`,
      'new agents, until all are connected': `${bench.enrolled.toFixed(1)} s`,
      'memory each': `${each.toFixed(1)} KiB`,
      resident: `${memoryMiB(bench.server.pid).toFixed(0)} MiB`,
      'CPU, server': share('server'),
      'CPU, agents': share('pool'),
    });
    await bench.stop();
  }
  return rows;
}

async function storm(count) {
  const bench = await Bench.start(count);
  await bench.server.kill();
  await bench.until('nobody is connected', async () => (await bench.report()).connected === 0);
  const before = bench.cpu().pool;
  const begin = performance.now();
  bench.server = await bench.server.again();
  bench.servers = [bench.server];
  const up = performance.now();
  await bench.until('all agents are back', async () => (await bench.report()).connected === count);
  const back = performance.now();
  const row = {
    agents: count,
    'until the server is up': `${((up - begin) / 1000).toFixed(1)} s`,
    'from then until all are back': `${((back - up) / 1000).toFixed(1)} s`,
    'CPU, server': `${bench.cpu().server.toFixed(1)} s`,
    'CPU, agents': `${(bench.cpu().pool - before).toFixed(1)} s`,
  };
  await bench.stop();
  return [row];
}

async function hunt(count) {
  const bench = await Bench.start(count);
  await pause(10_000);
  const before = bench.cpu();
  bench.profile();
  const begin = performance.now();
  const { hunt_id } = await bench.api.post('hunts', {
    description: 'ten rows from each',
    condition: {},
    start: true,
    request: { artifacts: [{ artifact: ROWS }] },
  });
  let scheduled = 0;
  let seen = null;
  await bench.until('the hunt has all rows', async () => {
    seen = await bench.api.get(`hunts/${hunt_id}`);
    bench.doing = JSON.stringify(seen.totals);
    if (!scheduled && seen.totals.scheduled === count) scheduled = performance.now();
    return seen.totals.finished === count && seen.totals.rows === count * HUNT_ROWS;
  });
  const { total } = await bench.api.get(`hunts/${hunt_id}/results`, { source: ROWS, limit: 1 });
  const seconds = (performance.now() - begin) / 1000;
  await bench.endProfile();
  if (total !== count * HUNT_ROWS) throw new Error(`${total} rows in the table`);
  const row = {
    agents: count,
    'until all are scheduled': `${((scheduled - begin) / 1000).toFixed(1)} s`,
    'until every row is stored and visible': `${seconds.toFixed(1)} s`,
    'rows per second': Math.round((count * HUNT_ROWS) / seconds),
    ...bench.since(before),
  };
  await bench.stop();
  return [row];
}

async function events(count, stores = null) {
  const bench = await Bench.start(count, { stores });
  const { api } = bench;
  await api.query(`SELECT add_server_monitoring(artifact='${DELAYS}') FROM scope()`);
  const none = await api.get('monitoring/client');
  await api.put('monitoring/client', { ...none, artifacts: [{ artifact: EVENTS, parameters: { PerSecond: String(EVENT_ROWS) } }] });
  await bench.until('rows come', async () => (await bench.report()).events > 0);
  const [first, begin] = [await bench.report(), performance.now()];
  const middle = bench.cpu();
  await pause(EVENT_SECONDS * 1000);
  const [last, seconds] = [await bench.report(), (performance.now() - begin) / 1000];
  const used = bench.since(middle);
  const sent = await bench.endEvents(none);
  const { rows } = await countEvents(api);
  const { rows: delays } = await api.query(`SELECT _ts - Received AS Seconds FROM source(client_id='server', artifact='${DELAYS}')`, { max_rows: 10_000_000 });
  const seen = delays.map((row) => row.Seconds);
  const row = {
    agents: count,
    'rows per second': Math.round((last.events - first.events) / seconds),
    'rows sent': sent.events,
    'rows stored': rows,
    dropped: sent.dropped,
    'seen by the server artifact': `${seen.length} of ${sent.events / EVENT_ROWS}`,
    'delay, p50': `${percentile(seen, 0.5).toFixed(3)} s`,
    'delay, p99': `${percentile(seen, 0.99).toFixed(3)} s`,
    ...used,
    resident: `${memoryMiB(bench.server.pid).toFixed(0)} MiB`,
  };
  await bench.stop();
  return [row];
}

/** Rows of all agents, and how many of them are there more than once. */
async function countEvents(api) {
  const { rows } = await api.query(
    `LET Of(ClientId) = SELECT count() AS Rows FROM source(client_id=ClientId, artifact='${EVENTS}') GROUP BY UnixNano, N
     SELECT * FROM foreach(row={ SELECT client_id FROM clients() }, query={ SELECT sum(item=Rows) AS Rows, count() AS Different FROM Of(ClientId=client_id) GROUP BY 1 })`,
    { max_rows: 1_000_000, timeout: 600 },
  );
  const all = rows.reduce((sum, row) => sum + row.Rows, 0);
  return { rows: all, doubled: all - rows.reduce((sum, row) => sum + row.Different, 0) };
}

async function withStores(work) {
  const stores = await elsewhere();
  if (!stores.isWhole) throw new Error('PostgreSQL or NATS is not installed: scripts/setup test');
  const result = await work(stores);
  stores.child.kill('SIGINT');
  await stores.child.ended;
  return result;
}

const replicas = (count) =>
  withStores(async (stores) => {
    const bench = await Bench.start(count, { stores, servers: 3 });
    const none = await bench.api.get('monitoring/client');
    // The first server is the one that is killed.
    const other = new Api(bench.servers[1].url);
    other.continue(bench.api);
    bench.api = other;
    await other.put('monitoring/client', { ...none, artifacts: [{ artifact: EVENTS, parameters: { PerSecond: String(FEW_EVENT_ROWS) } }] });
    await bench.until('rows come', async () => (await bench.report()).events > 0);
    const accidents = {
      'one server is killed': async () => {
        await bench.servers[0].kill();
        bench.balancer.ports = bench.servers.slice(1).map(agentPort);
      },
      'NATS is away for 10 s': async () => {
        await stores.tell('stop bus');
        await pause(10_000);
        await stores.tell('resume bus');
      },
      'PostgreSQL is started again': async () => {
        await stores.tell('stop database');
        await stores.tell('resume database');
      },
    };
    const rows = [];
    for (const [accident, happen] of Object.entries(accidents)) {
      const begin = performance.now();
      const { hunt_id } = await other.post('hunts', { description: accident, condition: {}, start: true, request: { artifacts: [{ artifact: ROWS }] } });
      await bench.until('some have answered', async () => (await other.get(`hunts/${hunt_id}`)).totals.finished > 0);
      const before = (await other.get(`hunts/${hunt_id}`)).totals.finished;
      await happen();
      await bench.until('every agent has answered', async () => {
        const { totals } = await other.get(`hunts/${hunt_id}`).catch(() => ({ totals: {} }));
        bench.doing = JSON.stringify(totals);
        return totals.finished === count && totals.rows === count * HUNT_ROWS;
      });
      const seconds = (performance.now() - begin) / 1000;
      const { rows: each } = await other.query(
        `SELECT ClientId, count() AS Rows FROM hunt_results(hunt_id='${hunt_id}', artifact='${ROWS}') GROUP BY ClientId, N`,
        { max_rows: 1_000_000, timeout: 600 },
      );
      rows.push({
        accident,
        'finished before': before,
        'hunt complete after': `${seconds.toFixed(1)} s`,
        'rows of the hunt': each.reduce((sum, row) => sum + row.Rows, 0),
        missing: count * HUNT_ROWS - each.length,
        doubled: each.filter((row) => row.Rows > 1).length,
      });
    }
    const sent = await bench.endEvents(none);
    const found = await countEvents(other);
    table(rows);
    console.log();
    const row = { agents: count, 'event rows sent': sent.events, dropped: sent.dropped, stored: found.rows, doubled: found.doubled, 'collections run': sent.collections };
    bench.servers.shift();
    await bench.stop();
    return [row];
  });

const CASES = { idle, storm, hunt, events, elsewhere: (count) => withStores((stores) => events(count, stores)), replicas };
const asked = process.argv.slice(2);
const cases = [];
for (let at = 0; at < asked.length; ) {
  const name = asked[at++];
  if (!(name in CASES)) throw new Error(`no case ${name}: ${Object.keys(CASES).join(', ')}`);
  cases.push([name, /^\d+$/.test(asked[at] ?? '') ? Number(asked[at++]) : DEFAULTS[name]]);
}
for (const [name, count] of cases.length > 0 ? cases : Object.entries(DEFAULTS)) {
  console.log(`\n${name}\n`);
  table(await CASES[name](count));
}
process.exit(0);
