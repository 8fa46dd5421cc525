// The story: a backdoor whose parents have all exited, its whole family in the browser, a restart of the agent, and
// reused process ids.
import assert from 'node:assert/strict';
import { copyFileSync, chmodSync, statSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { launchBrowser, noProblems, openPage, signIn } from './lib/browser.mjs';
import { Peregrine, onlyClient } from './lib/peregrine.mjs';
import { gone, run } from './lib/processes.mjs';
import { actOut, chainInProc, reusePid } from './lib/story.mjs';
import { until } from './lib/wait.mjs';

const PSTREE = 'Generic.System.Pstree';
const skip = process.getuid() !== 0 && 'needs root, to hear of processes from the kernel';

describe('the backdoor whose parents are gone', { skip, timeout: 900_000 }, () => {
  let browser;
  let server;
  let api;
  let client;
  let story;
  let strangers = [];

  before(async () => {
    browser = await launchBrowser();
    server = await Peregrine.start();
    api = await server.api();
    client = await onlyClient(api);
    await trackerReady();
    story = await actOut();
  });
  after(async () => {
    for (const stranger of strangers) stranger.kill('SIGKILL');
    story?.end();
    await server?.stop();
    await browser?.close();
  });

  /** Waits until the process tracker receives events from the kernel. */
  async function trackerReady() {
    await until(
      'the tracker follows processes',
      async () => {
        const { rows } = await api.collect(client.client_id, 'Generic.Client.VQL', { Command: 'SELECT process_event_source() AS Source FROM scope()' }, {});
        return ['bpf', 'cn_proc'].includes(rows[0]?.Source?.Kind);
      },
      { explain: () => server.log },
    );
  }

  /** Collects the process tree; returns the backdoor's row, all rows, and the family the server builds from them. */
  async function collect() {
    const { flowId, rows } = await api.collect(client.client_id, PSTREE);
    const row = rows.find((each) => each.Pid === story.pids.backdoor && each.Name === 'kworkerd');
    assert.ok(row, 'the backdoor is listed');
    const family = await api.get(`clients/${client.client_id}/process-tree`, { flow: flowId, process: row.TrackerId });
    return { flowId, row, rows, family };
  }

  /** Checks the end of the call chain; what precedes it depends on what started the test. */
  function assertChain(row) {
    const names = row.CallChain.split(' -> ');
    assert.deepEqual(names.slice(-4), ['fleetd', 'sh', 'sh', 'kworkerd'], row.CallChain);
    assert.ok(names.length > 4, `the chain goes on to the first process: ${row.CallChain}`);
  }

  function assertFamily({ nodes, focus }) {
    const byId = new Map(nodes.map((node) => [node.id, node]));
    const up = [];
    for (let node = byId.get(focus); node && up.length < 100; node = byId.get(node.parent_id)) up.unshift(node);
    const pids = up.map((node) => node.pid);
    const { service, first, second, backdoor } = story.pids;
    assert.deepEqual(pids.slice(-4), [service, first, second, backdoor]);
    assert.deepEqual(up.slice(-4).map((node) => node.exited), [false, true, true, false]);
    const siblings = nodes.filter((node) => node.parent_id === up.at(-2).id && node.id !== focus);
    const [lookup] = siblings.filter((node) => node.name === 'getent');
    const [download] = siblings.filter((node) => node.name === story.download);
    assert.match(lookup?.command_line ?? '', /getent hosts localhost/);
    assert.ok(download?.command_line.includes(story.url), `the download with its address: ${download?.command_line}`);
    for (const node of [lookup, download]) {
      assert.ok(node.exited && node.exit_code === 0, `exit code of ${node.name}: ${node.exit_code}`);
      assert.ok(Date.parse(node.start_time) <= Date.parse(node.end_time), `${node.name}: ${node.start_time} to ${node.end_time}`);
    }
    assert.ok(Date.parse(lookup.start_time) <= Date.parse(download.start_time));
  }

  test('/proc alone knows nothing of it', () => {
    const chain = chainInProc(story.pids.backdoor).map((each) => each.pid);
    for (const name of ['first', 'second', 'service']) assert.ok(!chain.includes(story.pids[name]), `${name} is not in ${chain}`);
  });

  test('the server has the chain through both dead shells, and the siblings with arguments and times', async () => {
    const { row, family } = await collect();
    assertChain(row);
    assertFamily(family);
  });

  test('the browser shows it: collect, find the row, one click to the family', async () => {
    const page = await openPage(browser, { width: 1600, height: 1000 });
    await signIn(page, server, `/clients/${client.client_id}`);
    await page.getByRole('link', { name: 'Collect', exact: true }).click();
    await page.getByLabel('Find artifacts').fill('call chain');
    await page.getByRole('checkbox', { name: PSTREE }).check();
    await page.getByRole('button', { name: /^Launch/ }).click();
    await page.waitForURL(/\/collections\/F\.[^/]+\/results/);
    const rows = page.getByRole('grid', { name: `Results of ${PSTREE}` });
    await page.locator('.flow-head').getByText('Finished').waitFor();
    await page.getByLabel('Search all columns').fill('kworkerd 86399');
    const chain = rows.locator('a.cell-link', { hasText: 'kworkerd' }).first();
    await chain.waitFor();
    await chain.click();
    await page.waitForURL(/\/processes\?/);

    const panel = page.getByRole('region', { name: `Process ${story.pids.backdoor}` });
    await panel.waitFor();
    await page.getByRole('application', { name: /Process family/ }).waitFor();
    const list = (title) => panel.locator('.process-list', { has: page.getByRole('heading', { name: title }) }).getByRole('button', { name: /./ }).and(page.locator('.process-entry'));
    const up = await list('Call chain').allInnerTexts();
    const wanted = [['fleetd', story.pids.service], ['sh', story.pids.first], ['sh', story.pids.second], ['kworkerd', story.pids.backdoor]];
    wanted.forEach(([name, pid], at) => {
      const entry = up.at(at - wanted.length) ?? '';
      assert.ok(entry.includes(name) && entry.includes(String(pid)), `entry ${at}: ${entry}`);
    });
    assert.match(up.at(-2), /exited/);
    const beside = await list('Siblings').allInnerTexts();
    assert.ok(beside.some((entry) => entry.includes('getent')));
    assert.ok(beside.some((entry) => entry.includes(story.download)));

    // A click on a sibling shows its arguments and times; a click on a box of the drawing shows that process.
    await list('Siblings').filter({ hasText: 'hosts localhost' }).click();
    const sibling = page.getByRole('region', { name: /^Process/ }).filter({ hasText: 'exited with 0' });
    await sibling.waitFor();
    const field = (name) => sibling.locator('.field', { has: page.locator('dt', { hasText: new RegExp(`^${name}$`) }) }).locator('dd');
    assert.match(await field('Command line').innerText(), /getent hosts localhost/);
    for (const name of ['Started', 'Ended']) assert.match(await field(name).innerText(), /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/);
    // The URL contains the whole view, so the same process is selected after a reload.
    await page.reload();
    await page.getByRole('region', { name: /^Process/ }).filter({ hasText: 'hosts localhost' }).waitFor();
    noProblems(page);
    await page.context().close();
  });

  for (const signal of ['SIGTERM', 'SIGKILL']) {
    test(`the chain is still there after the agent alone ends by ${signal} and starts again`, async () => {
      const pid = await server.agentReady();
      if (signal === 'SIGKILL') await journalWritten();
      process.kill(pid, signal);
      await gone(pid);
      await until('a new agent runs', () => server.agentPid(), { explain: () => server.log });
      await until('the machine is online again', async () => (await api.get(`clients/${client.client_id}`)).online);
      await trackerReady();
      const { row, family } = await collect();
      assertChain(row);
      assertFamily(family);
    });
  }

  /** Waits until the journal is modified after this call, so that what the tracker knows now is on disk. */
  async function journalWritten() {
    const now = Date.now();
    const journal = path.join(server.datastore, 'agent', 'process_tracker.journal');
    await until('the journal is written', async () => {
      await run('/bin/true', []); // Something to write down.
      return statSync(journal).mtimeMs > now;
    });
  }

  test('the chain stays right when the dead shells’ process ids are used again', async () => {
    const disguise = path.join(story.folder, 'stranger');
    copyFileSync('/bin/sleep', disguise);
    chmodSync(disguise, 0o755);
    for (const pid of [story.pids.first, story.pids.second]) strangers.push(await reusePid(pid, disguise, ['86398']));
    const { row, rows, family } = await collect();
    assertChain(row);
    assertFamily(family);
    for (const { pid } of strangers) {
      const stranger = rows.find((each) => each.Pid === pid && each.Name === 'stranger');
      assert.ok(stranger, `the stranger ${pid} is listed`);
      assert.match(stranger.CallChain, /node -> stranger$/, 'and comes from this test, not from the story');
      const node = family.nodes.find((each) => each.id === stranger.TrackerId);
      const parent = family.nodes.find((each) => each.id === node?.parent_id);
      assert.equal(parent?.pid, process.pid);
      assert.ok(!family.nodes.some((each) => each.parent_id === stranger.TrackerId), 'it inherits no children');
    }
  });
});
