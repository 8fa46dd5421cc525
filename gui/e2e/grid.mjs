// The grid under every table: pages, keys, columns, filters and selection.
import assert from 'node:assert/strict';
import { signIn } from './browser.mjs';
import { BUSY, BY_HAND, count, finder, rows, test } from './suite.mjs';

const grid = (page) => page.getByRole('grid');
const cell = (page, row, column) => page.locator(`[data-row="${row}"][data-column="${column}"]`);
const heads = (page) => page.locator('.th-title').allInnerTexts();
const isRows = (url) => /^\/api\/.*\/results$/.test(new URL(url).pathname);
const offsetOf = (url) => Number(new URL(url).searchParams.get('offset'));
const filtersOf = (url) => JSON.parse(new URL(url).searchParams.get('filter') ?? '[]');
/** Row and column of the cell that the keys are on. */
const place = async (page) => (await grid(page).getAttribute('aria-activedescendant'))?.split('-').slice(-2).map(Number);
const scrollTo = (page, top) => grid(page).evaluate((box, at) => box.scrollTo(0, at), top);

async function openTable(page, base, client, search = '') {
  await signIn(page, base, finder(client) + search);
  await count(page).getByText('10,000 rows').waitFor();
  await cell(page, 0, 0).waitFor();
}

test('a table fetches the pages one looks at, each once', async ({ page, base, client }) => {
  const asked = [];
  page.on('request', (request) => isRows(request.url()) && asked.push(offsetOf(request.url())));
  await openTable(page, base, client);
  await scrollTo(page, 5_000 * 28);
  await cell(page, 5_000, 0).filter({ hasText: '/' }).waitFor();
  await scrollTo(page, 0);
  await cell(page, 0, 0).filter({ hasText: '/' }).waitFor();
  await scrollTo(page, 5_000 * 28);
  await cell(page, 5_000, 0).filter({ hasText: '/' }).waitFor();
  assert.deepEqual([...new Set(asked)], asked, 'none was asked for twice');
  assert.equal(asked[0], 0);
  assert.ok(asked.slice(1).every((offset) => offset === 4_800 || offset === 5_000), `only what was seen: ${asked}`);
});

test('the row of a link is fetched and shown, however far down it is', async ({ page, base, client }) => {
  await openTable(page, base, client, '?row=7654').catch(() => undefined);
  await page.getByRole('heading', { name: 'Row 7,655 of 10,000' }).waitFor();
  await page.locator('.panel .field', { hasText: 'OSPath' }).waitFor();
  await page.locator('.table-row.is-selected[aria-rowindex="7656"]').waitFor();
  // It stays open, with what it holds, while one looks elsewhere; and what is elsewhere comes.
  await scrollTo(page, 2_000 * 28);
  await cell(page, 2_000, 0).filter({ hasText: '/' }).waitFor();
  await page.locator('.panel .field', { hasText: 'OSPath' }).waitFor();
});

test('an answer to a question nobody asks any more is not shown', async ({ page, base, client }) => {
  await openTable(page, base, client);
  const held = [];
  await page.route(isRows, (route) => (route.request().url().includes('jana') ? held.push(route) : route.continue()));
  const search = page.getByRole('searchbox', { name: 'Search all columns' });
  await search.fill('jana');
  // The rows of before stay, marked as such, until the answer is here.
  await page.locator('.table-scroll.is-waiting').waitFor();
  await page.waitForURL(/q=jana/);
  assert.equal(await rows(page).first().getAttribute('aria-rowindex'), '2');
  await search.fill('root');
  await page.waitForFunction(() => /^1,\d{3} rows$/.test(document.querySelector('.toolbar-count')?.textContent ?? ''));
  const shown = await count(page).innerText();
  assert.ok(held.length > 0);
  const late = { columns: [{ name: 'OSPath' }], total: 1, offset: 0, rows: [['/late']], complete: true };
  for (const route of held) await route.fulfill({ json: late }).catch(() => undefined);
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  assert.equal(await count(page).innerText(), shown);
  assert.equal(await page.getByText('/late').count(), 0);
  assert.equal(await page.locator('.is-waiting').count(), 0);
});

test('a cell under the pointer adds its filter to those there are, also before they are answered', async ({ page, base, client }) => {
  // Sorted, so that the line of chips is there already and no row moves away from under the pointer.
  await openTable(page, base, client, '?sort=asc:OSPath');
  const owner = (await heads(page)).indexOf('Owner');
  const mode = (await heads(page)).indexOf('Mode');
  await grid(page).focus();
  await page.keyboard.press('ArrowDown');
  for (let column = 0; column < owner; column += 1) await page.keyboard.press('ArrowRight');
  assert.deepEqual(await place(page), [0, owner]);
  await cell(page, 5, mode).hover();
  const tool = page.locator('.cell-tools').getByRole('button', { name: /Filter for this value/ });
  await tool.waitFor();
  // The answer to the first filter takes its time; the rows, and the tools on one of them, are those of before.
  let release = () => undefined;
  const released = new Promise((done) => (release = done));
  await page.route(isRows, async (route) => {
    if (filtersOf(route.request().url()).length === 1) await released;
    await route.continue().catch(() => undefined);
  });
  await page.keyboard.press('f');
  await page.locator('.chip', { hasText: 'Owner' }).waitFor();
  await tool.click();
  await page.locator('.chip', { hasText: 'Mode' }).waitFor();
  release();
  await page.waitForURL((url) => filtersOf(url.href).map(([column]) => column).join() === 'Owner,Mode');
});

test('a cell filters for its value, against it, and for NULL', async ({ page, base, client }) => {
  await openTable(page, base, client);
  const owner = (await heads(page)).indexOf('Owner');
  const value = await cell(page, 3, owner).innerText();
  await cell(page, 3, owner).hover();
  await page.getByRole('button', { name: 'Filter out this value (x)' }).click();
  await page.locator('.chip', { hasText: 'Owner' }).getByText('≠').waitFor();
  await page.waitForFunction(() => !document.querySelector('.is-waiting'));
  await page.waitForFunction(([old, at]) => [...document.querySelectorAll(`[data-column="${at}"]`)].every((each) => each.textContent !== old), [value, owner]);
  // The opposite takes its place.
  await page.goto(`${base}${finder(client)}?filter=${encodeURIComponent(JSON.stringify([['Owner', 'ne', 'nobody']]))}&row=3`);
  await page.getByRole('button', { name: 'Filter for this Owner' }).click();
  await page.waitForURL(/eq/);
  const null_ = page.locator('.td', { has: page.locator('.cell-null') }).first();
  await null_.hover();
  await page.locator('.cell-tools').getByRole('button', { name: /Filter for this value/ }).click();
  await page.locator('.chip', { hasText: 'is NULL' }).waitFor();
});

test('keys move by cell, by page and to the ends, and copy', async ({ page, base, client }) => {
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await openTable(page, base, client);
  const press = async (key, row, column) => {
    await page.keyboard.press(key);
    await page.waitForFunction((want) => document.querySelector('[role=grid]')?.getAttribute('aria-activedescendant')?.endsWith(want), `-${row}-${column}`);
  };
  const last = (await heads(page)).length - 1;
  await grid(page).focus();
  assert.equal(await place(page), undefined);
  await press('ArrowDown', 0, 0);
  await press('ArrowDown', 1, 0);
  await press('ArrowRight', 1, 1);
  await press('ArrowUp', 0, 1);
  await press('ArrowUp', 0, 1);
  await press('ArrowLeft', 0, 0);
  await press('j', 1, 0);
  await press('k', 0, 0);
  await press('End', 0, last);
  await press('ArrowRight', 0, last);
  await press('Home', 0, 0);
  const step = Math.floor(((await grid(page).evaluate((box) => box.clientHeight)) - 30) / 28) - 1;
  await press('PageDown', step, 0);
  await press('PageUp', 0, 0);
  await press('Control+End', 9_999, last);
  await cell(page, 9_999, last).waitFor();
  await press('Control+ArrowUp', 0, last);
  await press('Control+ArrowDown', 9_999, last);
  await press('Control+Home', 0, 0);
  // What is pinned does not hide the cell one moves to.
  await page.locator('.td.is-current').waitFor();
  await press('ArrowRight', 0, 1);
  await page.keyboard.press('c');
  await page.getByText('Copied').waitFor();
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), /^\d+$/, 'the number, not how it is shown');
  // Keys with Alt belong to the browser.
  await page.keyboard.press('Alt+f');
  assert.deepEqual(filtersOf(page.url()), []);
  await page.keyboard.press('Escape');
  await page.waitForFunction(() => !document.querySelector('[role=grid]')?.getAttribute('aria-activedescendant'));
}, BUSY);

test('columns hidden, moved and resized stay so', async ({ page, base, client }) => {
  await openTable(page, base, client);
  const before = await heads(page);
  assert.deepEqual(before.slice(0, 3), ['OSPath', 'Size', 'Mtime']);
  const head = (name) => page.getByRole('columnheader', { name });
  await page.getByRole('button', { name: 'Size: column menu' }).click({ force: true });
  await page.getByRole('button', { name: 'Hide column' }).click();
  await head('Size').waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Mtime: column menu' }).click({ force: true });
  await page.getByRole('button', { name: 'Move left' }).click();
  await page.waitForFunction(() => document.querySelector('.th-title')?.textContent === 'Mtime');
  await head('Owner').dragTo(head('Mtime'));
  await page.waitForFunction(() => document.querySelector('.th-title')?.textContent === 'Owner');
  const edge = await head('OSPath').locator('.th-edge').boundingBox();
  const width = (await head('OSPath').boundingBox()).width;
  await page.mouse.move(edge.x + edge.width / 2, edge.y + 8);
  await page.mouse.down();
  await page.mouse.move(edge.x + edge.width / 2 - 120, edge.y + 8, { steps: 4 });
  await page.mouse.up();
  const narrower = (await head('OSPath').boundingBox()).width;
  assert.ok(Math.abs(width - 120 - narrower) < 2, `${width} became ${narrower}`);
  const after = ['Owner', 'Mtime', 'OSPath', ...before.slice(3).filter((name) => name !== 'Owner')];
  assert.deepEqual(await heads(page), after);
  await page.reload();
  await rows(page).first().waitFor();
  assert.deepEqual(await heads(page), after);
  assert.equal((await head('OSPath').boundingBox()).width, narrower);
  // Cells stand under their heads.
  assert.equal(await cell(page, 0, 2).innerText().then((text) => text[0]), '/');
  assert.equal((await cell(page, 0, 2).boundingBox()).x, (await head('OSPath').boundingBox()).x);
  await page.getByRole('button', { name: 'Columns' }).click();
  await page.getByRole('button', { name: 'Reset columns and widths' }).click();
  await page.waitForFunction(() => document.querySelector('.th-title')?.textContent === 'OSPath');
  assert.deepEqual(await heads(page), before);
  assert.equal((await head('OSPath').boundingBox()).width, width);
});

test('the open row and the current cell stay while rows come', async ({ page, base, client, mock }) => {
  await signIn(page, base, `/clients/${client}/collections/new?artifact=Linux.Search.FileFinder`);
  await page.getByRole('button', { name: /Launch/ }).click();
  await page.waitForURL(/results/);
  mock.grow();
  await cell(page, 2, 0).waitFor();
  await cell(page, 2, 0).click();
  const title = page.getByRole('heading', { name: /^Row 3 of/ });
  const early = await title.innerText();
  const path = await page.locator('.panel .field', { hasText: 'OSPath' }).innerText();
  mock.grow();
  await page.waitForFunction((old) => document.querySelector('.panel h2')?.textContent !== old, early);
  mock.grow(10);
  await count(page).getByText('3,000 rows').waitFor();
  await page.getByRole('heading', { name: 'Row 3 of 3,000' }).waitFor();
  assert.equal(await page.locator('.panel .field', { hasText: 'OSPath' }).innerText(), path);
  assert.equal(await page.locator('.table-row.is-selected').getAttribute('aria-rowindex'), '4');
  assert.deepEqual(await place(page), [2, 0]);
  // Keys go on from there, and the panel goes with them.
  await page.keyboard.press('ArrowDown');
  await page.getByRole('heading', { name: 'Row 4 of 3,000' }).waitFor();
}, BY_HAND);
