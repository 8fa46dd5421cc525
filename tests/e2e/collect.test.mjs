// Collecting in the browser: choose, fill in, check, launch, watch, cancel, export, share.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fillSignIn, launchBrowser, noProblems, openPage, signIn } from './lib/browser.mjs';
import { binary, scratch } from './lib/paths.mjs';
import { Peregrine, onlyClient } from './lib/peregrine.mjs';
import { Ticks } from './lib/ticks.mjs';
import { until } from './lib/wait.mjs';

const FINDER = 'Linux.Search.FileFinder';
const VQL = 'Generic.Client.VQL';

describe('collecting', { timeout: 900_000 }, () => {
  let browser;
  let server;
  let api;
  let client;
  let page;
  let folder;

  before(async () => {
    folder = path.join(scratch('files'), 'evidence');
    mkdirSync(folder);
    for (let size = 1; size <= 30; size += 1) writeFileSync(path.join(folder, `note ${size}, "quoted".txt`), 'x'.repeat(size * 10));
    writeFileSync(path.join(folder, 'big.bin'), Buffer.alloc(200_000));
    browser = await launchBrowser();
    server = await Peregrine.start();
    api = await server.api();
    client = await onlyClient(api);
    page = await openPage(browser, { width: 1500, height: 950 });
    await signIn(page, server, `/clients/${client.client_id}`);
  });
  after(async () => {
    await server?.stop();
    await browser?.close();
  });

  const field = (name) => page.getByRole('textbox', { name, exact: true });
  const launchButton = () => page.getByRole('button', { name: /^Launch/ });
  const badge = (text) => page.locator('.flow-head').getByText(text, { exact: true });
  const results = (source) => page.getByRole('grid', { name: `Results of ${source}` });
  const flowInAddress = () => /\/collections\/(F\.[^/]+)\//.exec(page.url())[1];

  test('the wizard finds by a word of the description, checks what is typed, and shows what it will do', async () => {
    await page.getByRole('link', { name: 'Collect', exact: true }).click();
    await launchButton().waitFor();
    assert.ok(await launchButton().isDisabled(), 'there is nothing to launch yet');
    await page.getByLabel('Find artifacts').fill('hashes uploads');
    await page.getByRole('checkbox', { name: FINDER }).check();

    await field('SearchFilesGlob').fill(`${folder}/**`);
    await field('MaxSize').fill('many');
    await page.getByRole('alert').filter({ hasText: 'Expected a whole number.' }).waitFor();
    assert.ok(await launchButton().isDisabled());
    await field('MaxSize').fill('100000');
    await field('ContentRegex').fill('(');
    await page.getByRole('alert').filter({ hasText: 'not a valid regular expression' }).waitFor();
    assert.ok(await launchButton().isDisabled());
    await field('ContentRegex').fill('');
    await page.getByRole('alert').waitFor({ state: 'detached' });

    const rowsLimit = page.locator('.limits label').filter({ hasText: /^Rows/ }).getByRole('textbox');
    await rowsLimit.fill('some');
    await page.getByText('Expected a number.').waitFor();
    assert.ok(await launchButton().isDisabled());
    await rowsLimit.fill('500');

    const review = page.locator('.collect-section').filter({ has: page.getByRole('heading', { name: 'The same as' }) });
    await review.getByText('collect_client').waitFor();
    await review.getByText('100000').first().waitFor();
    await review.getByText('API call', { exact: true }).click();
    await review.getByText('"max_rows": 500').waitFor();
    await review.getByText('Sent to the machine', { exact: true }).click();
    await review.getByText(/SELECT/).first().waitFor();

    // The draft is kept in the URL.
    await page.reload();
    await launchButton().waitFor();
    assert.equal(await field('MaxSize').inputValue(), '100000');
    assert.equal(await rowsLimit.inputValue(), '500');
    noProblems(page);
  });

  test('launched, its rows are what is on the disk', async () => {
    await launchButton().click();
    await page.waitForURL(/\/results/);
    const ended = await api.ended(client.client_id, flowInAddress());
    assert.equal(ended.state, 'finished', ended.status);
    await badge('Finished').waitFor();
    await results(FINDER).getByText('note 30', { exact: false }).first().waitFor();
    const flow = await api.flow(client.client_id, flowInAddress());
    assert.equal(flow.rows, 30, 'the 30 small files');
    assert.equal(flow.limits?.max_rows ?? flow.request?.max_rows, 500);
    noProblems(page);
  });

  test('what the server refuses is told', async () => {
    await assert.rejects(api.launch(client.client_id, FINDER, { MaxSize: 'many' }), (error) => error.status === 400 && error.code === 'bad_parameter' && error.detail.parameter === 'MaxSize');
    await assert.rejects(api.launch(client.client_id, 'No.Such.Artifact'), (error) => error.status >= 400 && error.status < 500 && /No\.Such\.Artifact/.test(error.message));
    await assert.rejects(api.launch('C.0000000000000000', VQL), (error) => error.status === 404);
  });

  test('sorted, searched and exported: the file holds what is shown', async () => {
    await results(FINDER).getByRole('button', { name: 'Size: sort' }).or(results(FINDER).locator('.th-sort[title^="Size"]')).first().click();
    await page.waitForURL(/sort=asc/);
    await page.getByLabel('Search all columns').fill('note 2');
    await until('the search has been answered', async () => (await page.locator('.toolbar-count').innerText()).trim() === '11 rows');
    const wanted = Array.from({ length: 30 }, (_, at) => at + 1).filter((size) => String(size).startsWith('2')).map((size) => size * 10);
    const downloaded = async (name) => {
      await page.getByRole('button', { name: 'Export' }).click();
      const [download] = await Promise.all([page.waitForEvent('download'), page.locator('.export-menu a').filter({ hasText: name }).first().click()]);
      return { name: download.suggestedFilename(), text: readFileSync(await download.path(), 'utf8') };
    };
    const csv = await downloaded(/^\s*CSV/);
    assert.match(csv.name, /\.csv$/);
    const [head, ...lines] = csv.text.trimEnd().split(/\r?\n/);
    assert.match(head, /^OSPath,Inode,Mode,Size/);
    assert.equal(lines.length, wanted.length);
    assert.ok(lines[0].includes('""quoted""'), 'quotes are doubled');
    const json = JSON.parse((await downloaded(/^\s*JSON\s+one array/)).text);
    assert.deepEqual(json.map((row) => row.Size), wanted);
    const jsonl = (await downloaded(/JSON lines/)).text.trimEnd().split('\n').map((line) => JSON.parse(line));
    assert.deepEqual(jsonl, json);
    noProblems(page);
  });

  test('the address shows the same to somebody else, after signing in', async () => {
    const rowNames = (where) => where.getByRole('grid', { name: `Results of ${FINDER}` }).locator('[data-column="0"]').allInnerTexts();
    await until('the rows are on screen', async () => (await rowNames(page)).length === 11);
    const other = await openPage(browser, { width: 1500, height: 950 });
    await other.goto(page.url());
    await fillSignIn(other, server.credentials);
    await until('the other sees the same rows', async () => (await rowNames(other)).length === 11);
    assert.deepEqual(await rowNames(other), await rowNames(page));
    assert.equal(await other.getByLabel('Search all columns').inputValue(), 'note 2');
    assert.equal(other.url(), page.url());
    noProblems(other);
    await other.context().close();
  });

  test('rows appear while it runs; cancelling ends it on the machine too', { skip: process.getuid() !== 0 && 'needs root, for process events' }, async () => {
    const ticks = new Ticks(`e2e-collect-${process.pid}`);
    try {
      await page.goto(`${server.url}/clients/${client.client_id}/collections/new?artifact=${VQL}`);
      await field('Command').fill(ticks.query());
      await launchButton().click();
      await page.waitForURL(/\/results/);
      const flowId = flowInAddress();
      await until('the machine has begun', async () => (await api.flow(client.client_id, flowId)).state !== 'waiting');
      for (let round = 1; round <= 3; round += 1) {
        // The query misses ticks from before it listens, so repeat them until a row of this round appears.
        const seen = await results(VQL).locator('[data-row]').count().catch(() => 0);
        await until(
          `rows appear, round ${round}`,
          async () => {
            ticks.next();
            return (await results(VQL).locator('[data-row][data-column="0"]').count()) > seen;
          },
          { every: 500 },
        );
        // The state comes with a separate push event, which may arrive later than the rows.
        await badge('Running').waitFor();
      }
      await page.locator('.flow-head').getByRole('button', { name: 'Cancel' }).click();
      await badge('Cancelled').waitFor();
      const flow = await api.flow(client.client_id, flowId);
      assert.equal(flow.state, 'cancelled');
      assert.match(flow.status, /cancelled/i);
      assert.ok(flow.rows >= 3, 'what came is kept');
      await page.locator('.flow-head').getByRole('link', { name: 'Overview' }).click();
      await page.getByRole('status').filter({ hasText: /cancelled by/i }).waitFor();
      await until('the machine has stopped it', async () => (await api.get(`clients/${client.client_id}`)).in_flight_flows.length === 0);
      await page.locator('.flow-head').getByRole('link', { name: 'Logs' }).click();
      await page.getByRole('grid', { name: 'Log of the collection' }).waitFor();
      noProblems(page);
    } finally {
      ticks.end();
    }
  });

  test('a limit ends a collection, and says which', async () => {
    const flowId = await api.launch(client.client_id, VQL, { Command: 'SELECT _value AS N FROM range(end=100000)' }, { max_rows: 100 });
    const flow = await api.ended(client.client_id, flowId);
    assert.equal(flow.state, 'error');
    assert.match(flow.status, /row/i);
    const rows = await api.rows(client.client_id, flowId, VQL);
    assert.ok(rows.length > 0 && rows.length <= 200, `about 100 rows, not ${rows.length}`);
  });

  test('what is stored can be queried on the command line while the server runs', async () => {
    const flowId = await api.launch(client.client_id, VQL, { Command: 'SELECT _value AS N FROM range(end=5000)' });
    await api.ended(client.client_id, flowId);
    const query = (vql, ...more) =>
      execFileSync(binary(), ['query', '--format', 'jsonl', ...more, `--env=ClientId=${client.client_id}`, `--env=FlowId=${flowId}`, vql], { encoding: 'utf8' })
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
    const store = ['--datastore', server.datastore];
    const sums = 'SELECT count() AS Rows, sum(item=N) AS Sum FROM parallelize(query={ SELECT N FROM source(artifact=\'Generic.Client.VQL\') }, batch=700) GROUP BY 1';
    assert.deepEqual(query(sums, ...store), [{ Rows: 5000, Sum: 12_497_500 }]);
    assert.deepEqual(query('SELECT state, total_collected_rows AS Rows FROM flows(client_id=ClientId, flow_id=FlowId)', ...store), [{ state: 'FINISHED', Rows: 5001 }]);
    const named = query('SELECT os_info.hostname AS Name FROM clients()', '--config', path.join(server.datastore, 'server.config.yaml'));
    assert.deepEqual(named, [{ Name: client.hostname }]);
  });

  test('a query with a mistake ends as an error that shows the mistake', async () => {
    const flowId = await api.launch(client.client_id, VQL, { Command: 'SELECT * FROM nonexistent_plugin()' });
    const flow = await api.ended(client.client_id, flowId);
    const logs = await api.logs(client.client_id, flowId);
    assert.ok(`${flow.status}\n${logs.map((line) => line.message).join('\n')}`.includes('nonexistent_plugin'), JSON.stringify({ flow, logs }));
  });
});
