// A control group that bounds the memory of processes, in either version of cgroups. Needs root.
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const ROOT = '/sys/fs/cgroup';
const isUnified = existsSync(path.join(ROOT, 'cgroup.controllers'));

export class Cgroup {
  /** Makes it; `bytes` is the most that its processes may have together, page cache of what they read included. */
  constructor(name, bytes) {
    this.folder = path.join(ROOT, isUnified ? '' : 'memory', `peregrine-bench-${name}-${process.pid}`);
    mkdirSync(this.folder);
    if (isUnified) {
      writeFileSync(path.join(ROOT, 'cgroup.subtree_control'), '+memory');
      this.#write('memory.max', bytes);
      this.#write('memory.swap.max', 0);
    } else {
      this.#write('memory.limit_in_bytes', bytes);
    }
  }

  #write(file, value) {
    writeFileSync(path.join(this.folder, file), String(value));
  }

  #read(file) {
    return readFileSync(path.join(this.folder, file), 'utf8');
  }

  /** A command line that runs another in here from its first moment. */
  around(program, args) {
    return ['sh', ['-c', 'echo $$ > "$0/cgroup.procs" && exec "$@"', this.folder, program, ...args]];
  }

  /** Writes a program that runs another in here. */
  wrapper(program, file) {
    writeFileSync(file, `#!/bin/sh\necho $$ > '${this.folder}/cgroup.procs'\nexec '${program}' "$@"\n`, { mode: 0o755 });
    return file;
  }

  /** Processes that the kernel ended here for want of memory. */
  killed() {
    return Number(/^oom_kill (\d+)/m.exec(this.#read(isUnified ? 'memory.events' : 'memory.oom_control'))?.[1] ?? 0);
  }

  /** Begins to look for the most memory anew. Kernels before 6.12 cannot in version 2; there the peak is of the whole time. */
  forgetPeak() {
    try {
      this.#write(isUnified ? 'memory.peak' : 'memory.max_usage_in_bytes', 0);
    } catch (error) {
      if (!isUnified) throw error;
    }
  }

  /** Most bytes in use at once. */
  peak() {
    return Number(this.#read(isUnified ? 'memory.peak' : 'memory.max_usage_in_bytes'));
  }

  remove() {
    rmdirSync(this.folder);
  }
}
