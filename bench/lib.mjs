// What the benchmarks share: the release binary, tables, percentiles, CPU time of a process.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
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

/** The load generator (`cargo build --release -p peregrine-server --example peers`), speaking lines over its pipes. */
export class Peers {
  constructor(args, { priority = 0 } = {}) {
    const program = process.env.PEREGRINE_PEERS ?? path.join(path.dirname(release()), 'examples', 'peers');
    if (!existsSync(program)) throw new Error(`no load generator at ${program}: cargo build --release -p peregrine-server --example peers`);
    this.child = spawn('nice', ['-n', String(priority), program, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
    process.on('exit', () => this.child.kill('SIGKILL'));
    this.complaints = [];
    createInterface({ input: this.child.stderr }).on('line', (line) => this.complaints.push(line));
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }

  tell(line) {
    this.child.stdin.write(`${line}\n`);
  }

  end() {
    this.child.stdin.end();
  }

  /** What it says next. */
  async hear() {
    const { value, done } = await this.lines.next();
    if (done) throw new Error(`the load generator ended: ${this.complaints.slice(-3).join('; ')}`);
    return JSON.parse(value);
  }
}

/** A group of processes with a bound on their memory (cgroup, version 1 or 2; root). */
export class MemoryGroup {
  constructor(name, bytes) {
    this.isNew = existsSync('/sys/fs/cgroup/cgroup.controllers');
    this.folder = path.join(this.isNew ? '/sys/fs/cgroup' : '/sys/fs/cgroup/memory', `${name}-${process.pid}`);
    if (this.isNew) writeFileSync('/sys/fs/cgroup/cgroup.subtree_control', '+memory');
    mkdirSync(this.folder);
    writeFileSync(path.join(this.folder, this.isNew ? 'memory.max' : 'memory.limit_in_bytes'), String(bytes));
    process.on('exit', () => this.remove());
  }

  /** A script that runs a program inside the group. */
  wrapper(program, file) {
    writeFileSync(file, `#!/bin/sh\necho $$ > ${this.folder}/cgroup.procs\nexec ${program} "$@"\n`, { mode: 0o755 });
    return file;
  }

  #number(file, name) {
    const text = readFileSync(path.join(this.folder, file), 'utf8');
    return Number(name ? new RegExp(`^${name} (\\d+)`, 'm').exec(text)?.[1] : text);
  }

  /** The most memory there was, file pages included, which the kernel gives up when it must. */
  get peakMiB() {
    return this.#number(this.isNew ? 'memory.peak' : 'memory.max_usage_in_bytes') / 2 ** 20;
  }

  /** Processes the kernel ended for want of memory. */
  get kills() {
    return this.isNew ? this.#number('memory.events', 'oom_kill') : this.#number('memory.oom_control', 'oom_kill');
  }

  remove() {
    try {
      rmdirSync(this.folder);
    } catch {
      // Somebody is still in it, or it is gone.
    }
  }
}
