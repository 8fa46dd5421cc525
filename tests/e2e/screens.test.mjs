// Takes pictures of every page in both themes and two widths for people to review, in `test-results/screens`. With
// PEREGRINE_UPDATE_SCREENSHOTS=1 it also updates the one in the README.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { launchBrowser, noProblems, openPage, signIn } from './lib/browser.mjs';
import { repository } from './lib/paths.mjs';
import { Peregrine, onlyClient } from './lib/peregrine.mjs';
import { actOut } from './lib/story.mjs';
import { until } from './lib/wait.mjs';

const PSTREE = 'Generic.System.Pstree';
const out = path.join(repository, 'test-results', 'screens');

describe('screens', { timeout: 900_000 }, () => {
  let browser;
  let server;
  let story;
  let pages;

  before(async () => {
    mkdirSync(out, { recursive: true });
    browser = await launchBrowser();
    server = await Peregrine.start();
    const api = await server.api();
    const client = await onlyClient(api);
    await until('an event artifact runs on the machine', async () => (await api.collect(client.client_id, 'Generic.Client.VQL', { Command: 'SELECT process_event_source() AS Source FROM scope()' })).rows[0]?.Source);
    story = await actOut();
    const { flowId, rows } = await api.collect(client.client_id, PSTREE);
    const backdoor = rows.find((row) => row.Pid === story.pids.backdoor);
    assert.ok(backdoor);
    const base = `/clients/${client.client_id}`;
    // The path of each page, and a selector that matches once it has loaded.
    const table = '[data-row][data-column="0"]';
    pages = {
      clients: ['/clients', table],
      machine: [base, '.overview-table'],
      collections: [`${base}/collections`, table],
      collect: [`${base}/collections/new?artifact=${PSTREE}`, '.collect-section'],
      'collection-overview': [`${base}/collections/${flowId}/overview`, '.flow-overview'],
      results: [`${base}/collections/${flowId}/results?row=0`, table],
      groups: [`${base}/collections/${flowId}/results?group=Name`, table],
      logs: [`${base}/collections/${flowId}/logs`, table],
      request: [`${base}/collections/${flowId}/request`, '.flow-overview'],
      'process-tree': [`${base}/processes?flow=${flowId}&process=${encodeURIComponent(backdoor.TrackerId)}`, '.tree-toolbar'],
      events: [`${base}/events`, '.page-body *'],
      artifacts: [`/artifacts/${PSTREE}`, 'h1, h2'],
      monitoring: ['/monitoring', 'h1, h2'],
      server: ['/server', 'h1, h2'],
    };
  });
  after(async () => {
    story?.end();
    await server?.stop();
    await browser?.close();
  });

  for (const theme of ['light', 'dark'])
    for (const [width, height] of [
      [1280, 800],
      [1920, 1080],
    ])
      test(`${theme}, ${width} wide`, async () => {
        const page = await openPage(browser, { theme, width, height });
        await page.goto(`${server.url}/sign-in`);
        await page.getByLabel('User name').waitFor();
        await page.screenshot({ path: path.join(out, `sign-in-${theme}-${width}.png`) });
        await signIn(page, server);
        for (const [name, [where, content]] of Object.entries(pages)) {
          await page.goto(server.url + where);
          await page.locator(content).first().waitFor();
          await until(`${name} has loaded`, async () => (await page.locator('[aria-busy=true], .skeleton').count()) === 0 && (await page.getByText(/^Loading/).count()) === 0);
          await page.evaluate(() => document.fonts.ready);
          assert.equal(await page.getByText('Try again').count(), 0, `${name} shows no failure`);
          const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
          assert.equal(overflow, 0, `${name} fits its window`);
          await page.screenshot({ path: path.join(out, `${name}-${theme}-${width}.png`) });
          if (name === 'process-tree' && theme === 'dark' && width === 1920 && process.env.PEREGRINE_UPDATE_SCREENSHOTS === '1') {
            mkdirSync(path.join(repository, 'docs', 'images'), { recursive: true });
            await page.screenshot({ path: path.join(repository, 'docs', 'images', 'process-tree.png') });
          }
        }
        noProblems(page);
        await page.context().close();
      });
});
