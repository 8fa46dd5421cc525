// What went wrong for the first people who used it, each as they saw it.
import assert from 'node:assert/strict';
import { signIn } from './browser.mjs';
import { BUSY, BY_HAND, count, finder, rows, test, visit } from './suite.mjs';

const popover = (page) => page.locator('.popover:popover-open');

test('a part that does not load says so, and comes when it can', async ({ page, base }) => {
  await signIn(page, base);
  await page.route('**/assets/Monitoring-*.js', (route) => route.abort());
  await page.getByRole('link', { name: 'Monitoring' }).click();
  await page.getByRole('heading', { name: 'This page did not load' }).waitFor();
  assert.equal(await page.getByText('Unexpected Application Error').count(), 0);
  // The frame is still there, and other pages open.
  await page.getByRole('link', { name: 'Server' }).click();
  await page.getByRole('heading', { name: 'Audit log' }).waitFor();
  await page.getByRole('link', { name: 'Monitoring' }).click();
  await page.getByRole('heading', { name: 'This page did not load' }).waitFor();
  await page.unroute('**/assets/Monitoring-*.js');
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByRole('heading', { name: 'Client monitoring' }).waitFor();
  page.problems = [];
});

test('a page inside a machine that does not load leaves the machine', async ({ page, base, client }) => {
  await signIn(page, base, `/clients/${client}`);
  await page.locator('.overview-table').first().waitFor();
  await page.route('**/assets/ProcessPage-*', (route) => route.abort());
  await page.getByRole('link', { name: 'Processes' }).click();
  await page.getByRole('heading', { name: 'This page did not load' }).waitFor();
  await page.getByRole('heading', { name: 'web-ber-001' }).waitFor();
  page.problems = [];
});

test('after an upgrade a page loads the new version by itself', async ({ page, base }) => {
  await signIn(page, base);
  // The old version's files are gone, and the start page names another script.
  let upgraded = false;
  await page.route('**/assets/Monitoring-*.js', (route) => (upgraded ? route.continue() : route.fulfill({ status: 404 })));
  await page.route(`${base}/`, (route) => {
    upgraded = true;
    return route.fulfill({ contentType: 'text/html', body: '<!doctype html><script type="module" src="/assets/index-new.js"></script>' });
  });
  await page.getByRole('link', { name: 'Monitoring' }).click();
  await page.getByRole('heading', { name: 'Client monitoring' }).waitFor();
  page.problems = [];
});

test('a server that goes and comes back takes nothing down with it', async ({ page, base, mock }) => {
  await signIn(page, base);
  await page.locator('.table-row .is-online').first().waitFor();
  const { port } = mock.server.address();
  mock.server.closeAllConnections();
  await new Promise((resolve) => mock.server.close(resolve));
  // Nobody knows now who is online.
  await page.getByText('Reconnecting…').waitFor();
  await page.locator('.table-row .is-unknown', { hasText: 'unknown' }).first().waitFor();
  assert.equal(await page.locator('.is-online').count(), 0);
  await page.getByRole('link', { name: 'Monitoring' }).click();
  await page.getByRole('heading', { name: 'No answer from the server' }).waitFor();
  await new Promise((resolve) => mock.server.listen(port, '127.0.0.1', resolve));
  await page.getByRole('heading', { name: 'Client monitoring' }).waitFor();
  await page.getByRole('link', { name: 'Machines', exact: true }).click();
  await page.locator('.table-row .is-online').first().waitFor();
  page.problems = [];
});

test('a wrong current password is a fault of the form, not the end of the session', async ({ page, base }) => {
  await signIn(page, base);
  await page.getByRole('button', { name: 'jana' }).click();
  await page.getByRole('button', { name: 'Change password' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Current password').fill('not this one');
  await dialog.getByLabel('New password', { exact: true }).fill('a much longer one');
  await dialog.getByLabel('New password, again').fill('a much longer one');
  await dialog.getByRole('button', { name: 'Change password' }).click();
  await dialog.getByText('The current password is wrong.').waitFor();
  // Servers before this one said it with 401, which is no lost session either.
  await page.route('**/api/v1/session/password', (route) => route.fulfill({ status: 401, contentType: 'application/json', body: '{"error":{"code":"bad_credentials","message":"user name or password is wrong","detail":null}}' }));
  await dialog.getByLabel('Current password').fill('nor this');
  await dialog.getByRole('button', { name: 'Change password' }).click();
  await dialog.getByText('The current password is wrong.').waitFor();
  assert.ok(!page.url().includes('sign-in'));
  await page.keyboard.press('Escape');
  await count(page).getByText('320 machines').waitFor();
});

test('a time typed in Local is meant in Local', async ({ page, base, client }) => {
  await signIn(page, base, finder(client));
  await rows(page).first().waitFor();
  await page.getByRole('button', { name: /^UTC/ }).click();
  await page.getByRole('button', { name: 'Mtime: column menu' }).click({ force: true });
  await popover(page).getByText('Local (Europe/Berlin)').waitFor();
  await popover(page).getByLabel('Value').fill('2026-11-01 10:30');
  await page.keyboard.press('Enter');
  await page.waitForURL(/2026-11-01T09%3A30%3A00\.000Z/);
  const chip = page.locator('.chip', { hasText: 'Mtime' });
  await chip.getByText('2026-11-01 10:30:00+01:00').waitFor();
  // The same moment in the other zone, and still the same after it was looked at and sent again.
  await page.getByRole('button', { name: /^Local/ }).click();
  await chip.getByText('2026-11-01 09:30:00 UTC').waitFor();
  await chip.getByRole('button').first().click();
  assert.equal(await popover(page).getByLabel('Value').inputValue(), '2026-11-01 09:30:00Z');
  await popover(page).getByText('UTC', { exact: true }).waitFor();
  await page.keyboard.press('Enter');
  await page.waitForURL(/2026-11-01T09%3A30%3A00\.000Z/);
});

test('a time parameter says its zone, and what is sent is the moment meant', async ({ page, base, client }) => {
  await signIn(page, base, `/clients/${client}/collections/new?artifact=Linux.Search.FileFinder`);
  await page.getByRole('button', { name: /^UTC/ }).click();
  const field = page.getByRole('textbox', { name: 'MoreRecentThan' });
  await field.fill('2026-07-01 10:30');
  await page.locator('.param', { hasText: 'MoreRecentThan' }).getByText('Local (Europe/Berlin)').waitFor();
  await page.locator('.code-block', { hasText: "MoreRecentThan='2026-07-01T08:30:00Z'" }).waitFor();
  assert.equal(await field.inputValue(), '2026-07-01 10:30');
  await page.reload();
  await page.waitForFunction(() => document.querySelector('.param-time input')?.value.startsWith('2026-07-01 10:30:00+02:00'));
});

test('deleting a collection asks, and the word has to be typed', async ({ page, base, client }) => {
  await signIn(page, base, finder(client));
  await rows(page).first().waitFor();
  const open = async () => {
    await page.getByRole('button', { name: 'More' }).click();
    await page.getByRole('button', { name: 'Delete this collection…' }).click();
  };
  await open();
  const dialog = page.getByRole('dialog', { name: 'Delete this collection?' });
  await dialog.getByText('10,000 rows').waitFor();
  assert.ok(await dialog.evaluate((box) => box.scrollWidth <= box.clientWidth), 'all of it can be read');
  assert.ok(await dialog.getByRole('button', { name: 'Delete collection' }).isDisabled());
  await page.keyboard.press('Enter');
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  await rows(page).first().waitFor();
  await open();
  await page.keyboard.type('delete');
  await page.keyboard.press('Enter');
  await page.waitForURL(`**/clients/${client}/collections`);
  await page.getByText('Collection deleted').waitFor();
  await count(page).getByText('34 collections').waitFor();
});

test('monitoring that is not saved is not lost by leaving', async ({ page, base }) => {
  await signIn(page, base, '/monitoring?add=Linux.Events.DNS');
  await page.getByText('Not saved yet').waitFor();
  await page.getByRole('link', { name: 'Server' }).click();
  const dialog = page.getByRole('dialog', { name: 'Monitoring is not saved' });
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  assert.match(page.url(), /monitoring/);
  await page.getByText('Not saved yet').waitFor();
  // Keys and the back button are asked, too.
  await page.keyboard.press('g');
  await page.keyboard.press('a');
  await dialog.getByRole('button', { name: 'Save and leave' }).click();
  await page.waitForURL('**/artifacts');
  await page.getByRole('link', { name: 'Monitoring' }).click();
  await page.getByText('Linux.Events.DNS').first().waitFor();
  assert.equal(await page.getByText('Not saved yet').count(), 0);
  // Discarded by mistake: undone. Left without saving: gone for good, as was asked.
  await page.getByRole('button', { name: 'Stop monitoring Linux.Events.DNS' }).click();
  await page.getByRole('button', { name: 'Discard changes' }).click();
  await page.getByText('Linux.Events.DNS').first().waitFor();
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.getByText('Not saved yet').waitFor();
  await page.getByRole('link', { name: 'Server' }).click();
  await dialog.getByRole('button', { name: 'Leave without saving' }).click();
  await page.waitForURL('**/server');
  await page.getByRole('link', { name: 'Monitoring' }).click();
  await page.getByText('Linux.Events.DNS').first().waitFor();
  assert.equal(await page.getByText('Not saved yet').count(), 0);
});

test('monitoring that is not saved outlives the session', async ({ page, base }) => {
  await signIn(page, base, '/monitoring?add=Linux.Events.DNS');
  await page.getByText('Not saved yet').waitFor();
  await page.evaluate(() => fetch('/api/v1/test-expire-sessions'));
  await page.getByRole('button', { name: 'Save monitoring' }).click();
  await page.getByText('Your session ended').waitFor();
  await page.getByLabel('User name').fill('jana');
  await page.getByLabel('Password').fill('peregrine');
  await page.keyboard.press('Enter');
  await page.getByText('Not saved yet').waitFor();
  await page.getByText('Linux.Events.DNS').first().waitFor();
});

test('a collection that was not launched is there again', async ({ page, base, client }) => {
  await signIn(page, base, `/clients/${client}/collections/new?artifact=Linux.Search.FileFinder`);
  await page.getByRole('textbox', { name: 'MaxSize' }).fill('4096');
  // At once, before the address has followed.
  await page.getByRole('link', { name: 'Server' }).click();
  await page.getByRole('heading', { name: 'Audit log' }).waitFor();
  await page.keyboard.press('n');
  await page.getByText('This is the collection you did not launch.').waitFor();
  assert.equal(await page.getByRole('textbox', { name: 'MaxSize' }).inputValue(), '4096');
  await page.getByRole('button', { name: 'Start afresh' }).click();
  await page.getByRole('heading', { name: 'What do you want to know?' }).waitFor();
  await page.goto(`${base}/server`);
  await page.getByRole('heading', { name: 'Audit log' }).waitFor();
  await page.goto(`${base}/clients/${client}/collections/new`);
  await page.getByRole('heading', { name: 'What do you want to know?' }).waitFor();
});

test('n leads to the search box, whatever is typed meanwhile', async ({ page, base, client }) => {
  await signIn(page, base, `/clients/${client}/collections`);
  await rows(page).first().waitFor();
  await page.getByRole('grid').focus();
  await page.keyboard.press('n');
  await page.keyboard.type('netst');
  await page.waitForFunction(() => document.querySelector('[aria-label="Find artifacts"]')?.value === 'netst' && document.activeElement?.getAttribute('aria-label') === 'Find artifacts');
  await page.keyboard.type('at');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Linux.Network.Netstat' }).waitFor();
  // On the page itself it leads back to the box, and loses nothing.
  await page.getByRole('heading', { name: 'Linux.Network.Netstat' }).click();
  await page.getByLabel('Urgent').focus();
  await page.keyboard.press('n');
  await page.waitForFunction(() => document.activeElement?.getAttribute('aria-label') === 'Find artifacts');
  await page.getByRole('heading', { name: 'Linux.Network.Netstat' }).waitFor();
}, BUSY);

test('g and a letter lead somewhere from within a table, a tree and a switch', async ({ page, base, client }) => {
  await signIn(page, base, `/clients/${client}`);
  await page.locator('.overview-table').first().waitFor();
  const go = async (letter, url) => {
    await page.keyboard.press('g');
    await page.keyboard.press(letter);
    await page.waitForURL(url);
  };
  const inTable = async () => {
    await rows(page).first().waitFor();
    await page.getByRole('grid').focus();
    await page.keyboard.press('ArrowDown');
  };
  await page.goto(base + finder(client));
  await inTable();
  await go('c', `**/clients/${client}/collections`);
  await inTable();
  await go('s', '**/server');
  await inTable();
  await go('m', '**/clients');
  await page.getByRole('radio', { name: 'Online' }).focus();
  await go('a', '**/artifacts');
  await page.goto(`${base}/clients/${client}/processes?flow=F.D1PSTREE00001&process=303`);
  await page.getByRole('application').focus();
  await go('c', `**/clients/${client}/collections`);
  // An unknown second letter does nothing at all: not even what the table would do with it.
  await page.goto(base + finder(client));
  await inTable();
  await page.keyboard.press('g');
  await page.keyboard.press('x');
  await page.keyboard.press('ArrowDown');
  assert.equal(new URL(page.url()).search, '');
}, BUSY);

test('events come newest first and as they happen', async ({ page, base, client }) => {
  await signIn(page, base, `/clients/${client}/events/Linux.Events.ProcessExecutions`);
  const first = page.locator('[data-row="0"]');
  const newest = async () => Number(/late (\d+)/.exec(await first.filter({ hasText: /^late \d+$/ }).first().innerText())?.[1]);
  await first.filter({ hasText: /^late \d+$/ }).first().waitFor();
  const before = await newest();
  await page.waitForFunction((old) => Number(/late (\d+)/.exec([...document.querySelectorAll('[data-row="0"]')].map((cell) => cell.textContent).join(' '))?.[1]) > old + 1, before);
  // The head names two times apart.
  const heads = (await page.locator('.th-title').allInnerTexts()).slice(0, 2);
  assert.deepEqual(heads, ['Received', 'Time']);
  // Rows are in order, the newest at the top, and none is there twice.
  const pids = (await page.locator('.td').filter({ hasText: /^late \d+$/ }).allInnerTexts()).map((text) => Number(text.slice(5)));
  assert.deepEqual(pids, [...new Set(pids)].sort((a, b) => b - a));
  // Reading a row, one is not disturbed; what came is told and waits.
  await first.filter({ hasText: /^late/ }).click();
  await page.getByRole('heading', { name: /^Event 1 of/ }).waitFor();
  const read = await newest();
  await page.getByRole('button', { name: /\d+ new events/ }).waitFor();
  assert.equal(await newest(), read);
  await page.getByRole('button', { name: 'Close details' }).click();
  await page.getByRole('button', { name: /\d+ new events?/ }).click();
  await page.waitForFunction((old) => Number(/late (\d+)/.exec([...document.querySelectorAll('[data-row="0"]')].map((cell) => cell.textContent).join(' '))?.[1]) > old, read);
  // The oldest is at the end.
  await page.getByRole('grid').focus();
  await page.keyboard.press('Control+End');
  await page.locator('.td', { hasText: '/sbin/init' }).waitFor();
}, { eventsEveryMs: 300 });

test('a wrong machine in a link is not chosen', async ({ page, base, client }) => {
  await signIn(page, base, `/clients/${client}`);
  await page.locator('.overview-table').first().waitFor();
  await page.goto(`${base}/clients/C.ffffffffffffffff`);
  await page.getByRole('heading', { level: 1, name: 'Not found' }).waitFor();
  await page.locator('.selected-machine', { hasText: 'web-ber-001' }).waitFor();
  assert.equal(await page.locator('.rail a[href*="ffff"]').count(), 0);
  await page.getByRole('link', { name: 'All machines', exact: true }).click();
  await count(page).getByText('320 machines').waitFor();
  await page.keyboard.press('g');
  await page.keyboard.press('c');
  await page.waitForURL(`**/clients/${client}/collections`);
});

test('an unknown parameter in a link is explained and can be taken out', async ({ page, base, client }) => {
  await signIn(page, base, `/clients/${client}/collections/new?artifact=Linux.Search.FileFinder&p.Linux.Search.FileFinder.Globb=%2Fx&p.Linux.Search.FileFinder.maxsize=7`);
  await page.getByText('Linux.Search.FileFinder has no parameter Globb. The value given is /x.').waitFor();
  const launch = page.getByRole('button', { name: /Launch/ });
  assert.ok(await launch.isDisabled());
  await page.locator('.collect-why', { hasText: 'has no parameter Globb: take it out.' }).waitFor();
  await page.locator('.unknown-parameter', { hasText: 'maxsize' }).getByRole('button', { name: 'Use it for MaxSize' }).click();
  assert.equal(await page.getByRole('textbox', { name: 'MaxSize' }).inputValue(), '7');
  await page.locator('.unknown-parameter', { hasText: 'Globb' }).getByRole('button', { name: 'Take it out' }).click();
  await page.waitForFunction(() => !document.querySelector('.collect-why'));
  await launch.click();
  await page.waitForURL(/collections\/F\.D1NEW\d+\/results/);
});

test('a launch that cannot be says why', async ({ page, base, client }) => {
  await signIn(page, base, `/clients/${client}/collections/new`);
  const why = page.locator('.collect-why');
  await why.getByText('Choose an artifact first.').waitFor();
  await page.getByRole('button', { name: 'Linux.Search.FileFinder' }).click();
  await why.waitFor({ state: 'detached' });
  await page.getByRole('textbox', { name: 'MaxSize' }).fill('many');
  await why.getByText('The value of MaxSize cannot be used.').waitFor();
  await page.getByLabel('Rows').fill('lots');
  await why.getByText('And 1 more fault.').waitFor();
});

test('a collection that runs shows how long, one that failed what is left of it', async ({ page, base, client, mock }) => {
  await signIn(page, base, `/clients/${client}/collections/new?artifact=Linux.Search.FileFinder`);
  await page.getByRole('button', { name: /Launch/ }).click();
  await page.waitForURL(/results/);
  mock.grow();
  await page.locator('.flow-head .state', { hasText: 'Running' }).waitFor();
  await page.getByRole('link', { name: 'Overview' }).last().click();
  const took = page.locator('.facts div', { hasText: /^Took/ }).locator('dd');
  await page.waitForFunction(() => [...document.querySelectorAll('.facts div')].some((fact) => /^Took[1-9]/.test(fact.textContent)));
  assert.doesNotMatch(await took.innerText(), /^0/);
  await visit(page, base, `/clients/${client}/collections`);
  assert.equal(await page.locator('.td', { hasText: /^0 ms$/ }).count(), 0);
  await page.locator('.table-row .state', { hasText: 'Incomplete' }).waitFor();
  await visit(page, base, `/clients/${client}/collections/F.D1CRON0000003/results`);
  await page.getByRole('alert').getByText('The 3 rows that came before are kept.').waitFor();
}, BY_HAND);

test('what is not there is told from what only looks so', async ({ page, base, client }) => {
  await signIn(page, base, finder(client));
  await rows(page).first().waitFor();
  await page.locator('.td .cell-null', { hasText: 'NULL' }).first().waitFor();
  await page.locator('.td .cell-unset').first().waitFor();
  assert.equal(await page.getByText('1970-01-01').count(), 0);
  // Sizes that round to one text are still told apart.
  await page.goto(`${base}${finder(client)}?group=Size`);
  await page.locator('.facet-exact', { hasText: /^[\d,]+ B$/ }).first().waitFor();
  const texts = await page.locator('.facet-value').allInnerTexts();
  assert.equal(new Set(texts).size, texts.length);
});

test('marks in notes are set, not shown', async ({ page, base, client }) => {
  await signIn(page, base, '/artifacts/Linux.Network.Netstat');
  await page.locator('.plain-table code', { hasText: /^Listening$/ }).waitFor();
  assert.equal(await page.locator('.plain-table, .picker-text, .markdown p').getByText('`').count(), 0);
  await page.goto(`${base}/clients/${client}/collections/new?artifact=Linux.Network.Netstat`);
  await page.locator('.param-note code', { hasText: 'Listening' }).waitFor();
  assert.equal(await page.locator('.param, .picker').getByText('`').count(), 0);
  // Messages of the server are sentences.
  await page.goto(`${base}/artifacts/No.Such`);
  await page.getByText('Artifact No.Such not found').waitFor();
});

test('who stopped a collection is told from what failed, also in the list', async ({ page, base, client }) => {
  await signIn(page, base, `/clients/${client}/collections/new?artifact=Linux.Search.FileFinder`);
  await page.getByRole('button', { name: /Launch/ }).click();
  await page.getByRole('button', { name: 'Cancel', exact: true }).click();
  await page.locator('.flow-head .state', { hasText: 'Cancelled' }).waitFor();
  await page.goto(`${base}/clients/${client}/collections?state=error`);
  await count(page).getByText('1 collection').waitFor();
  await page.locator('.table-row', { hasText: 'Linux.Sys.Crontab' }).waitFor();
  await page.getByText('Cancelled', { exact: true }).click();
  await page.locator('.table-row', { hasText: 'Linux.Search.FileFinder' }).waitFor();
  await count(page).getByText('1 collection').waitFor();
  await page.waitForURL(/state=cancelled/);
}, BY_HAND);

test('a hidden value is asked for again, and is written down nowhere', async ({ page, base, client }) => {
  await signIn(page, base, `/clients/${client}/collections/F.D1SECRET00004/request`);
  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('button', { name: 'Collect again, with changes' }).click();
  const field = page.getByLabel('Password', { exact: true });
  await field.waitFor();
  await page.waitForFunction(() => document.activeElement?.getAttribute('type') === 'password');
  assert.equal(await field.inputValue(), '');
  await page.locator('.param', { hasText: 'Password' }).getByText('type it again').waitFor();
  const launch = page.getByRole('button', { name: /Launch/ });
  assert.ok(await launch.isDisabled());
  await page.locator('.collect-why', { hasText: 'Type Password again' }).waitFor();
  await page.keyboard.type('open sesame');
  await page.waitForFunction(() => !document.querySelector('.collect-why'));
  await page.getByText('API call', { exact: true }).click();
  await page.locator('.code-block', { hasText: '"Password": "XXXXX"' }).waitFor();
  const written = await page.evaluate(() => location.href + JSON.stringify(Object.entries(sessionStorage)) + document.body.textContent);
  assert.ok(!/open( |\+|%20)sesame/.test(written), 'neither address nor storage nor page has it');
  const [sent] = await Promise.all([page.waitForRequest((request) => request.method() === 'POST' && /flows$/.test(request.url())), launch.click()]);
  assert.equal(sent.postDataJSON().artifacts[0].parameters.Password, 'open sesame');
  await page.waitForURL(/collections\/F\.D1NEW\d+\/results/);
});

test('a column of numbers that are times is filtered as times', async ({ page, base, client }) => {
  await signIn(page, base, `/clients/${client}/collections/F.D1PSTREE00001/logs`);
  await count(page).getByText('6 lines').waitFor();
  const shown = await page.locator('[data-row="3"][data-column="0"]').innerText();
  await page.getByRole('button', { name: 'Time: column menu' }).click({ force: true });
  await popover(page).getByRole('combobox').selectOption('ge');
  await popover(page).getByLabel('Value').fill(shown);
  await page.keyboard.press('Enter');
  await count(page).getByText('3 lines').waitFor();
});

test('the server page says in words what was refused', async ({ page, base }) => {
  await signIn(page, base, '/server');
  await page.locator('.counted > div', { hasText: 'Too many connections' }).getByText('1,204').waitFor();
  await page.getByText('Two machines use one identity').waitFor();
  assert.equal(await page.getByText(/too_many|bad_nonce/).count(), 0);
  assert.equal(await page.locator('.counted > div', { hasText: 'Not genuine' }).count(), 0, 'what never happened is not told');
});
