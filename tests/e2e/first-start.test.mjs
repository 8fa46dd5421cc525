// What a new user sees: the first start, later starts, failures, Ctrl-C.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { hostname } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fillSignIn, launchBrowser, noProblems, openPage, signIn } from './lib/browser.mjs';
import { binary, scratch } from './lib/paths.mjs';
import { Peregrine, onlyClient, peregrine } from './lib/peregrine.mjs';
import { gone, isRunning } from './lib/processes.mjs';
import { until } from './lib/wait.mjs';

const timeout = 600_000;

/** Starts the program, which must fail, and returns its message. */
async function refusal(args, options) {
  const { code, out, err } = await peregrine(['gui', '--no-browser', ...args], options);
  assert.equal(code, 1, `exit code 1, not ${code}: ${out}${err}`);
  assert.doesNotMatch(out, /password/, 'nothing is announced');
  assert.doesNotMatch(err, /panicked|RUST_BACKTRACE/);
  const message = err.split('\n').filter((line) => line.includes('error:')).join('\n');
  assert.ok(message, `an error is told: ${err}`);
  return message;
}

describe('peregrine gui', { timeout }, () => {
  let browser;
  let first;
  before(async () => {
    browser = await launchBrowser();
    first = await Peregrine.start();
  });
  after(() => browser?.close());

  test('announces address, data folder, and a generated password once', () => {
    assert.match(first.url, /^https:\/\/localhost:\d+$/);
    assert.equal(first.data, first.datastore);
    assert.ok(first.user);
    assert.ok(first.password.length >= 12, 'the password is long');
  });

  test('keeps its keys to itself', () => {
    for (const name of readdirSync(first.datastore)) {
      const { mode } = statSync(path.join(first.datastore, name));
      assert.equal(mode & 0o077, 0, `others cannot read ${name}`);
    }
  });

  test('the machine is in the list, online, and its page shows who it is', async () => {
    const api = await first.api();
    const client = await onlyClient(api);
    assert.equal(client.hostname, hostname());
    assert.equal(client.os, 'linux');
    assert.ok(client.agent_version);
    assert.ok(client.first_seen && client.last_seen);
    const page = await openPage(browser);
    await signIn(page, first);
    const row = page.getByRole('row').filter({ hasText: hostname() });
    await row.getByText('online').waitFor();
    await row.getByRole('link', { name: hostname() }).click();
    await page.getByRole('heading', { name: hostname(), level: 1 }).waitFor();
    const facts = page.locator('.facts').first();
    for (const name of ['Host name', 'System', 'Agent', 'Addresses', 'First seen', 'Last seen']) {
      const value = facts.locator('div', { has: page.locator('dt', { hasText: new RegExp(`^${name}$`) }) }).locator('dd').first();
      assert.notEqual((await value.innerText()).trim(), '–', `${name} is known`);
    }
    await page.getByText('Interrogated').waitFor();
    const tables = page.locator('.overview-table');
    await tables.first().waitFor();
    assert.ok((await tables.allInnerTexts()).some((text) => text.includes(hostname())), 'the interrogation has answers');
    noProblems(page);
    await page.context().close();
  });

  test('a wrong password is refused, and says so', async () => {
    const page = await openPage(browser);
    await page.goto(`${first.url}/clients`);
    await page.getByLabel('User name').fill(first.user);
    await page.getByLabel('Password').fill('not the password');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').filter({ hasText: 'wrong' }).waitFor();
    await fillSignIn(page, first.credentials);
    await page.getByRole('heading', { name: 'Machines' }).waitFor();
    await page.context().close();
  });

  test('whoever types http:// is led to https://, or told', async () => {
    const answer = async (url) => fetch(url.replace('https:', 'http:'), { redirect: 'manual' });
    const led = await answer(`${first.url}/artifacts?search=a%20b`);
    assert.equal(led.status, 308);
    assert.equal(led.headers.get('location'), `${first.url}/artifacts?search=a%20b`);
    const page = await openPage(browser);
    await page.goto(first.url.replace('https:', 'http:'));
    await page.getByLabel('User name').waitFor();
    assert.ok(page.url().startsWith('https://'));
    await page.context().close();
    const [agents] = /https:\/\/[^\s"']+/.exec(readFileSync(first.clientConfig, 'utf8'));
    const told = await answer(new URL('/server.pem', agents).href);
    assert.equal(told.status, 400);
    assert.match(await told.text(), /for agents and speaks TLS: use https:/);
  });

  test('a second one on the same folder is refused and leaves the first alone', async () => {
    const message = await refusal(['--datastore', first.datastore, '--port', '0', '--agent-port', '0', '--api-port', '0']);
    assert.match(message, /in use by another process/);
    assert.match(message, /stop that one or choose another folder/);
    assert.ok(message.includes(first.datastore), 'the folder is named');
    const api = await first.api();
    assert.equal((await api.get('clients')).total, 1);
  });

  test('a port in use is refused; with another port it starts', async () => {
    const datastore = path.join(scratch('port'), 'data');
    const options = ['--port', '--agent-port', '--api-port'];
    for (const which of options) {
      const taken = createServer();
      await new Promise((resolve) => taken.listen(0, '127.0.0.1', resolve));
      const { port } = taken.address();
      const others = options.filter((option) => option !== which).flatMap((option) => [option, '0']);
      const message = await refusal(['--datastore', datastore, which, String(port), ...others]);
      assert.match(message, /in use/);
      assert.ok(message.includes(String(port)), `the port is named: ${message}`);
      assert.match(message, new RegExp(`${which}\\b`), 'the option that helps is named');
      taken.close();
    }
    // The failed starts must not have created the account, so this one announces its password.
    const second = await Peregrine.start({ datastore, args: ['--no-agent'] });
    assert.ok(second.password);
    await second.stop();

    // The port can also be taken at a later start.
    const { port } = new URL(second.url);
    const taken = createServer();
    await new Promise((resolve) => taken.listen(Number(port), '127.0.0.1', resolve));
    const message = await refusal(['--datastore', datastore]);
    assert.match(message, /in use/);
    assert.match(message, /--port/);
    const free = createServer();
    await new Promise((resolve) => free.listen(0, '127.0.0.1', resolve));
    const other = free.address().port;
    await new Promise((resolve) => free.close(resolve));
    const moved = await Peregrine.start({ datastore, credentials: second.credentials, args: ['--no-agent', '--port', String(other)] });
    assert.equal(moved.url, `https://localhost:${other}`);
    taken.close();
    await moved.stop();
  });

  test('a folder that cannot be made or written is refused', async () => {
    const folder = scratch('unwritable');
    const file = path.join(folder, 'file');
    writeFileSync(file, '');
    for (const datastore of [file, path.join(file, 'below')]) {
      const message = await refusal(['--datastore', datastore, '--port', '0', '--agent-port', '0', '--api-port', '0']);
      assert.ok(message.includes(file), `the folder is named: ${message}`);
      assert.match(message, /--datastore/, 'the option that helps is named');
    }
  });

  test('a folder without permission is refused', { skip: process.getuid() !== 0 && 'needs root, to become somebody else' }, async () => {
    const folder = scratch('forbidden');
    chmodSync(folder, 0o755);
    const datastore = path.join(folder, 'data');
    mkdirSync(datastore, { mode: 0o755 });
    // A copy, because other users may not have access to the folder of the program.
    const program = path.join(folder, 'peregrine');
    copyFileSync(binary(), program);
    chmodSync(program, 0o755);
    const child = spawn(program, ['gui', '--no-browser', '--datastore', datastore, '--port', '0', '--agent-port', '0', '--api-port', '0'], { uid: 65534, gid: 65534, cwd: '/', stdio: ['ignore', 'pipe', 'pipe'] });
    let err = '';
    child.stderr.on('data', (text) => (err += text));
    const code = await new Promise((resolve) => child.on('close', resolve));
    assert.equal(code, 1, err);
    assert.match(err, /permission denied/i);
    assert.ok(err.includes(datastore));
    assert.match(err, /--datastore/);
  });

  test('Ctrl-C ends it and its agent, cleanly', async () => {
    const agent = await first.agentReady();
    const { code, signal } = await first.stop('SIGINT');
    assert.deepEqual({ code, signal }, { code: 0, signal: null });
    assert.ok(!isRunning(agent));
    assert.doesNotMatch(first.log, /panicked/);
  });

  test('the next start finds everything again and shows no password', async () => {
    const second = await first.again();
    assert.equal(second.password, null);
    assert.equal(second.url, first.url);
    const api = await second.api();
    const { clients, total } = await api.get('clients');
    assert.equal(total, 1);
    const client = await onlyClient(api);
    assert.equal(client.client_id, clients[0].client_id, 'the agent kept its identity');
    const { tables } = await api.get(`clients/${client.client_id}/interrogation`);
    assert.ok(tables.length > 0, 'the interrogation is still there');
    await second.stop();
  });

  test('killed, it takes its agent along, and starts again', async () => {
    const third = await first.again();
    const agent = await third.agentReady();
    await third.kill();
    await gone(agent);
    const fourth = await first.again();
    const api = await fourth.api();
    await onlyClient(api);
    // The server restarts its agent.
    const pid = await fourth.agentReady();
    process.kill(pid, 'SIGKILL');
    await gone(pid);
    await until('another agent runs', () => fourth.agentPid(), { explain: () => fourth.log });
    await fourth.stop();
    assert.ok(existsSync(path.join(first.datastore, 'peregrine.db')));
  });
});
