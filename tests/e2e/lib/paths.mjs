// Paths: the repository, the program under test, scratch folders that are deleted at the end.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { atExit } from './processes.mjs';

export const repository = fileURLToPath(new URL('../../..', import.meta.url));

/** The program under test: `$PEREGRINE_BIN`, else the debug build. */
export function binary() {
  const named = process.env.PEREGRINE_BIN;
  const target = path.resolve(repository, process.env.CARGO_TARGET_DIR ?? 'target');
  const file = named ? path.resolve(named) : path.join(target, 'debug', 'peregrine');
  if (!existsSync(file)) throw new Error(`no program at ${file}: run \`cargo build -p peregrine\`, or name one with PEREGRINE_BIN`);
  return file;
}

/** A new folder, deleted when the tests of this file are over. */
export function scratch(name) {
  const folder = mkdtempSync(path.join(tmpdir(), `peregrine-e2e-${name}-`));
  atExit(() => {
    if (!process.env.PEREGRINE_KEEP) rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}
