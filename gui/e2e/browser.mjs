// The built GUI served by the mock under the strict content security policy, and a Chromium to look at it.
import { fileURLToPath } from 'node:url';
import { createMock } from '../mock/server.mjs';
import { launchBrowser } from './chromium.mjs';

const dist = fileURLToPath(new URL('../dist', import.meta.url));

export async function launch(options = {}) {
  const mock = createMock({ dist, ...options });
  await new Promise((resolve) => mock.server.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${mock.server.address().port}`;
  const browser = await launchBrowser();
  return {
    mock,
    base,
    browser,
    client: mock.firstClient,
    async close() {
      await browser.close();
      mock.server.closeAllConnections();
      mock.server.close();
    },
  };
}

/**
 * A page whose console errors and policy violations are collected in `page.problems`.
 *
 * `slow` makes the page's processor so many times slower, as on a busy machine; `SLOW=8 npm run e2e` does so for every test.
 */
export async function open(browser, { theme = 'light', width = 1280, height = 800, slow = Number(process.env.SLOW ?? 1) } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme, timezoneId: 'Europe/Berlin' });
  const page = await context.newPage();
  if (slow > 1) await (await context.newCDPSession(page)).send('Emulation.setCPUThrottlingRate', { rate: slow });
  page.problems = [];
  page.on('console', (message) => {
    if (message.type() === 'error' && !/status of 40[0-9]|status of 429/.test(message.text())) page.problems.push(message.text());
  });
  page.on('pageerror', (error) => page.problems.push(String(error)));
  return page;
}

export async function signIn(page, base, next = '/clients') {
  await page.goto(base + next);
  await page.getByLabel('User name').fill('jana');
  await page.getByLabel('Password').fill('peregrine');
  await page.getByRole('button', { name: 'Sign in' }).click();
  // The address changes before the page does, and keys pressed in between belong to nobody.
  await page.locator('.shell').waitFor();
}
