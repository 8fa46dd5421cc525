// The Chromium that tests drive, here and in `tests/e2e` of the whole product.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

export function launchBrowser() {
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium-headless-shell';
  assert.ok(existsSync(executablePath), `no Chromium at ${executablePath}: run \`scripts/setup test\`, or name one with CHROMIUM`);
  return chromium.launch({ executablePath, args: FLAGS });
}
