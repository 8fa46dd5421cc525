// Starts processes, and makes sure that none outlives the tests.
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { until } from './wait.mjs';

const started = new Set();
const last = [];

/** Runs `work` when this test file ends, however it ends; the last registered runs first. */
export function atExit(work) {
  last.push(work);
}

process.on('exit', () => {
  for (const child of started) killTree(child.pid);
  for (const work of last.reverse()) {
    try {
      work();
    } catch (error) {
      console.error(`cleaning up: ${error.message}`);
    }
  }
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));

/** Starts a child. Its output is kept in `.out` and `.err`; `.ended` is a promise of `{code, signal}`. */
export function start(program, args, options = {}) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  started.add(child);
  child.out = '';
  child.err = '';
  child.stdout?.setEncoding('utf8').on('data', (text) => (child.out += text));
  child.stderr?.setEncoding('utf8').on('data', (text) => (child.err += text));
  child.ended = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      started.delete(child);
      resolve({ code, signal });
    });
  });
  child.ended.catch(() => undefined);
  return child;
}

/** Runs a program until it ends; returns exit code, signal and output. */
export async function run(program, args, options = {}) {
  const child = start(program, args, options);
  const { code, signal } = await child.ended;
  return { code, signal, out: child.out, err: child.err };
}

/** `{pid, name, state, ppid}` as /proc has it now, or null. */
export function look(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const open = text.indexOf('(');
    const close = text.lastIndexOf(')');
    const [state, ppid] = text.slice(close + 2).split(' ');
    return { pid, name: text.slice(open + 1, close), state, ppid: Number(ppid) };
  } catch {
    return null;
  }
}

export function allProcesses() {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => look(Number(name)))
    .filter(Boolean);
}

export const isRunning = (pid) => {
  const process = look(pid);
  return process !== null && process.state !== 'Z' && process.state !== 'X';
};

export function childrenOf(pid) {
  return allProcesses().filter((each) => each.ppid === pid);
}

/** Kills a process and all its descendants. */
export function killTree(pid, signal = 'SIGKILL') {
  const all = allProcesses();
  const family = [pid];
  for (let at = 0; at < family.length; at += 1) for (const each of all) if (each.ppid === family[at]) family.push(each.pid);
  for (const each of family) {
    try {
      process.kill(each, signal);
    } catch {
      // It has already ended.
    }
  }
}

export const gone = (pid) => until(`process ${pid} has ended`, () => !isRunning(pid));
