// Pages in the Chromium that the GUI's own tests drive, against a server of the product.
import assert from 'node:assert/strict';
import { DEADLINE_MS } from './wait.mjs';

export { launchBrowser } from '../../../gui/e2e/chromium.mjs';

/** A page in a context of its own. Console errors and policy violations are collected in `page.problems`. */
export async function openPage(browser, { theme = 'light', width = 1280, height = 800 } = {}) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width, height }, colorScheme: theme, acceptDownloads: true });
  context.setDefaultTimeout(DEADLINE_MS);
  const page = await context.newPage();
  page.problems = [];
  page.on('console', (message) => {
    // Chromium reports refused requests, which some tests provoke, as console errors.
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

/** Opens an address of a server, signing in on the way. */
export async function signIn(page, server, where = '/clients') {
  await page.goto(server.url + where);
  await fillSignIn(page, server.credentials);
}

export const noProblems = (page) => assert.deepEqual(page.problems, [], 'the browser console is clean');
