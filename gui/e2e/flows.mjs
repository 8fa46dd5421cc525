// What people do, from signing in to reading rows.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { signIn } from './browser.mjs';
import { BUSY, BY_HAND, count, finder, rows, test } from './suite.mjs';

test('sign-in refuses, then leads where one wanted to go', async ({ page, base, client }) => {
  await page.goto(`${base}/clients/${client}/collections?state=finished`);
  await page.getByLabel('User name').fill('jana');
  await page.getByLabel('Password').fill('wrong');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('User name or password is wrong.').waitFor();
  await page.getByLabel('Password').fill('peregrine');
  await page.keyboard.press('Enter');
  await page.waitForURL(`**/clients/${client}/collections?state=finished`);
  await page.getByText('Generic.System.Pstree').first().waitFor();
});

test('a lost session asks to sign in and comes back', async ({ page, base, client }) => {
  await signIn(page, base, `/clients/${client}`);
  await page.getByRole('heading', { name: 'web-ber-001' }).waitFor();
  // All that the page asks for is here: the next question is that of the click.
  await page.locator('.overview-table').first().waitFor();
  await page.locator('.recent-line').first().waitFor();
  await page.evaluate(() => fetch('/api/v1/test-expire-sessions'));
  await page.getByRole('link', { name: 'Collections', exact: true }).click();
  await page.getByText('Your session ended').waitFor();
  await page.getByLabel('User name').fill('jana');
  await page.getByLabel('Password').fill('peregrine');
  await page.keyboard.press('Enter');
  await page.waitForURL(`**/clients/${client}/collections`);
});

test('the machine list finds, filters and leads to a machine', async ({ page, base }) => {
  await signIn(page, base);
  await count(page).getByText('320 machines').waitFor();
  await page.keyboard.press('/');
  await page.keyboard.type('web-ber-001');
  await count(page).getByText('1 machine').waitFor();
  await page.waitForURL(/q=web-ber-001/);
  await page.getByRole('link', { name: 'web-ber-001' }).first().click();
  await page.getByRole('heading', { name: 'web-ber-001' }).waitFor();
  for (const text of ['Host name', 'web-ber-001.corp.example', 'peregrine 0.1.0', 'First seen', 'Last seen', 'BasicInformation', 'Users']) await page.getByText(text, { exact: true }).first().waitFor();
});

test('labels are added and removed, with undo', async ({ page, base, client }) => {
  await signIn(page, base, `/clients/${client}`);
  await page.getByLabel('Add a label').fill('watch');
  await page.keyboard.press('Enter');
  await page.getByRole('link', { name: 'watch', exact: true }).waitFor();
  await page.getByRole('button', { name: 'Remove label watch' }).click();
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.getByRole('link', { name: 'watch', exact: true }).waitFor();
});

test('three actions without a mouse: find, ask, read while rows come', async ({ page, base, client, mock }) => {
  await signIn(page, base);
  await page.keyboard.press('Control+k');
  await page.keyboard.type('web-ber');
  await page.getByRole('option', { name: /web-ber-001/ }).waitFor();
  await page.keyboard.press('Enter');
  await page.waitForURL(`**/clients/${client}`);
  await page.getByRole('heading', { name: 'web-ber-001' }).waitFor();
  await page.keyboard.press('n');
  await page.keyboard.type('find files');
  await page.waitForFunction(() => document.querySelector('[aria-label="Find artifacts"]')?.value === 'find files');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Linux.Search.FileFinder' }).waitFor();
  await page.locator('.code-block', { hasText: 'collect_client' }).waitFor();
  await page.keyboard.press('Control+Enter');
  await page.waitForURL(/collections\/F\.D1NEW\d+\/results/);
  mock.grow();
  await rows(page).first().waitFor();
  const top = (await rows(page).first().boundingBox()).y;
  const early = await count(page).innerText();
  await page.getByText('1 running').waitFor();
  mock.grow(11);
  await page.locator('.flow-head .state', { hasText: 'Finished' }).waitFor();
  await count(page).getByText('3,000 rows').waitFor();
  assert.notEqual(early, '3,000 rows', 'rows were there before the end');
  assert.equal((await rows(page).first().boundingBox()).y, top, 'no layout shift while rows came');
  await page.getByText('Idle').waitFor();
}, { ...BUSY, ...BY_HAND });

test('the wizard checks values and shows the equivalents', async ({ page, base, client }) => {
  await signIn(page, base, `/clients/${client}/collections/new?artifact=Linux.Search.FileFinder`);
  const size = page.getByRole('textbox', { name: 'MaxSize' });
  await size.fill('many');
  await page.getByText('Expected a whole number.').waitFor();
  assert.ok(await page.getByRole('button', { name: /Launch/ }).isDisabled());
  await size.fill('4096');
  await page.getByRole('checkbox', { name: 'CalculateHash' }).check();
  await page.locator('.code-block', { hasText: "MaxSize='4096'" }).waitFor();
  await page.getByText('Command on the machine', { exact: true }).click();
  await page.locator('.code-block', { hasText: '--args MaxSize=4096' }).waitFor();
  await page.waitForURL((url) => url.searchParams.get('p.Linux.Search.FileFinder.MaxSize') === '4096');
  await page.reload();
  assert.equal(await page.getByRole('textbox', { name: 'MaxSize' }).inputValue(), '4096');
  assert.ok(await page.getByRole('checkbox', { name: 'CalculateHash' }).isChecked());
});

test('a running collection can be cancelled', async ({ page, base, client, mock }) => {
  await signIn(page, base, `/clients/${client}/collections/new?artifact=Linux.Search.FileFinder`);
  await page.getByRole('button', { name: /Launch/ }).click();
  await page.waitForURL(/results/);
  mock.grow();
  await page.locator('.flow-head .state', { hasText: 'Running' }).waitFor();
  await page.getByRole('button', { name: 'Cancel', exact: true }).click();
  const badge = page.locator('.flow-head .state', { hasText: 'Cancelled' });
  await badge.waitFor();
  assert.doesNotMatch(await badge.getAttribute('class'), /state-error/, 'who stopped it knows that it did not fail');
  await page.getByText('Cancelled by jana').first().waitFor();
  assert.equal(await page.locator('.notice-error').count(), 0);
  await page.goto(`${base}/clients/${client}/collections`);
  await page.locator('.table-row .state-wait', { hasText: 'Cancelled' }).first().waitFor();
}, BY_HAND);

test('a table sorts, filters, counts and shows a row, all in the address', async ({ page, base, client }) => {
  await signIn(page, base, finder(client));
  await count(page).getByText('10,000 rows').waitFor();
  await page.getByRole('button', { name: 'Size', exact: true }).click();
  await page.getByRole('button', { name: 'Size', exact: true }).click();
  await page.waitForURL(/sort=desc%3ASize/);
  await page.waitForFunction(() => document.querySelector('.table-row [data-column="1"]')?.textContent?.startsWith('76.3'));
  // Filter for a value from its cell.
  await page.locator('.table-row .td', { hasText: /^jana$/ }).first().hover();
  await page.getByRole('button', { name: /Filter for this value/ }).click();
  await page.waitForFunction(() => /1,9\d\d rows/.test(document.querySelector('.toolbar-count')?.textContent ?? ''));
  // A typed filter from the column menu: larger than 50 MiB.
  await page.getByRole('button', { name: 'Size: column menu' }).click({ force: true });
  await page.locator('.popover:popover-open').getByLabel('Value').fill('50M');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => /^\d{3} rows/.test(document.querySelector('.toolbar-count')?.textContent ?? ''));
  const narrowed = await count(page).innerText();
  await page.reload();
  await count(page).getByText(narrowed).waitFor();
  await page.goBack();
  await page.waitForFunction(() => /1,9\d\d rows/.test(document.querySelector('.toolbar-count')?.textContent ?? ''));
  // Group and count.
  await page.getByRole('button', { name: 'Mode: column menu' }).click({ force: true });
  await page.getByRole('button', { name: /Group and count/ }).click();
  await page.getByText('3 distinct values').waitFor();
  await page.locator('.facet').first().click();
  await page.locator('.chip', { hasText: 'Mode' }).waitFor();
});

test('hostile values are text', async ({ page, base, client }) => {
  await signIn(page, base, `${finder(client)}?row=3`);
  await page.locator('.panel .hidden-char').first().waitFor();
  assert.match(await page.locator('.panel .field', { hasText: 'OSPath' }).innerText(), /gpj⟨U\+202E⟩exe\.\^Gimg/);
  await page.goto(`${base}${finder(client)}?row=5`);
  await page.getByText('<img src=x onerror=alert(1)>').first().waitFor();
  assert.equal(await page.locator('.panel img').count(), 0);
  assert.ok((await page.locator('.td', { hasText: 'hxxp://' }).count()) > 0);
  assert.equal(await page.locator('.td a[href^="http"]').count(), 0);
});

test('a table moves by keyboard', async ({ page, base, client }) => {
  await signIn(page, base, finder(client));
  await rows(page).first().waitFor();
  await page.getByRole('grid').focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Control+ArrowDown');
  await page.locator('[data-row="9999"]').first().waitFor();
  await page.keyboard.press(' ');
  await page.getByRole('heading', { name: 'Row 10,000 of 10,000' }).waitFor();
  await page.keyboard.press('Control+Home');
  await page.getByRole('heading', { name: 'Row 1 of 10,000' }).waitFor();
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('.panel').count(), 0);
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('s');
  await page.waitForURL(/sort=asc%3ASize/);
}, BUSY);

test('columns are hidden, pinned and exported', async ({ page, base, client }) => {
  await signIn(page, base, finder(client));
  await rows(page).first().waitFor();
  await page.getByRole('button', { name: 'Columns' }).click();
  await page.getByRole('checkbox', { name: 'Mtime' }).uncheck();
  await page.keyboard.press('Escape');
  await page.waitForURL(/cols=/);
  assert.equal(await page.getByRole('columnheader', { name: /Mtime/ }).count(), 0);
  await page.getByRole('button', { name: 'Owner: column menu' }).click({ force: true });
  await page.getByRole('button', { name: 'Pin to the left' }).click();
  await page.waitForURL(/pin=Owner/);
  await page.getByRole('button', { name: 'Export' }).click();
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: /CSV/ }).click()]);
  const csv = readFileSync(await download.path(), 'utf8').split('\r\n');
  assert.equal(csv.length, 10_001);
  assert.ok(csv[0].replaceAll('"', '').startsWith('Owner,OSPath,Size'));
  assert.ok(!csv[0].includes('Mtime'));
}, BUSY);

test('a process row opens its family', async ({ page, base, client }) => {
  await signIn(page, base, `/clients/${client}/collections/F.D1PSTREE00001/results?q=kworker`);
  await page.locator('.chain-last', { hasText: 'kworker/u8' }).first().click();
  await page.waitForURL(/processes\?flow=F\.D1PSTREE00001&process=/);
  await page.locator('.tree-node.is-focus', { hasText: 'kworker/u8' }).waitFor();
  await page.locator('.panel', { hasText: 'still running when collected' }).waitFor();
  for (const parent of ['systemd', 'sshd', 'bash', 'sh']) await page.locator('.process-list').first().getByText(parent, { exact: true }).first().waitFor();
  // A fold opens, a branch opens, exited processes are marked.
  const before = await page.locator('.tree-node').count();
  await page.locator('.tree-fold').first().click();
  await page.waitForFunction((old) => document.querySelectorAll('.tree-node').length > old || document.querySelector('canvas'), before);
  await page.getByRole('button', { name: 'Fold' }).click();
  assert.ok((await page.locator('.tree-node.is-exited').count()) > 0);
  // Search leads to a hit that was folded away.
  await page.getByLabel('Search processes').fill('10.4.20.10');
  await page.getByText('– of 1').waitFor();
  await page.keyboard.press('Enter');
  await page.locator('.tree-node.is-selected.is-found', { hasText: 'nc' }).waitFor();
  await page.locator('.panel .field', { hasText: 'nc -zw1 10.4.20.10 445' }).waitFor();
  // As of a moment before it began it is not there yet.
  await page.getByLabel('Show the family as of').fill('100');
  await page.locator('.tree-node.is-future').first().waitFor();
  await page.waitForURL(/at=\d+/);
});

test('the tree moves by keyboard', async ({ page, base, client }) => {
  await signIn(page, base, `/clients/${client}/processes?flow=F.D1PSTREE00001&process=303`);
  await page.locator('.tree-node.is-focus').waitFor();
  await page.getByRole('application').focus();
  await page.keyboard.press('ArrowRight');
  await page.waitForFunction(() => /sel=/.test(location.search));
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('ArrowLeft');
  await page.locator('.tree-node.is-selected', { hasText: 'systemd' }).waitFor();
  await page.keyboard.press('-');
  await page.getByText('80%').waitFor();
}, BUSY);

test(
  'fifty thousand processes stay fluid',
  async ({ page, base, client }) => {
    await signIn(page, base, `/clients/${client}/processes?flow=F.D1PSTREE00001&process=1`);
    await page.locator('.tree-node.is-focus').waitFor();
    await page.getByRole('button', { name: 'Open all' }).click();
    await page.locator('canvas').waitFor();
    const box = await page.locator('.tree-box').boundingBox();
    await page.mouse.move(box.x + 300, box.y + 300);
    await page.evaluate(() => {
      window.frames_ = [];
      let last = performance.now();
      const tick = (now) => {
        window.frames_.push(now - last);
        last = now;
        requestAnimationFrame(tick);
      };
      requestAnimationFrame(tick);
    });
    for (let index = 0; index < 40; index += 1) await page.mouse.wheel(index % 7 ? 0 : 60, 240);
    // Zoomed out, hundreds of boxes are in view.
    await page.keyboard.down('Control');
    for (let index = 0; index < 12; index += 1) await page.mouse.wheel(0, 100);
    await page.keyboard.up('Control');
    for (let index = 0; index < 20; index += 1) await page.mouse.wheel(index % 2 ? -80 : 100, 300);
    const frames = await page.evaluate(() => window.frames_.slice(2).sort((a, b) => a - b));
    const median = frames[Math.floor(frames.length / 2)];
    console.log(`    frame time while scrolling 50,000 boxes: median ${median.toFixed(1)} ms, 95 % ${frames[Math.floor(frames.length * 0.95)].toFixed(1)} ms`);
    await page.screenshot({ path: process.env.SHOTS ? `${process.env.SHOTS}/canvas.png` : '/dev/null' }).catch(() => undefined);
  },
  { processes: 50_000 },
);

test('monitoring is edited and saved', async ({ page, base }) => {
  await signIn(page, base, '/monitoring?add=Linux.Events.DNS');
  await page.getByText('Not saved yet').waitFor();
  await page.getByRole('button', { name: 'Save monitoring' }).click();
  await page.getByText('Monitoring saved').waitFor();
  await page.reload();
  await page.getByText('Linux.Events.DNS').first().waitFor();
  assert.equal(await page.getByText('Not saved yet').count(), 0);
});

test('a password that is too short is refused with the reason', async ({ page, base }) => {
  await signIn(page, base);
  await page.getByRole('button', { name: 'jana' }).click();
  await page.getByRole('button', { name: 'Change password' }).click();
  await page.getByLabel('Current password').fill('peregrine');
  await page.getByLabel('New password', { exact: true }).fill('short');
  await page.getByLabel('New password, again').fill('short');
  await page.getByRole('dialog').getByRole('button', { name: 'Change password' }).click();
  await page.getByText('fewer than 12 characters').waitFor();
});
