// Hunts with real agents: who joins, what comes back, and what a restart of the server leaves of it.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { scratch } from './lib/paths.mjs';
import { Peregrine, peregrine, startAgent } from './lib/peregrine.mjs';
import { until } from './lib/wait.mjs';

/** Runs a query on the machine. */
const ASK = 'Custom.Ask';
const DEFINITION = `name: ${ASK}\nparameters:\n- name: Command\nsources:\n- query: SELECT * FROM query(query=Command, inherit=TRUE)\n`;

describe('hunts', { timeout: 600_000 }, () => {
  let server;
  let api;
  const agents = [];
  const states = ['first', 'second'].map((name) => path.join(scratch(name), 'state'));
  const definitions = scratch('definitions');
  /** The ids of the two machines, in the order in which they came. */
  const clients = [];

  const hunt = (id) => api.get(`hunts/${id}`);
  const members = async (id) => (await api.get(`hunts/${id}/clients`)).clients.map((each) => each.client_id).sort();
  /** The value of an expression on the server; fails with its messages. */
  const value = async (expression, env = {}) => {
    const { rows, messages } = await api.query(`SELECT ${expression} AS Value FROM scope()`, { env });
    assert.ok(rows[0]?.Value, `${expression}: ${messages.join('\n')}`);
    return rows[0].Value;
  };
  const label = (client, name) => value("label(client_id=Machine, labels=Name, op='set')", { Machine: client, Name: name });
  const create = async (rest, query) => (await value(`hunt(artifacts='${ASK}', spec=dict(\`${ASK}\`=dict(Command=Command)), ${rest})`, { Command: query })).HuntId;
  /** All rows of a hunt, as VQL reads them. */
  const rows = async (id) => (await api.query('SELECT * FROM source(hunt_id=Hunt) ORDER BY ClientId', { env: { Hunt: id } })).rows;
  const totals = (id, expected) => {
    let seen = null;
    return until(
      `the totals of ${id} are ${JSON.stringify(expected)}`,
      async () => {
        seen = (await hunt(id)).totals;
        return Object.entries(expected).every(([name, count]) => seen[name] === count);
      },
      { explain: () => JSON.stringify(seen) },
    );
  };

  const serve = async () => {
    server = await Peregrine.start({ verb: 'server', args: ['--definitions', definitions], datastore: server?.datastore, credentials: server?.credentials });
    api = await server.api();
  };

  before(async () => {
    writeFileSync(path.join(definitions, 'Ask.yaml'), DEFINITION);
    await serve();
    for (const state of states) {
      agents.push(startAgent(server, state));
      const client = await until(`machine ${agents.length} is online and interrogated`, async () => {
        const found = (await api.get('clients')).clients.filter((each) => !clients.includes(each.client_id));
        return found[0]?.online && found[0].last_interrogate_flow_id ? found[0].client_id : null;
      });
      clients.push(client);
    }
  });
  after(async () => {
    for (const agent of agents) agent.kill('SIGKILL');
    await server?.stop();
  });

  let labelled;

  test('one by label reaches the machine that has it, and the other when it gets it', async () => {
    await label(clients[0], 'web');
    labelled = await create("include_labels='web', description='who is there', expires='1d'", 'SELECT 6 * 7 AS Answer FROM scope()');
    await totals(labelled, { scheduled: 1, finished: 1, rows: 1 });
    assert.deepEqual(await members(labelled), [clients[0]]);
    const [row] = await rows(labelled);
    assert.deepEqual([row.Answer, row.ClientId, row.FlowId, row._OrgId], [42, clients[0], labelled.replace(/^H(.*)/, 'F$1.H'), 'root']);

    await label(clients[1], 'Web');
    await totals(labelled, { scheduled: 2, finished: 2, with_results: 2, rows: 2 });
    assert.deepEqual((await rows(labelled)).map((each) => [each.Answer, each.ClientId]), [...clients].sort().map((id) => [42, id]));
    assert.deepEqual((await api.query('SELECT Flow.state AS State FROM hunt_flows(hunt_id=Hunt)', { env: { Hunt: labelled } })).rows, [{ State: 'FINISHED' }, { State: 'FINISHED' }]);
    const stats = await value('hunt_info(hunt_id=Hunt).stats', { Hunt: labelled });
    assert.deepEqual([stats.total_clients_scheduled, stats.total_finished_clients, stats.total_collected_rows], [2, 2, 2]);
  });

  test('stopped with cancel, an endless one ends on every machine', async () => {
    const endless = await create("description='endless'", 'SELECT * FROM clock(period=3600)');
    await totals(endless, { scheduled: 2, running: 2 });
    const stopped = await api.post(`hunts/${endless}/stop`, { cancel: true });
    assert.equal(stopped.state, 'stopped');
    await totals(endless, { running: 0, waiting: 0, cancelled: 2 });
    for (const client of clients) {
      await until('the machine has room for further collections', async () => {
        const { rows: found } = await api.query('SELECT in_flight_flows AS Flows FROM clients(client_id=Machine)', { env: { Machine: client } });
        return Object.keys(found[0].Flows).length === 0;
      });
    }
  });

  test('those who watch hear of new hunts and of machines that join', async () => {
    const told = Promise.all([
      api.query("SELECT Hunt.hunt_id AS HuntId, Hunt.state AS State FROM watch_monitoring(artifact='System.Hunt.Creation') LIMIT 1"),
      api.query("SELECT HuntId, ClientId FROM watch_monitoring(artifact='System.Hunt.Participation') LIMIT 1"),
    ]);
    let isTold = false;
    told.then(() => (isTold = true), () => (isTold = true));
    const created = [];
    // Again and again, because nothing says when a query has begun to watch.
    await until(
      'both were told',
      async () => {
        const id = await create("pause=TRUE, description='told'", 'SELECT 1 AS A FROM scope()');
        created.push(id);
        await value('hunt_add(hunt_id=Hunt, client_id=Machine)', { Hunt: id, Machine: clients[0] });
        return isTold;
      },
      { every: 500 },
    );
    const [creation, joining] = (await told).map(({ rows: found }) => found[0]);
    assert.equal(creation.State, 'PAUSED');
    assert.equal(joining.ClientId, clients[0]);
    assert.ok(created.includes(creation.HuntId) && created.includes(joining.HuntId));
    await until('all of them are in the queue', async () => {
      const { rows: stored } = await api.query("SELECT Hunt.hunt_id AS Id FROM monitoring(client_id='server', artifact='System.Hunt.Creation')");
      const ids = stored.map((row) => row.Id);
      return ids.length === new Set(ids).size && created.every((id) => ids.includes(id));
    });
  });

  test('a restart of the server in between loses and doubles nothing', async () => {
    // The second machine is away, and answers after the restart.
    agents[1].kill('SIGKILL');
    await agents[1].ended;
    const interrupted = await create("description='interrupted'", 'SELECT * FROM range(end=500)');
    await totals(interrupted, { finished: 1 });
    await server.kill();
    await serve();
    agents[1] = startAgent(server, states[1]);
    await totals(interrupted, { scheduled: 2, finished: 2, rows: 1000 });
    const { rows: counted } = await api.query('SELECT ClientId, count() AS Rows FROM source(hunt_id=Hunt) GROUP BY ClientId ORDER BY ClientId', { env: { Hunt: interrupted } });
    assert.deepEqual(counted, [...clients].sort().map((ClientId) => ({ ClientId, Rows: 500 })));
    assert.deepEqual(await members(labelled), [...clients].sort(), 'what has ended stays as it was');
    assert.equal((await rows(labelled)).length, 2);
  });

  test('a stopped server shows what it has, and one that runs deletes it', async () => {
    await value('hunt_update(hunt_id=Hunt, stop=TRUE, add_labels=("done", "case 7"))', { Hunt: labelled });
    await server.stop();
    const read = await peregrine(['query', '--datastore', server.datastore, '--format', 'jsonl', `SELECT tags, state, { SELECT count() AS N FROM hunt_results(hunt_id=hunt_id) GROUP BY 1 } AS Rows FROM hunts(hunt_id='${labelled}')`]);
    assert.equal(read.code, 0, read.err);
    const shown = JSON.parse(read.out);
    assert.deepEqual([shown.tags, shown.state], [['case 7', 'done'], 'STOPPED'], read.err);
    await serve();
    const deleted = await api.query('SELECT Type FROM hunt_delete(hunt_id=Hunt, really_do_it=TRUE)', { env: { Hunt: labelled } });
    assert.equal(deleted.rows.at(-1).Type, 'Hunt', deleted.messages.join('\n'));
    assert.equal(await api.raw('GET', `hunts/${labelled}`).then(({ status }) => status), 404);
    assert.deepEqual((await api.query('SELECT * FROM hunts(hunt_id=Hunt)', { env: { Hunt: labelled } })).rows, []);
  });
});
