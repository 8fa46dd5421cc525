// Drives the built GUI in Chromium against the mock, under the strict content security policy.
// `npm run e2e` builds first; `node e2e/run.mjs NAME` runs the tests whose name contains NAME.
// `WORKERS=1` runs them one after the other.
import assert from 'node:assert/strict';
import { launch, open } from './browser.mjs';
import './flows.mjs';
import './faults.mjs';
import './grid.mjs';
import './layout.mjs';
import { tests } from './suite.mjs';

const only = process.argv[2] ?? '';
const wanted = tests.filter((each) => each.name.includes(only));
// Most of a test is waiting: for the page, for what is slowed down on purpose.
const workers = Number(process.env.WORKERS ?? 3);

/** The name of a failed test as part of a file's name. */
const slug = (name) => name.replace(/\W+/g, '-').slice(0, 40);

/** Runs one test in a browser and against a mock of its own; true if it passed. */
async function passes({ name, body, options }) {
  const began = Date.now();
  const stage = await launch({ growEveryMs: 250, ...options });
  try {
    const page = await open(stage.browser, options);
    page.setDefaultTimeout(30_000);
    try {
      await body({ page, base: stage.base, client: stage.client, mock: stage.mock });
      assert.deepEqual(page.problems, [], 'console errors');
      console.log(`ok   ${name} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
      return true;
    } catch (error) {
      console.log(`FAIL ${name}\n${String(error.message).slice(0, 3_000)}\n     at ${page.url()}${page.problems.length ? `\n     console: ${page.problems.join('\n')}` : ''}`);
      if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/fail-${slug(name)}.png` });
      return false;
    }
  } finally {
    await stage.close();
  }
}

const waiting = wanted.values();
let failed = 0;
await Promise.all(
  Array.from({ length: workers }, async () => {
    for (const each of waiting) if (!(await passes(each))) failed += 1;
  }),
);
console.log(`${wanted.length - failed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
