// Crashes and a full disk: nothing acknowledged is lost, nothing arrives twice, every collection ends clearly.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { scratch } from './lib/paths.mjs';
import { Peregrine, onlyClient, peregrine, startAgent } from './lib/peregrine.mjs';
import { allProcesses, atExit, gone } from './lib/processes.mjs';
import { Proxy } from './lib/proxy.mjs';
import { Ticks } from './lib/ticks.mjs';
import { until } from './lib/wait.mjs';

const VQL = 'Generic.Client.VQL';
const isRoot = process.getuid() === 0;
const needsRoot = !isRoot && 'needs root';
const numbers = (count, from = 0) => Array.from({ length: count }, (_, at) => at + from);

/** The arguments a process was started with. */
function commandLine(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').filter(Boolean);
  } catch {
    return [];
  }
}

/** A server and an agent as independent processes. */
async function pair(options) {
  const server = await Peregrine.start({ verb: 'server', ...options });
  const agent = startAgent(server, scratch('agent'));
  const api = await server.api();
  return { server, agent, api, client: await onlyClient(api) };
}

async function end(server, ...agents) {
  for (const agent of agents) {
    agent.kill('SIGTERM');
    await agent.ended;
  }
  return server.stop();
}

/** The column `N` of all rows, read with one request by exporting them. */
async function exported(api, clientId, flowId) {
  const { status, text } = await api.raw('GET', `clients/${clientId}/flows/${flowId}/results/export`, undefined, { source: VQL, format: 'jsonl' });
  assert.equal(status, 200);
  return text.split('\n').filter(Boolean).map((line) => JSON.parse(line).N);
}

/** Starts ticks until the query on the machine listens and at least `rows` rows are stored. */
async function running(api, client, flowId, ticks, rows) {
  await until(
    'rows are stored',
    async () => {
      ticks.next();
      return (await api.flow(client.client_id, flowId)).rows >= rows;
    },
    { every: 300 },
  );
}

/** Asserts that every tick from the first to the last one seen is there once, in order. */
function assertGapless(rows) {
  const seen = rows.map((row) => row.N);
  assert.deepEqual(seen, numbers(seen.length, seen[0]));
}

describe('faults', { timeout: 1_800_000, concurrency: 4 }, () => {
  test('the server is killed during a collection: rows keep their order, none is lost, none comes twice', { skip: needsRoot }, async () => {
    const ticks = new Ticks(`e2e-server-kill-${process.pid}`);
    const { server, agent, api, client } = await pair();
    const flowId = await api.launch(client.client_id, VQL, { Command: ticks.query(60) });
    await running(api, client, flowId, ticks, 5);
    const before = await api.rows(client.client_id, flowId, VQL);
    await server.kill();
    ticks.next(10);
    const again = await server.again();
    assert.equal(again.url, server.url, 'it keeps its ports');
    const api2 = await again.api();
    await onlyClient(api2);
    const flow = await until('the collection ends', async () => {
      ticks.next();
      const now = await api2.flow(client.client_id, flowId);
      return now.state === 'finished' || now.state === 'error' ? now : null;
    }, { every: 300 });
    assert.equal(flow.state, 'finished', flow.status);
    const rows = await api2.rows(client.client_id, flowId, VQL);
    assert.deepEqual(rows.slice(0, before.length), before, 'what was stored before is still there');
    assert.equal(rows.length, 60);
    assert.equal(flow.rows, 61, 'and one of the source Overview');
    assertGapless(rows);
    ticks.end();
    await end(again, agent);
  });

  test('the server is killed again and again under a flood of rows', async () => {
    const count = 300_000;
    const { server, agent, api, client } = await pair();
    const flowId = await api.launch(client.client_id, VQL, { Command: `SELECT _value AS N, format(format='%064d', args=_value) AS Text FROM range(end=${count})` });
    let now = server;
    let nowApi = api;
    let stored = 0;
    for (let kill = 0; kill < 3; kill += 1) {
      const flow = await until('more rows are stored', async () => {
        const seen = await nowApi.flow(client.client_id, flowId);
        return seen.rows > stored || seen.state === 'finished' ? seen : null;
      }, { every: 20 });
      stored = flow.rows;
      await now.kill();
      now = await now.again();
      nowApi = await now.api();
      const after = await nowApi.flow(client.client_id, flowId);
      assert.ok(after.rows >= stored, `stored rows stay: ${after.rows} of ${stored}`);
    }
    const flow = await nowApi.ended(client.client_id, flowId);
    assert.equal(flow.state, 'finished', flow.status);
    assert.equal(flow.rows, count + 1, 'and one of the source Overview');
    assert.deepEqual(await exported(nowApi, client.client_id, flowId), numbers(count));
    await end(now, agent);
  });

  test('the agent is killed during a collection: it ends, says why, and keeps its rows', { skip: needsRoot }, async () => {
    const ticks = new Ticks(`e2e-agent-kill-${process.pid}`);
    const server = await Peregrine.start();
    const api = await server.api();
    const client = await onlyClient(api);
    const flowId = await api.launch(client.client_id, VQL, { Command: ticks.query() });
    await running(api, client, flowId, ticks, 2);
    const pid = await server.agentReady();
    process.kill(pid, 'SIGKILL');
    await gone(pid);
    const flow = await api.ended(client.client_id, flowId, { deadline: 600_000 });
    assert.equal(flow.state, 'error');
    assert.ok(flow.status, 'it says why');
    console.log(`# the message: ${flow.status}`);
    assertGapless(await api.rows(client.client_id, flowId, VQL));
    // The machine can still be used.
    await until('the machine is online again', async () => (await api.get(`clients/${client.client_id}`)).online);
    const { rows } = await api.collect(client.client_id, VQL, { Command: 'SELECT _value AS N FROM range(end=3)' });
    assert.deepEqual(rows.map((row) => row.N), [0, 1, 2]);
    ticks.end();
    await server.stop();
  });

  test('a full disk: a clear error, nothing damaged, and it goes on when there is space', { skip: needsRoot || !existsSync('/bin/mount') && 'needs mount' }, async (t) => {
    const mount = scratch('disk');
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', mount], { stdio: 'pipe' });
    } catch (error) {
      t.skip(`cannot mount a file system here: ${error.stderr}`);
      return;
    }
    atExit(() => execFileSync('umount', ['-l', mount]));
    const { server, agent, api, client } = await pair({ datastore: path.join(mount, 'data') });
    const filler = path.join(mount, 'filler');
    const free = () => statfsSync(mount).bavail * statfsSync(mount).bsize;
    const first = await api.collect(client.client_id, VQL, { Command: 'SELECT _value AS N FROM range(end=1000)' });
    writeFileSync(filler, Buffer.alloc(Math.max(0, free() - 1_500_000), 1));

    const count = 200_000;
    // Hashes, because they do not compress well.
    const command = `SELECT _value AS N, hash(path=str(str=_value), accessor='data').SHA256 AS Text FROM range(end=${count})`;
    const flowId = await api.launch(client.client_id, VQL, { Command: command });
    await until('the server says that the storage is full', () => /storage is full/.test(server.log), { explain: () => server.log.slice(-3000) });
    assert.equal((await api.flow(client.client_id, flowId)).state === 'finished', false);
    assert.deepEqual((await api.rows(client.client_id, first.flowId, VQL)).length, 1000, 'it still answers, and older rows are there');
    const { datastore } = await api.get('server/status');
    assert.ok(datastore.free_bytes < 2_000_000, `the status shows it: ${datastore.free_bytes}`);

    rmSync(filler);
    const flow = await api.ended(client.client_id, flowId, { deadline: 600_000 });
    assert.equal(flow.state, 'finished', flow.status);
    assert.deepEqual(await exported(api, client.client_id, flowId), numbers(count));

    // Fill the disk again, and kill the server while it is full.
    writeFileSync(filler, Buffer.alloc(Math.max(0, free() - 500_000), 1));
    const second = await api.launch(client.client_id, VQL, { Command: command.replace('SELECT _value', 'SELECT _value') }).catch((error) => {
      assert.equal(error.code, 'storage_full', error.message);
      return null;
    });
    if (second) await until('the storage is full again', () => server.log.split('storage is full').length > 3, { explain: () => server.log.slice(-3000) });
    await server.kill();
    rmSync(filler);
    const again = await server.again();
    const api2 = await again.api();
    await onlyClient(api2);
    if (second) {
      const flow2 = await api2.ended(client.client_id, second, { deadline: 600_000 });
      assert.equal(flow2.state, 'finished', flow2.status);
      assert.deepEqual(await exported(api2, client.client_id, second), numbers(count));
    }
    assert.deepEqual(await exported(api2, client.client_id, flowId), numbers(count));
    await end(again, agent);
    if (existsSync('/usr/bin/sqlite3')) {
      const verdict = execFileSync('sqlite3', [path.join(mount, 'data', 'peregrine.db'), 'PRAGMA integrity_check'], { encoding: 'utf8' });
      assert.equal(verdict.trim(), 'ok');
    }
  });

  test('starting with a full disk is refused clearly', { skip: needsRoot }, async (t) => {
    const mount = scratch('full');
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', mount], { stdio: 'pipe' });
    } catch (error) {
      t.skip(`cannot mount a file system here: ${error.stderr}`);
      return;
    }
    atExit(() => execFileSync('umount', ['-l', mount]));
    mkdirSync(path.join(mount, 'data'));
    await assert.rejects(Peregrine.start({ verb: 'server', datastore: path.join(mount, 'data') }), (error) => {
      assert.match(error.message, /full|no space/i);
      assert.doesNotMatch(error.message, /panicked/);
      return true;
    });
  });

  test('a second agent on the same state folder is refused, and told who uses it', async () => {
    const { server, agent, api, client } = await pair();
    const state = agent.spawnargs[agent.spawnargs.indexOf('--state') + 1];
    const second = startAgent(server, state);
    const { code } = await second.ended;
    assert.notEqual(code, 0);
    assert.match(second.err, new RegExp(`process ${agent.pid}, runs with the state folder`));
    const { rows } = await api.collect(client.client_id, VQL, { Command: 'SELECT _value AS N FROM range(end=3)' });
    assert.deepEqual(rows.map((row) => row.N), [0, 1, 2]);
    await end(server, agent);
  });

  test('an agent that is killed takes along what its queries have started', async () => {
    const { server, agent, api, client } = await pair();
    const mark = `86${process.pid}`;
    const sleepers = () => allProcesses().filter(({ pid }) => commandLine(pid).join(' ') === `sleep ${mark}`);
    await api.launch(client.client_id, VQL, { Command: `SELECT * FROM execve(argv=['sh', '-c', 'sleep ${mark} & (setsid sleep ${mark} &) ; sleep ${mark}; true'])` });
    await until('the program, its child and one that has left its group run', () => sleepers().length === 3);
    agent.kill('SIGKILL');
    await agent.ended;
    await until('they are gone', () => sleepers().length === 0);
    await server.stop();
  });

  test('a query is ended before the agent takes too much memory, and the agent where that does not help', async () => {
    const server = await Peregrine.start({ verb: 'server' });
    const state = scratch('agent');
    const limited = (mebibytes) => {
      const config = path.join(scratch('config'), 'client.config.yaml');
      const text = readFileSync(server.clientConfig, 'utf8');
      assert.match(text, /^Client:$/m);
      writeFileSync(config, text.replace(/^Client:$/m, `Client:\n  max_memory_hard_limit: ${mebibytes * 2 ** 20}`));
      return config;
    };
    const greedy = 'SELECT len(list=array(a={ SELECT str(str=_value) AS N FROM range(end=100000000) })) AS N FROM scope()';
    const api = await server.api();
    for (const [memory, reason] of [
      ['64M', /64 MiB|--max-memory/],
      ['4G', /max_memory_hard_limit/],
    ]) {
      const agent = startAgent(server, state, { config: limited(400), args: ['--max-memory', memory] });
      const client = await onlyClient(api);
      const flow = await api.ended(client.client_id, await api.launch(client.client_id, VQL, { Command: greedy }));
      assert.equal(flow.state, 'error');
      assert.match(flow.status, reason);
      const { rows } = await api.collect(client.client_id, VQL, { Command: 'SELECT _value AS N FROM range(end=3)' });
      assert.deepEqual(rows.map((row) => row.N), [0, 1, 2]);
      assert.equal(agent.exitCode, null, 'the agent goes on');
      agent.kill('SIGTERM');
      await agent.ended;
    }
    // A limit below what the agent needs even without a query.
    const agent = startAgent(server, state, { config: limited(1) });
    const { code } = await agent.ended;
    assert.equal(code, 255);
    assert.match(agent.err, /the agent takes more memory than `max_memory_hard_limit` allows, and ends/);
    await server.stop();
  });

  test('reads that hang end with their collections, and use up nothing', async () => {
    const { server, agent, api, client } = await pair();
    const pipe = path.join(scratch('pipe'), 'pipe');
    execFileSync('mkfifo', [pipe]);
    const command = `SELECT hash(path='${pipe}', accessor='raw_file') AS Hash FROM scope()`;
    const flows = [];
    for (let n = 0; n < 5; n += 1) flows.push(await api.launch(client.client_id, VQL, { Command: command }, { timeout: 2 }));
    for (const flowId of flows) {
      const flow = await api.ended(client.client_id, flowId);
      assert.equal(flow.state, 'error');
      assert.match(flow.status, /timed out/);
    }
    const { rows } = await api.collect(client.client_id, VQL, { Command: 'SELECT _value AS N FROM range(end=3)' });
    assert.deepEqual(rows.map((row) => row.N), [0, 1, 2]);
    await end(server, agent);
    const query = await peregrine(['query', '--timeout', '1', command]);
    assert.match(query.err, /--timeout/);
  });

  test('a full disk on the machine: rows wait for room, and those that find none are told of', { skip: needsRoot || !existsSync('/bin/mount') && 'needs mount' }, async (t) => {
    const mount = scratch('agent-disk');
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', mount], { stdio: 'pipe' });
    } catch (error) {
      t.skip(`cannot mount a file system here: ${error.stderr}`);
      return;
    }
    atExit(() => execFileSync('umount', ['-l', mount]));
    const server = await Peregrine.start({ verb: 'server' });
    const agent = startAgent(server, path.join(mount, 'state'));
    const api = await server.api();
    const client = await onlyClient(api);
    const filler = path.join(mount, 'filler');
    const fill = () => {
      try {
        writeFileSync(filler, Buffer.alloc(8 << 20, 1));
      } catch (error) {
        assert.equal(error.code, 'ENOSPC');
      }
    };
    const noted = () => agent.err.split('could not write a checkpoint').length;
    const command = `SELECT _value AS N, hash(path=str(str=_value), accessor='data').SHA256 AS Text FROM range(end=20000)`;
    fill();
    const before = noted();
    const first = await api.launch(client.client_id, VQL, { Command: command });
    await until('the disk is full for it', () => noted() > before, { explain: () => agent.err.slice(-2000) });
    rmSync(filler);
    const flow = await api.ended(client.client_id, first);
    assert.equal(flow.state, 'finished', flow.status);
    assert.deepEqual(await exported(api, client.client_id, first), numbers(20000));

    // The disk stays full: after a minute the collection ends, and reports that nevertheless.
    fill();
    const second = await api.launch(client.client_id, VQL, { Command: command });
    const failed = await api.ended(client.client_id, second, { deadline: 240_000 });
    assert.equal(failed.state, 'error');
    assert.match(failed.status, /could not be kept|are missing/);
    await end(server, agent);
  });

  test('an agent behind a proxy that freezes comes back, long before its poll is over', async () => {
    const server = await Peregrine.start({ verb: 'server' });
    const text = readFileSync(server.clientConfig, 'utf8');
    const [url, port] = /https:\/\/[^\s:]+:(\d+)\//.exec(text);
    const proxy = await Proxy.to(Number(port));
    const config = path.join(server.datastore, 'proxied.yaml');
    // Polls take an hour, but the agent expects padding within 16 seconds; servers send some every 10.
    const set = (yaml, [key, value]) => yaml.replace(new RegExp(`^( +${key}): .*$`, 'm'), `$1: ${value}`);
    const patient = Object.entries({ max_poll: 3600, ws_ping_wait_sec: 10, connection_timeout: 30 }).reduce(set, text.replaceAll(url, `https://localhost:${proxy.port}/`));
    assert.match(patient, /max_poll: 3600/);
    writeFileSync(config, patient);
    const agent = startAgent(server, undefined, { config });
    const api = await server.api();
    const client = await onlyClient(api);
    await until('the poll brings a sign of life', () => proxy.hasPoll());
    proxy.freeze();
    // The server believes that the frozen poll is alive, yet lets the agent's next poll replace it.
    await until('the agent polls again', () => proxy.hasPoll());
    const { rows } = await api.collect(client.client_id, VQL, { Command: 'SELECT 1 AS N FROM scope()' });
    assert.deepEqual(rows.map((row) => row.N), [1]);
    await end(server, agent);
    proxy.close();
  });
});
