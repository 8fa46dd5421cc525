// What holds for every page: nothing scrolls away, nothing is cut, everything can be reached, axe is content.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { signIn } from './browser.mjs';
import { finder, places, rows, test, visit } from './suite.mjs';

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

async function axeFaults(page) {
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate(() => window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
  return violations.map((each) => `${each.id}: ${each.nodes.slice(0, 3).map((node) => `${node.html.slice(0, 160)} ${node.failureSummary?.replace(/\s+/g, ' ').slice(0, 260) ?? ''}`).join(' | ')}`);
}

/** Visits every page, signed in from the second on. */
async function everyPage(page, base, client, look) {
  let signedIn = false;
  for (const [name, path] of Object.entries(places(client))) {
    if (name !== 'sign-in' && !signedIn) {
      await signIn(page, base);
      signedIn = true;
    }
    await visit(page, base, path);
    await look(name);
  }
}

/** What is wrong with the frame: it must not be possible to scroll it away, by hand, by focus or by script. */
const frameFaults = () => {
  const found = [];
  const frames = [document.documentElement, document.body, document.querySelector('#root')];
  for (const frame of frames) {
    frame.scrollTop = 10_000;
    frame.scrollLeft = 10_000;
    if (frame.scrollTop || frame.scrollLeft) found.push(`${frame.tagName} scrolls by ${frame.scrollLeft}, ${frame.scrollTop}`);
  }
  if (document.documentElement.scrollWidth > document.documentElement.clientWidth) found.push(`the document is ${document.documentElement.scrollWidth} wide`);
  if (document.documentElement.scrollHeight > document.documentElement.clientHeight) found.push(`the document is ${document.documentElement.scrollHeight} high`);
  // What is taken out of the flow must belong to a pane, or it stays where it is when the pane scrolls.
  for (const element of document.querySelectorAll('#root *')) {
    if (getComputedStyle(element).position !== 'absolute' || element.matches('.skip') || element.closest('svg, dialog')) continue;
    const anchor = element.offsetParent;
    if (!anchor || frames.includes(anchor)) found.push(`${element.outerHTML.slice(0, 120)} is placed on the frame`);
  }
  return found;
};

/** Numbers, sizes and times whose text does not fit its box. */
const cutNumbers = () => {
  const isNumber = /^[−+-]?[\d.,]+( ?(B|KiB|MiB|GiB|TiB|%|ms|s|m|h|d|Z))?$|^\d{4}-\d\d-\d\d/;
  const found = [];
  for (const element of document.querySelectorAll('#root *')) {
    if (element.closest('.sr-only, svg, .is-pinned-away')) continue;
    const text = element.textContent.trim();
    if (!text || text.length > 40 || !isNumber.test(text)) continue;
    const style = getComputedStyle(element);
    if (style.overflowX === 'visible' || style.display === 'inline') continue;
    if (element.scrollWidth > element.clientWidth) found.push(`${text} (${element.clientWidth} of ${element.scrollWidth} px): ${element.outerHTML.slice(0, 120)}`);
  }
  return found;
};

test('no page can be scrolled out of its window', async ({ page, base, client }) => {
  await everyPage(page, base, client, async (name) => {
    // Everything that takes focus does so, which scrolls it into view.
    await page.evaluate(() => {
      for (const element of document.querySelectorAll('a, button, input, select, textarea, [tabindex]')) element.focus();
      document.querySelector('main')?.focus();
    });
    assert.deepEqual(await page.evaluate(frameFaults), [], `on ${name}`);
  });
});

test('the frame stays when a form below the fold is switched', async ({ page, base, client }) => {
  await signIn(page, base, `/clients/${client}/collections/new?artifact=Linux.Search.FileFinder`);
  await page.getByText('API call', { exact: true }).click();
  await page.locator('.code-block', { hasText: 'POST /api/v1/clients' }).waitFor();
  assert.deepEqual(await page.evaluate(frameFaults), []);
  assert.equal((await page.locator('.shell').boundingBox()).y, 0);
  // By keyboard the pane follows what has the focus.
  await page.keyboard.press('ArrowRight');
  await page.locator('.code-block', { hasText: 'peregrine artifacts collect' }).waitFor();
  assert.equal((await page.locator('.shell').boundingBox()).y, 0);
  await page.getByText('Command on the machine', { exact: true }).waitFor({ state: 'visible' });
});

test('numbers are never cut, on any page', async ({ page, base, client }) => {
  await everyPage(page, base, client, async (name) => assert.deepEqual(await page.evaluate(cutNumbers), [], `on ${name}`));
  // Small numbers first, large ones far below; and a person who makes the column too narrow for them.
  await visit(page, base, `/clients/${client}/collections/F.D1OLD0000029/results`);
  await page.getByRole('grid').focus();
  await page.keyboard.press('Control+End');
  await page.locator('.td', { hasText: /^261728204$/ }).waitFor();
  assert.deepEqual(await page.evaluate(cutNumbers), []);
  const head = page.getByRole('columnheader', { name: /Value/ });
  const edge = await head.locator('.th-edge').boundingBox();
  await page.mouse.move(edge.x + 3, edge.y + 8);
  await page.mouse.down();
  await page.mouse.move(edge.x - 400, edge.y + 8, { steps: 4 });
  await page.mouse.up();
  assert.deepEqual(await page.evaluate(cutNumbers), []);
});

/** Controls that cannot be reached: outside of the window for good, or below something else. */
const unreachable = () => {
  const found = [];
  const wide = document.documentElement.clientWidth;
  const high = document.documentElement.clientHeight;
  for (const element of document.querySelectorAll('a, button, input, select, textarea, summary, h1, h2')) {
    if (element.closest('[popover], dialog, .sr-only, .skip, [role=grid], [aria-hidden=true]') || element.matches('.sr-only, .skip, :disabled')) continue;
    if (!element.checkVisibility({ visibilityProperty: true })) continue;
    element.scrollIntoView({ block: 'center', inline: 'center' });
    const box = element.getBoundingClientRect();
    const name = element.getAttribute('aria-label') || element.textContent.trim().slice(0, 40) || element.outerHTML.slice(0, 80);
    if (box.left < -1 || box.right > wide + 1) {
      found.push(`${name}: ${Math.round(box.left)} to ${Math.round(box.right)} of ${wide}`);
      continue;
    }
    const [x, y] = [(Math.max(box.left, 0) + Math.min(box.right, wide)) / 2, Math.max(1, Math.min(high - 1, (box.top + box.bottom) / 2))];
    const top = document.elementFromPoint(x, y);
    // Details lie over their table until they are closed.
    if (top?.closest('.split-aside') && element.closest('.split-main')) continue;
    if (!top || !(element.contains(top) || top.contains(element) || top.closest('label')?.contains(element))) found.push(`${name}: below ${top?.outerHTML.slice(0, 80)}`);
  }
  return found;
};

for (const [what, width, height] of [
  ['at 390 pixels', 390, 844],
  ['at 200 % zoom', 640, 400],
])
  test(
    `every page works ${what}`,
    async ({ page, base, client }) => {
      await everyPage(page, base, client, async (name) => {
        assert.deepEqual(await page.evaluate(frameFaults), [], `on ${name}`);
        assert.deepEqual(await page.evaluate(cutNumbers), [], `on ${name}`);
        assert.deepEqual(await page.evaluate(unreachable), [], `on ${name}`);
        if (width === 390) assert.deepEqual(await axeFaults(page), [], `on ${name}`);
        // A table is worth having with some rows in view.
        for (const box of await page.locator('.table-scroll').all()) assert.ok((await box.boundingBox()).height >= 160, `the table on ${name} is high enough`);
      });
      // What is done most often: find a row, read it, go back.
      await visit(page, base, finder(client));
      await page.locator('.td').first().click();
      await page.getByRole('heading', { name: /Row 1 of/ }).waitFor();
      await page.getByRole('button', { name: 'Close details' }).click();
      await page.locator('.panel').waitFor({ state: 'detached' });
      await rows(page).first().waitFor();
    },
    { width, height },
  );

test('every place can be reached on a telephone', async ({ page, base, client }) => {
  await signIn(page, base, `/clients/${client}`);
  await page.locator('.overview-table').first().waitFor();
  const rail = page.locator('.rail');
  assert.ok(await rail.evaluate((each) => each.scrollWidth <= each.clientWidth), 'none is out of sight');
  for (const name of ['Machines', 'Collections', 'Processes', 'Events', 'Artifacts', 'Monitoring', 'Server']) await page.getByRole('link', { name, exact: true }).waitFor();
  // The process that was asked for is in view, whole.
  await page.goto(`${base}/clients/${client}/collections/F.D1PSTREE00001/results?q=kworker`);
  await page.locator('.chain-last', { hasText: 'kworker/u8' }).first().evaluate((link) => link.closest('a').click());
  const focus = page.locator('.tree-node.is-focus');
  await focus.waitFor();
  const box = await focus.locator('rect').first().boundingBox();
  assert.ok(box.x >= 0 && box.x + box.width <= 390, `from ${box.x} to ${box.x + box.width}`);
}, { width: 390, height: 844 });

test('room that is left goes to what is cut', async ({ page, base }) => {
  await signIn(page, base);
  await rows(page).first().waitFor();
  const cut = await page.locator('.table-row [data-column="4"]').evaluateAll((cells) => cells.filter((cell) => cell.scrollWidth > cell.clientWidth).length);
  assert.equal(cut, 0, 'addresses are whole');
  assert.deepEqual(await page.evaluate(frameFaults), []);
}, { width: 1920, height: 1080 });

test('the first view is small on the wire', async ({ page, base }) => {
  let bytes = 0;
  const session = await page.context().newCDPSession(page);
  await session.send('Network.enable');
  session.on('Network.loadingFinished', ({ encodedDataLength }) => (bytes += encodedDataLength));
  await signIn(page, base);
  await rows(page).first().waitFor();
  await page.evaluate(() => document.fonts.ready);
  console.log(`    first view, signing in and 200 machines: ${Math.round(bytes / 1024)} kB`);
  assert.ok(bytes > 50_000 && bytes <= 250 * 1024, `${bytes} bytes`);
});

for (const theme of ['light', 'dark'])
  test(
    `axe finds nothing, ${theme}`,
    async ({ page, base, client }) => {
      let signedIn = false;
      for (const [name, path] of Object.entries(places(client))) {
        if (name !== 'sign-in' && !signedIn) {
          await signIn(page, base);
          signedIn = true;
        }
        await visit(page, base, path);
        assert.deepEqual(await axeFaults(page), [], `on ${name}`);
      }
      await page.goto(`${base}/clients`);
      await rows(page).first().waitFor();
      await page.evaluate(axeSource);
      for (const keys of ['?', 'Control+k']) {
        await page.waitForTimeout(200);
        await page.keyboard.press(keys);
        await page.getByRole('dialog').waitFor();
        await page.waitForTimeout(200);
        const { violations } = await page.evaluate(() => window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa'] }));
        assert.deepEqual(violations.map((each) => `${each.id}: ${each.nodes[0].html.slice(0, 200)} ${each.nodes[0].failureSummary}`), [], keys);
        await page.keyboard.press('Escape');
      }
    },
    { theme },
  );
