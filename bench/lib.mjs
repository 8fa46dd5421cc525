// What the benchmarks share: the release binary, tables, percentiles, CPU time of a process.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
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

/** Resident memory in MiB by what it is: code, constants and data of the program, libraries, rings to the kernel, and the rest: heap and stacks. */
export function residentParts(pid) {
  const program = readlinkSync(`/proc/${pid}/exe`);
  const parts = { code: 0, constants: 0, data: 0, libraries: 0, rings: 0, 'heap and stacks': 0 };
  let part = null;
  for (const line of readFileSync(`/proc/${pid}/smaps`, 'utf8').split('\n')) {
    const mapping = /^[0-9a-f]+-[0-9a-f]+ (\S+) \S+ \S+ \S+\s*(.*)$/.exec(line);
    if (mapping) part = partOf(mapping[1], mapping[2], program);
    const resident = /^Rss:\s+(\d+) kB/.exec(line);
    if (resident) parts[part] += Number(resident[1]) / 1024;
  }
  return parts;
}

function partOf(permissions, name, program) {
  if (name === program) return permissions.includes('x') ? 'code' : permissions.includes('w') ? 'data' : 'constants';
  if (name.startsWith('anon_inode:')) return 'rings';
  return name.startsWith('/') ? 'libraries' : 'heap and stacks';
}

/** The names of a process and of those that led to it, the first process first, each with all names it may be known by. */
export function ancestry(pid) {
  const chain = [];
  for (let at = pid; at > 0; ) {
    const text = readFileSync(`/proc/${at}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const comm = readFileSync(`/proc/${at}/comm`, 'utf8').trimEnd();
    const line = readFileSync(`/proc/${at}/cmdline`, 'utf8').split('\0').slice(0, 2);
    let exe = '';
    try {
      exe = readlinkSync(`/proc/${at}/exe`).replace(/ \(deleted\)$/, '');
    } catch {
      // A kernel thread, or somebody else's.
    }
    chain.unshift(new Set([comm, ...[exe, ...line].map((file) => path.basename(file))]));
    at = Number(fields[1]);
  }
  return chain;
}

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
