// Screenshots of every page in both themes and two widths, to be looked at: `node e2e/shots.mjs [name…]`. With
// PEREGRINE_UPDATE_SCREENSHOTS=1 also those that the chapter on the GUI shows.
import { copyFileSync, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { launch, open, signIn } from './browser.mjs';
import { settled } from './suite.mjs';

const out = process.env.SHOTS ?? 'e2e/shots';
mkdirSync(out, { recursive: true });
const only = process.argv.slice(2);
const sizes = process.env.SIZES ? process.env.SIZES.split(',').map(Number) : [1280, 1920];
const themes = process.env.THEMES ? process.env.THEMES.split(',') : ['light', 'dark'];
/** Pages with a picture in the book, and its name. */
const BOOK = { overview: 'machine', collect: 'collect', results: 'results' };
const images = fileURLToPath(new URL('../../docs/images', import.meta.url));
const stage = await launch();
const c = `/clients/${stage.client}`;
const pages = {
  clients: ['/clients'],
  overview: [c],
  collections: [`${c}/collections`],
  collect: [`${c}/collections/new?artifact=Linux.Search.FileFinder`],
  flow: [`${c}/collections/F.D1FINDER00002/overview`],
  failed: [`${c}/collections/F.D1CRON0000003/overview`],
  results: [`${c}/collections/F.D1FINDER00002/results?filter=${encodeURIComponent('[["Owner","ne","root"]]')}&row=3`],
  facets: [`${c}/collections/F.D1FINDER00002/results?group=Owner&sort=desc:Size`],
  pstree: [`${c}/collections/F.D1PSTREE00001/results`],
  logs: [`${c}/collections/F.D1FINDER00002/logs`],
  request: [`${c}/collections/F.D1FINDER00002/request`],
  tree: [`${c}/processes?flow=F.D1PSTREE00001&process=beacon`],
  events: [`${c}/events/Linux.Events.ProcessExecutions`],
  artifacts: ['/artifacts/Generic.System.Pstree'],
  monitoring: ['/monitoring'],
  server: ['/server'],
  empty: [`/clients?q=nothing-like-this`],
  palette: ['/clients', (page) => page.keyboard.press('Control+k')],
  help: ['/clients', (page) => page.keyboard.press('?')],
  menu: [`${c}/collections/F.D1FINDER00002/results`, async (page) => { await page.getByRole('button', { name: 'OSPath: column menu' }).click({ force: true }); }],
};
for (const theme of themes)
  for (const width of sizes) {
    const page = await open(stage.browser, { theme, width, height: width > 1500 ? 1080 : 800 });
    if (only.length === 0 || only.includes('signin')) {
      await page.goto(`${stage.base}/sign-in`);
      await page.locator('form').waitFor();
      await settled(page);
      await page.screenshot({ path: `${out}/signin-${theme}-${width}.png` });
    }
    await signIn(page, stage.base);
    for (const [name, [path, act]] of Object.entries(pages)) {
      if (only.length > 0 && !only.includes(name)) continue;
      const focus = path.includes('process=beacon') ? await page.evaluate(async (id) => (await (await fetch(`/api/v1/clients/${id}/process-tree?process=1`)).json()).nodes.find((node) => node.name.startsWith('kworker')).id, stage.client) : '';
      await page.goto(stage.base + path.replace('process=beacon', `process=${focus}`));
      await page.locator('main h1, main h2').first().waitFor();
      await settled(page);
      if (act) await act(page);
      await settled(page);
      await page.screenshot({ path: `${out}/${name}-${theme}-${width}.png` });
      if (BOOK[name] && theme === 'light' && width === 1280 && process.env.PEREGRINE_UPDATE_SCREENSHOTS === '1') copyFileSync(`${out}/${name}-${theme}-${width}.png`, `${images}/${BOOK[name]}.png`);
    }
    if (page.problems.length) console.log(theme, width, page.problems);
    await page.context().close();
  }
await stage.close();
