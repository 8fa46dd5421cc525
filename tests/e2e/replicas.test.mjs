// Two servers that share a database, a bucket and a bus, behind a plain TCP balancer.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { copyFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Api } from './lib/api.mjs';
import { Balancer } from './lib/balancer.mjs';
import { launchBrowser, noProblems, openPage, signIn } from './lib/browser.mjs';
import { agentPort, edit, elsewhere, moveTo, settle } from './lib/elsewhere.mjs';
import { scratch } from './lib/paths.mjs';
import { Peregrine, onlyClient, peregrine, startAgent } from './lib/peregrine.mjs';
import { until } from './lib/wait.mjs';

const VQL = 'Generic.Client.VQL';
const ROWS = 150;
/** Short intervals: event rows are sent at once, and an agent is soon asked about a silent collection. */
const QUICK = { event_max_wait: 1, event_max_wait_jitter: 1, inflight_check_time: 5, max_poll: 5, max_poll_std: 1 };
const quick = (text) => Object.entries(QUICK).reduce((changed, [name, value]) => changed.replace(new RegExp(`(\\b${name}:) \\d+`), `$1 ${value}`), text);

describe('two servers', { timeout: 900_000 }, () => {
  let stores;
  let one;
  let two;
  let balancer;
  let agent;
  let browser;
  let page;
  let client;
  let apis;
  const folders = ['one', 'two'].map((name) => path.join(scratch(name), 'data'));

  const definitions = scratch('definitions');
  writeFileSync(path.join(definitions, 'ticks.yaml'), 'name: Custom.Server.Ticks\ntype: SERVER_EVENT\nsources:\n- query: SELECT Unix FROM clock(period=1)\n');
  const serve = (datastore, args = []) => Peregrine.start({ verb: 'server', datastore, args: [...args, '--definitions', definitions], credentials: one?.credentials });
  const servers = async (api) => (await api.get('server/status')).servers;

  before(async () => {
    stores = await elsewhere();
    browser = await launchBrowser();
  });
  after(async () => {
    agent?.kill('SIGKILL');
    balancer?.close();
    await one?.stop();
    await two?.stop();
    await browser?.close();
    stores?.child.kill('SIGINT');
    await stores?.child.ended;
  });

  test('a second server with the same configuration takes part', async (t) => {
    if (!stores.isWhole) return t.skip('PostgreSQL or NATS is not installed; scripts/setup test installs them');
    const blank = await Peregrine.start({ verb: 'server', datastore: folders[0] });
    await blank.stop();
    moveTo(stores, folders[0]);
    edit(path.join(folders[0], 'server.config.yaml'), quick);
    one = await serve(folders[0], ['--new-database']);
    settle(folders[0], folders[1]);
    two = await serve(folders[1]);
    assert.equal(two.password, null, 'the first one made the administrator');
    apis = [await one.api(), new Api(two.url)];
    apis[1].continue(apis[0]);
    const known = await servers(apis[1]);
    assert.deepEqual(known.map((server) => server.is_this), [false, true], 'a session of the one counts at the other');
    assert.ok(Date.parse(known[0].started) < Date.parse(known[1].started));
  });

  test('a server that would keep files to itself is refused', async (t) => {
    if (!two) return t.skip();
    const folder = path.join(scratch('alone'), 'data');
    settle(folders[0], folder);
    edit(path.join(folder, 'server.config.yaml'), (text) => text.replace(/^ {2}objects:.*\n/m, '').replace(/^ {2}object_options:\n(?: {4}.*\n)*/m, ''));
    const refused = await peregrine(['server', '--datastore', folder, '--port', '0']);
    assert.notEqual(refused.code, 0);
    assert.match(refused.err, /works on the same database, and one of the two keeps files or the bus to itself/);
    assert.equal((await servers(apis[0])).length, 2, 'it is not on the list any more');
  });

  test('an agent at the one is seen and asked at the other', async (t) => {
    if (!two) return t.skip();
    balancer = await Balancer.before([agentPort(one)]);
    const config = path.join(scratch('agent'), 'client.config.yaml');
    copyFileSync(one.clientConfig, config);
    edit(config, (text) => text.replace(/https:\/\/localhost:\d+\//, `https://localhost:${balancer.port}/`));
    agent = startAgent(one, path.join(path.dirname(config), 'state'), { config });
    client = await onlyClient(apis[1]);
    assert.deepEqual((await servers(apis[1])).map((server) => server.connected_agents), [1, 0]);

    page = await openPage(browser, { width: 1500, height: 950 });
    await signIn(page, { url: two.url, credentials: one.credentials }, `/clients/${client.client_id}`);
    await page.getByText('online', { exact: true }).first().waitFor();
    const { rows } = await apis[1].collect(client.client_id, VQL, { Command: 'SELECT 6 * 7 AS Answer FROM scope()' });
    assert.deepEqual(rows.map((row) => row.Answer), [42]);
  });

  test('a monitoring table that is set at the one runs on agents of the other', async (t) => {
    if (!two) return t.skip();
    const table = await apis[1].get('monitoring/client');
    await apis[1].put('monitoring/client', { ...table, label_events: [{ label: 'watched', artifacts: [{ artifact: 'Generic.Client.Stats' }] }] });
    await apis[1].put(`clients/${client.client_id}/labels`, { add: ['watched'] });
    await until('its rows come', async () => {
      const { artifacts } = await apis[0].get(`clients/${client.client_id}/events`);
      return artifacts.some(({ name }) => name.startsWith('Generic.Client.Stats'));
    });
  });

  test('a query that runs on the one is listed and stopped at the other', async (t) => {
    if (!two) return t.skip();
    const asked = apis[0].query('SELECT * FROM clock(period=3600)');
    const listed = await until('the other lists it', async () => (await apis[1].get('queries')).queries[0]);
    assert.deepEqual([listed.vql, listed.rows], ['SELECT * FROM clock(period=3600)', undefined], 'how far it is only its own server knows');
    await apis[1].delete(`queries/${listed.query_id}`);
    assert.match((await asked).ended.message, /^cancelled by /);
    await until('nobody lists it', async () => (await apis[1].get('queries')).queries.length === 0);
  });

  test('who watches events at the one sees those of agents of the other', async (t) => {
    if (!two) return t.skip();
    const { rows, messages } = await apis[1].query("SELECT ClientId, CPU FROM watch_monitoring(artifact='Generic.Client.Stats') LIMIT 2");
    assert.deepEqual(rows.map((row) => row.ClientId), [client.client_id, client.client_id], messages.join('\n'));
  });

  const ticks = async () => (await apis[1].query("SELECT Unix FROM monitoring(client_id='server', artifact='Custom.Server.Ticks')")).rows.map((row) => row.Unix);

  test('an event artifact of the server runs on one of them', async (t) => {
    if (!two) return t.skip();
    await apis[1].put('monitoring/server', { artifacts: [{ artifact: 'Custom.Server.Ticks' }] });
    await until('it ticks', async () => (await ticks()).length > 3);
    const { rows } = await apis[1].query("SELECT * FROM monitoring_logs(client_id='server', artifact='Custom.Server.Ticks') WHERE message =~ 'Starting'");
    assert.equal(rows.length, 1, 'it was started once');
  });

  test('a server that is killed in the middle of a collection and its files loses nothing and doubles nothing', async (t) => {
    if (!two) return t.skip();
    const content = randomBytes(300_000);
    const file = path.join(scratch('files'), 'evidence.bin');
    writeFileSync(file, content);
    const query = `SELECT _value AS N, upload(file="${file}", name=format(format="copy%v", args=_value)).sha256 AS Hash
      FROM range(start=0, end=${ROWS}, step=1) WHERE sleep(ms=40) OR TRUE`;
    const flow = await apis[1].launch(client.client_id, VQL, { Command: query });
    await page.goto(`${two.url}/clients/${client.client_id}/collections/${flow}`);
    const state = async () => apis[1].flow(client.client_id, flow);
    await until('some of it is there', async () => (await state()).rows > ROWS / 5, { explain: () => agent.err });
    const before = await state();
    assert.equal(before.state, 'in_progress', 'it is in the middle');
    assert.equal((await servers(apis[1]))[0].connected_agents, 1, 'and the agent is at the server that dies');
    balancer.ports = [agentPort(one), agentPort(two)];
    await one.kill();

    const ended = await apis[1].ended(client.client_id, flow);
    assert.equal(ended.state, 'finished', ended.status ?? '');
    const rows = await apis[1].rows(client.client_id, flow, VQL);
    assert.deepEqual(rows.map((row) => row.N), Array.from({ length: ROWS }, (_, at) => at));
    const hash = createHash('sha256').update(content).digest('hex');
    assert.ok(rows.every((row) => row.Hash === hash));
    assert.deepEqual(new Set(ended.uploads.map((upload) => upload.uploaded_size)), new Set([content.length]));
    assert.equal(ended.uploads.length, ROWS);
    const stored = await page.request.get(`${two.url}/api/v1/clients/${client.client_id}/flows/${flow}/uploads/${ROWS / 2}`);
    assert.equal(createHash('sha256').update(await stored.body()).digest('hex'), hash);

    await page.getByText('Finished', { exact: true }).first().waitFor();
    await until('the dead server is off the list', async () => (await servers(apis[1])).length === 1);
    const killed = Date.now() / 1000;
    await until('its event artifact runs on the other', async () => (await ticks()).some((tick) => tick > killed));
    const seen = await ticks();
    assert.deepEqual(seen, [...new Set(seen)], 'and never ran on both');
    await until('the agent is at the other', async () => (await servers(apis[1]))[0].connected_agents === 1);
    noProblems(page);
  });

  test('a task that was on its way when its server was killed is sent again', async (t) => {
    if (!two) return t.skip();
    balancer.swallow();
    const flow = await apis[1].launch(client.client_id, VQL, { Command: 'SELECT 1 AS One FROM scope()' });
    await until('it counts as delivered', async () => (await apis[1].get(`clients/${client.client_id}`)).in_flight_flows.includes(flow));
    await two.kill();
    two = await serve(folders[1]);
    balancer.ports = [agentPort(two)];
    apis[1] = await two.api();
    const ended = await apis[1].ended(client.client_id, flow);
    assert.equal(ended.state, 'finished', ended.status ?? '');
    assert.match(two.log, /a collection did not reach its agent and is sent again/);
    assert.equal((await apis[1].rows(client.client_id, flow, VQL)).length, 1);
    await until('the killed one is off the list', async () => (await servers(apis[1])).length === 1);
  });

  test('a server that stops hands its agents over at once', async (t) => {
    if (!two) return t.skip();
    one = await serve(folders[0]);
    balancer.ports = [agentPort(one)];
    await two.stop();
    two = null;
    const api = await one.api();
    assert.equal((await servers(api)).length, 1);
    await until('the agent came', async () => (await servers(api))[0].connected_agents === 1);
    const { rows } = await api.collect(client.client_id, VQL, { Command: 'SELECT 1 AS One FROM scope()' });
    assert.equal(rows.length, 1);
  });
});
