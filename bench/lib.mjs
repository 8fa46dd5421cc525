// What the benchmarks share: the release binary, tables, percentiles, CPU time of a process.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('..', import.meta.url));

/** The release binary; the helpers of the end-to-end tests use it, too. */
export function release() {
  const target = path.resolve(repository, process.env.CARGO_TARGET_DIR ?? 'target');
  process.env.PEREGRINE_BIN ??= path.join(target, 'release', 'peregrine');
  if (!existsSync(process.env.PEREGRINE_BIN)) throw new Error(`no program at ${process.env.PEREGRINE_BIN}: cargo build --release -p peregrine`);
  return process.env.PEREGRINE_BIN;
}

export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
}

export function table(rows) {
  const names = Object.keys(rows[0]);
  const line = (cells) => `| ${cells.join(' | ')} |`;
  console.log([line(names), line(names.map(() => '---')), ...rows.map((row) => line(names.map((name) => row[name])))].join('\n'));
}

/** User and system seconds of a process; the kernel counts in hundredths. */
export function cpuSeconds(pid) {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

export function memoryMiB(pid, field = 'VmRSS') {
  const found = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(found?.[1] ?? Number.NaN) / 1024;
}

/** Anonymous memory: what the program itself asked for, without its own file's pages. */
export const ownMemoryMiB = (pid) => memoryMiB(pid, 'RssAnon');
