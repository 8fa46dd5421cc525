// The list of tests, and what they share.

export const tests = [];

/** `options` go to the mock, the browser and the page; see `launch` and `open`. */
export const test = (name, body, options) => tests.push({ name, body, options });

/** Quick hands on a busy machine: what was pressed counts from that moment on. */
export const BUSY = { slow: 10 };

/** Collections bring rows when the test says so with `mock.grow()`, however slow the machine is. */
export const BY_HAND = { growEveryMs: null };

export const rows = (page) => page.locator('.table-row');
export const count = (page) => page.locator('.toolbar-count');
export const finder = (client) => `/clients/${client}/collections/F.D1FINDER00002/results`;

/** Every page, with something on it. */
export const places = (client) => ({
  'sign-in': '/sign-in',
  machines: '/clients',
  overview: `/clients/${client}`,
  collections: `/clients/${client}/collections`,
  collect: `/clients/${client}/collections/new?artifact=Linux.Search.FileFinder`,
  'collection overview': `/clients/${client}/collections/F.D1CRON0000003/overview`,
  results: `${finder(client)}?row=3&filter=${encodeURIComponent('[["Owner","ne","root"]]')}`,
  counts: `${finder(client)}?group=Owner`,
  logs: `/clients/${client}/collections/F.D1FINDER00002/logs`,
  request: `/clients/${client}/collections/F.D1FINDER00002/request`,
  processes: `/clients/${client}/processes?flow=F.D1PSTREE00001&process=354`,
  events: `/clients/${client}/events`,
  artifact: '/artifacts/Generic.System.Pstree',
  monitoring: '/monitoring',
  server: '/server',
  'no such page': '/nowhere',
  'no such machine': '/clients/C.0000000000000000',
});

/** Opens a page and waits until it shows what it has. */
export async function visit(page, base, path) {
  await page.goto(base + path);
  await page.locator(path === '/sign-in' ? 'form' : 'main h1').first().waitFor();
  await settled(page);
}

/** Waits until nothing is being fetched any more, and what is there is drawn. */
export async function settled(page) {
  await page.waitForFunction(() => !document.querySelector('[aria-busy=true], .skeleton-row, .td-pending, .loading'));
  await page.evaluate(() => document.fonts.ready.then(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))));
}
