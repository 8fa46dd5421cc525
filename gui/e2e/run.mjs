// Drives the built GUI in Chromium against the mock, under the strict content security policy.
// `npm run e2e` builds first; `node e2e/run.mjs NAME` runs the tests whose name contains NAME.
import assert from 'node:assert/strict';
import { launch, open } from './browser.mjs';
import './flows.mjs';
import './faults.mjs';
import './grid.mjs';
import './layout.mjs';
import { tests } from './suite.mjs';

const only = process.argv[2] ?? '';

let failed = 0;
for (const { name, body, options } of tests.filter((each) => each.name.includes(only))) {
  const stage = await launch({ growEveryMs: 250, ...options });
  const page = await open(stage.browser, options);
  page.setDefaultTimeout(30_000);
  try {
    await body({ page, base: stage.base, client: stage.client, mock: stage.mock });
    assert.deepEqual(page.problems, [], 'console errors');
    console.log(`ok   ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL ${name}\n${String(error.message).slice(0, 3_000)}\n     at ${page.url()}${page.problems.length ? `\n     console: ${page.problems.join('\n')}` : ''}`);
    if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/fail-${name.replace(/\W+/g, '-').slice(0, 40)}.png` });
  }
  await stage.close();
}
const ran = tests.filter((each) => each.name.includes(only)).length;
console.log(`${ran - failed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
