// `peregrine pool-client`: many agents in one process that a server can not tell from real ones.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import path from 'node:path';
import { edit } from './lib/elsewhere.mjs';
import { binary, scratch } from './lib/paths.mjs';
import { Peregrine } from './lib/peregrine.mjs';
import { start } from './lib/processes.mjs';
import { until } from './lib/wait.mjs';

const VQL = 'Generic.Client.VQL';
const STATS = 'Generic.Client.Stats';
const COUNT = 50;
const NAMES = Array.from({ length: COUNT }, (_, index) => `pool-${String(index + 1).padStart(5, '0')}`);
/** Event rows are sent at once, and an agent is soon asked about a silent collection. */
const QUICK = { event_max_wait: 1, event_max_wait_jitter: 1, inflight_check_time: 5, max_poll: 5, max_poll_std: 1 };
const quick = (text) => Object.entries(QUICK).reduce((changed, [name, value]) => changed.replace(new RegExp(`(\\b${name}:) \\d+`), `$1 ${value}`), text);
const ENDLESS = 'SELECT Unix FROM clock(period=1)';

describe('a pool of agents', { timeout: 900_000 }, () => {
  const datastore = path.join(scratch('server'), 'data');
  const state = scratch('pool');
  let server;
  let api;
  let pool;
  /** Client ids by host name. */
  let ids;

  const startPool = (args) => {
    pool = start(binary(), ['pool-client', '--count', String(COUNT), '--config', server.clientConfig, '--state', state, '--threads', '2', ...args]);
  };
  const lines = () => pool.out.split('\n').slice(0, -1);
  /** What the pool says when it is asked. */
  const report = async () => {
    const before = lines().length;
    pool.kill('SIGUSR1');
    await until('the pool reports', () => lines().length > before, { explain: () => pool.err });
    return JSON.parse(lines().at(-1));
  };
  const online = () =>
    until(
      'all agents are online under their names',
      async () => {
        const { clients } = await api.get('clients', { limit: 1000 });
        assert.ok(clients.length <= COUNT, 'no agent is two clients');
        const ready = clients.filter((client) => client.online && client.last_interrogate_flow_id && NAMES.includes(client.hostname));
        return ready.length === COUNT ? new Map(ready.map((client) => [client.hostname, client.client_id])) : null;
      },
      { explain: () => pool.err },
    );
  /** Launches a query on agents; returns the collections' ids by client. */
  const launch = async (names, Command) => {
    const flows = new Map();
    for (const name of names) flows.set(ids.get(name), await api.launch(ids.get(name), VQL, { Command }));
    return flows;
  };
  const stopPool = async () => {
    pool.kill('SIGTERM');
    assert.deepEqual(await pool.ended, { code: 0, signal: null }, pool.err);
    return JSON.parse(lines().at(-1));
  };

  before(async () => {
    const blank = await Peregrine.start({ verb: 'server', datastore });
    await blank.stop();
    edit(path.join(datastore, 'server.config.yaml'), quick);
    edit(path.join(datastore, 'client.config.yaml'), quick);
    server = await blank.again();
    api = await server.api();
  });
  after(async () => {
    pool?.kill('SIGKILL');
    await server?.stop();
  });

  test('each agent comes online under its own name', async () => {
    startPool([]);
    ids = await online();
    assert.deepEqual([...ids.keys()].sort(), NAMES);
    assert.equal(new Set(ids.values()).size, COUNT);
    const { agents, connected, enrolled } = await until('the pool counts them all', async () => {
      const counts = await report();
      return counts.connected === COUNT ? counts : null;
    });
    assert.deepEqual({ agents, connected, enrolled }, { agents: COUNT, connected: COUNT, enrolled: COUNT });
  });

  test('a collection on each is answered with the rows of that agent', async () => {
    const flows = await launch(NAMES, 'SELECT Hostname, Fqdn, OS FROM info()');
    for (const name of NAMES) {
      const id = ids.get(name);
      assert.equal((await api.ended(id, flows.get(id), { explain: () => pool.err })).state, 'finished');
      assert.deepEqual(await api.rows(id, flows.get(id), VQL), [{ Hostname: name, Fqdn: name, OS: 'linux' }]);
    }
  });

  test('collections that fail, reach a limit or send files end as those of real agents', async () => {
    const id = ids.get(NAMES[7]);
    const collect = async (Command, limits) => {
      const flowId = await api.launch(id, VQL, { Command }, limits);
      return { ...(await api.ended(id, flowId)), flowId };
    };
    const limited = await collect('SELECT _value AS N FROM range(end=1000)', { max_rows: 10 });
    assert.equal(limited.state, 'error');
    assert.match(limited.status, /Row limit of 10 exceeded/);
    const late = await collect(ENDLESS, { timeout: 1 });
    assert.equal(late.state, 'error');
    assert.match(late.status, /timed out after 1 seconds/);
    const failed = await collect('SELECT log(message="Error: on purpose", level="ERROR") FROM scope()');
    assert.equal(failed.state, 'error');
    assert.match(failed.status, /on purpose/);
    const sent = await collect('SELECT upload(accessor="data", file="content", name="name.txt").Size AS Size FROM scope()');
    assert.equal(sent.state, 'finished');
    assert.deepEqual(await api.rows(id, sent.flowId, VQL), [{ Size: 7 }]);
    assert.equal((await api.raw('GET', `clients/${id}/flows/${sent.flowId}/uploads/0`)).text, 'content');
  });

  test('an endless collection ends when it is cancelled, also one that has not begun', async () => {
    const [first, second, third] = NAMES.slice(0, 3).map((name) => ids.get(name));
    const flows = await launch(NAMES.slice(0, 2), ENDLESS);
    for (const id of [first, second]) await until('rows come', async () => (await api.rows(id, flows.get(id), VQL)).length > 0, { explain: () => pool.err });
    // Both threads are busy.
    const waiting = await api.launch(third, VQL, { Command: ENDLESS });
    await until('the agent has said that it has it', async () => (await api.flow(third, waiting)).state === 'in_progress');
    const before = (await report()).collections;
    for (const [id, flowId] of [[third, waiting], ...flows]) {
      await api.post(`clients/${id}/flows/${flowId}/cancel`);
      assert.equal((await api.ended(id, flowId)).state, 'cancelled');
    }
    await until('the pool has ended them, too', async () => (await report()).collections === before + 3);
    const rows = await api.collect(third, VQL, { Command: 'SELECT 6 * 7 AS Answer FROM scope()' });
    assert.deepEqual(rows.rows, [{ Answer: 42 }]);
  });

  test('rows of an event artifact come from each', async () => {
    const table = await api.get('monitoring/client');
    await api.put('monitoring/client', { ...table, artifacts: [{ artifact: STATS, parameters: { Frequency: '1' } }] });
    for (const id of ids.values()) {
      await until(
        `rows come from ${id}`,
        async () => {
          const { artifacts } = await api.get(`clients/${id}/events`);
          return artifacts.some((artifact) => artifact.name.startsWith(STATS) && artifact.rows >= 2);
        },
        { explain: () => pool.err },
      );
    }
    const { events, dropped } = await report();
    assert.ok(events >= 2 * COUNT, `${events} events`);
    assert.equal(dropped, 0);
    await api.put('monitoring/client', { ...table, artifacts: [] });
  });

  test('a server that is killed and comes back loses no row', async () => {
    const before = (await report()).collections;
    const flows = await launch(NAMES.slice(0, 10), 'SELECT _value AS N, sleep(ms=10) AS _Slept FROM range(end=300)');
    await until('the first have ended', async () => (await report()).collections > before);
    await server.kill();
    server = await server.again();
    api = await server.api();
    for (const [id, flowId] of flows) {
      const flow = await api.ended(id, flowId, { explain: () => pool.err });
      assert.equal(flow.state, 'finished', flow.status);
      const rows = await api.rows(id, flowId, VQL);
      assert.deepEqual(rows.map((row) => row.N), Array.from({ length: 300 }, (_, n) => n));
    }
  });

  test('a pool that ends and starts again, over websockets, is the same agents', async () => {
    const last = await stopPool();
    assert.deepEqual([last.agents, last.waiting], [COUNT, 0]);
    assert.ok(last.rows > COUNT && last.collections > COUNT, JSON.stringify(last));
    startPool(['--transport', 'websocket', '--report', '1']);
    await until('all are connected', () => lines().some((line) => JSON.parse(line).connected === COUNT), { explain: () => pool.err });
    const again = await online();
    assert.deepEqual([...again].sort(), [...ids].sort());
    const id = ids.get(NAMES[COUNT - 1]);
    const { rows } = await api.collect(id, VQL, { Command: 'SELECT Hostname FROM info()' });
    assert.deepEqual(rows, [{ Hostname: NAMES[COUNT - 1] }]);
    await stopPool();
  });
});
