// Pages of a real server, in the Chromium that the GUI's own tests use.
import assert from 'node:assert/strict';
import { DEADLINE_MS } from './wait.mjs';

export { launchBrowser } from '../../../gui/e2e/chromium.mjs';

/** A page in its own context. Console errors and policy violations are collected in `page.problems`. */
export async function openPage(browser, { theme = 'light', width = 1280, height = 800 } = {}) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width, height }, colorScheme: theme, acceptDownloads: true });
  context.setDefaultTimeout(DEADLINE_MS);
  const page = await context.newPage();
  page.problems = [];
  page.on('console', (message) => {
    // Chromium also logs refused requests as console errors; some tests provoke those.
    if (message.type() === 'error' && !/status of 4\d\d|net::ERR/.test(message.text())) page.problems.push(message.text());
  });
  page.on('pageerror', (error) => page.problems.push(String(error)));
  return page;
}

/** Fills in the sign-in form that is on screen. */
export async function fillSignIn(page, { user, password }) {
  await page.getByLabel('User name').fill(user);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL((url) => !url.pathname.startsWith('/sign-in'));
}

/** Opens a page of a server and signs in. */
export async function signIn(page, server, where = '/clients') {
  await page.goto(server.url + where);
  await fillSignIn(page, server.credentials);
}

export const noProblems = (page) => assert.deepEqual(page.problems, [], 'the browser console is clean');
