// Files and large results beside programs that do the same: node bench/files.mjs [--scale SHARE] [--runs COUNT] [CASE…]
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { percentile, release, table } from './lib.mjs';

const wanted = process.argv.slice(2);
const option = (name, usual) => {
  const at = wanted.indexOf(name);
  return at < 0 ? usual : Number(wanted.splice(at, 2)[1]);
};
const scale = option('--scale', 1);
const runs = option('--runs', 5);
const program = release();
const serde = path.join(path.dirname(program), 'serde-jsonl');
const of = (count) => Math.max(1, Math.round(count * scale));

const scratch = process.env.PEREGRINE_BENCH_DIR ?? mkdtempSync(path.join(os.tmpdir(), 'peregrine-bench-'));
mkdirSync(scratch, { recursive: true });
const log = path.join(scratch, 'log.jsonl');
const tree = path.join(scratch, 'tree');
const blobs = path.join(scratch, 'blobs');

/** A log as programs write them: the same keys in the same order, one of them not always. */
function makeLog() {
  const file = openSync(log, 'w');
  const levels = ['debug', 'info', 'info', 'info', 'warning', 'error'];
  let lines = [];
  for (let i = 0, bytes = 0; bytes < of(200 << 20); i += 1) {
    const mixed = (i * 2654435761) % 4294967296;
    const row = {
      time: new Date(1700000000000 + i * 250).toISOString(),
      level: levels[mixed % 6],
      host: `web-${mixed % 37}.example.org`,
      pid: mixed % 65536,
      message: `request ${i} for "/api/v1/clients/${mixed % 100000}" was answered`,
      http: { method: i % 3 ? 'GET' : 'POST', status: 200 + (mixed % 4) * 100, bytes: mixed % 1000000, seconds: (mixed % 1000) / 1000 },
      tags: ['http', `zone-${mixed % 5}`],
      ...(i % 10 ? {} : { user: `user${mixed % 500}` }),
    };
    const line = `${JSON.stringify(row)}\n`;
    bytes += line.length;
    lines.push(line);
    if (lines.length === 10000) {
      writeSync(file, lines.join(''));
      lines = [];
    }
  }
  writeSync(file, lines.join(''));
  closeSync(file);
}

/** Folders of a hundred files, ten of them in each folder above. */
function makeTree() {
  for (let i = 0, folder = ''; i < of(300000); i += 1) {
    if (i % 100 === 0) {
      folder = path.join(tree, `part ${Math.floor(i / 1000)}`, `folder-${i / 100}`);
      mkdirSync(folder, { recursive: true });
    }
    writeFileSync(path.join(folder, `file-${i}.${i % 4 ? 'txt' : 'log'}`), '');
  }
}

/** Many small files, some of a megabyte: 400 MB. */
function makeBlobs() {
  mkdirSync(blobs);
  const content = Buffer.alloc(1 << 20, 'abcdefghijklmnopqrstuvwxyz 0123456789\n');
  for (let i = 0; i < of(20000); i += 1) {
    content.writeUInt32LE(i, 0);
    writeFileSync(path.join(blobs, `blob-${i}`), content.subarray(0, i % 80 ? (i * 7919) % 16384 : 1 << 20));
  }
}

const query = (...statements) => [program, 'query', '--format', 'jsonl', ...statements];
const shell = (line) => ['sh', '-c', line];
const sorted = of(3000000);
const numbers = `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ${sorted - 1})`;

const cases = [
  {
    name: 'parse_jsonl, count',
    needs: [log],
    ours: query(`SELECT count() AS N FROM parse_jsonl(filename='${log}') GROUP BY 1`),
    peers: { serde_json: [serde, 'count', log], jq: ['jq', '-n', 'reduce inputs as $row (0; . + 1)', log] },
  },
  {
    name: 'parse_jsonl, filter and print',
    needs: [log],
    ours: query(`SELECT time, host, http FROM parse_jsonl(filename='${log}') WHERE level = 'error'`),
    peers: {
      serde_json: [serde, 'errors', log],
      jq: ['jq', '-c', 'select(.level == "error") | {time, host, http}', log],
    },
  },
  {
    name: 'parse_jsonl, print all',
    needs: [log],
    ours: query(`SELECT * FROM parse_jsonl(filename='${log}')`),
    peers: { serde_json: [serde, 'all', log], jq: ['jq', '-c', '.', log] },
  },
  {
    name: 'parse_lines and parse_json, count',
    needs: [log],
    ours: query(
      `SELECT count() AS N FROM foreach(row={ SELECT parse_json(data=Line) AS Row FROM parse_lines(filename='${log}') }, query={ SELECT Row.pid AS Pid FROM scope() }) GROUP BY 1`,
    ),
    peers: { serde_json: [serde, 'count', log], jq: ['jq', '-R', '-n', 'reduce (inputs | fromjson | .pid) as $row (0; . + 1)', log] },
  },
  {
    name: 'glob, print',
    needs: [tree],
    ours: query(`SELECT OSPath, Size, Mode.String AS Mode, Mtime, Atime, Ctime, Btime FROM glob(globs='${tree}/**')`),
    peers: { find: ['find', tree, '-mindepth', '1', '-printf', '%p %s %M %T+ %A+ %C+ %B+\\n'] },
  },
  {
    name: 'glob, count',
    needs: [tree],
    ours: query(`SELECT count() AS N, sum(item=Size) AS S FROM glob(globs='${tree}/**/*.log') GROUP BY 1`),
    peers: { find: shell(`find ${tree} -name '*.log' -printf '%s\\n' | awk '{ n += 1; s += $1 } END { print n, s }'`) },
  },
  {
    name: 'glob and hash',
    needs: [blobs],
    ours: query(`SELECT OSPath, hash(path=OSPath) AS Hash FROM glob(globs='${blobs}/*')`),
    peers: {
      'md5sum, sha1sum, sha256sum': shell(`for sum in md5sum sha1sum sha256sum; do find ${blobs} -type f -exec $sum {} +; done`),
    },
  },
  {
    name: 'glob and hash, SHA-256',
    needs: [blobs],
    ours: query(`SELECT OSPath, hash(path=OSPath, hashselect='SHA256') AS Hash FROM glob(globs='${blobs}/*')`),
    peers: { sha256sum: shell(`find ${blobs} -type f -exec sha256sum {} +`) },
  },
  {
    name: 'ORDER BY a number',
    ours: query(`SELECT _value, _value * 7919 - 1000003 * int(int=_value * 7919 / 1000003) AS Number FROM range(end=${sorted}) ORDER BY Number`),
    peers: { SQLite: ['sqlite3', ':memory:', `${numbers} SELECT i, i * 7919 % 1000003 AS number FROM n ORDER BY number`] },
  },
  {
    name: 'ORDER BY a text',
    ours: query(`SELECT _value, format(format='C:/Users/%d/file-%d.txt', args=[_value * 7919 - 1000003 * int(int=_value * 7919 / 1000003), _value]) AS Path FROM range(end=${sorted}) ORDER BY Path`),
    peers: {
      SQLite: ['sqlite3', ':memory:', `${numbers} SELECT i, printf('C:/Users/%d/file-%d.txt', i * 7919 % 1000003, i) AS path FROM n ORDER BY path`],
    },
  },
];

const makers = new Map([[log, makeLog], [tree, makeTree], [blobs, makeBlobs]]);
const median = (values) => percentile(values, 0.5);

/** CPU seconds and most memory of a command and what it starts. */
function measure([command, ...args]) {
  const out = openSync('/dev/null', 'w');
  const done = spawnSync('/usr/bin/time', ['-f', '%U %S %M', command, ...args], { stdio: ['ignore', out, 'pipe'], maxBuffer: 1 << 24 });
  closeSync(out);
  const lines = String(done.stderr).trim().split('\n');
  if (done.status !== 0) throw new Error(`${command} ${args.join(' ')}: ${lines.slice(-3).join('; ')}`);
  const [user, system, kilobytes] = lines.at(-1).split(' ').map(Number);
  return { cpu: user + system, memory: kilobytes / 1024 };
}

const isThere = (command) => existsSync(command) || spawnSync('sh', ['-c', `command -v ${command}`]).status === 0;

try {
  const results = [];
  for (const { name, needs = [], ours, peers } of cases) {
    if (wanted.length > 0 && !wanted.some((word) => name.includes(word))) continue;
    for (const file of needs) if (!existsSync(file)) makers.get(file)();
    const known = Object.entries(peers).filter(([, [command]]) => isThere(command));
    const mine = [];
    const theirs = known.map(() => []);
    // In turn, so that what else the machine does falls on all of them.
    for (let run = 0; run < runs; run += 1) {
      mine.push(measure(ours));
      known.forEach(([, command], at) => theirs[at].push(measure(command)));
    }
    const cpu = (all) => median(all.map((one) => one.cpu));
    const memory = (all) => median(all.map((one) => one.memory));
    known.forEach(([peer], at) => {
      results.push({
        case: name,
        beside: peer,
        'CPU, ours': `${cpu(mine).toFixed(2)} s`,
        theirs: `${cpu(theirs[at]).toFixed(2)} s`,
        ratio: (cpu(mine) / cpu(theirs[at])).toFixed(2),
        'memory, ours': `${memory(mine).toFixed(0)} MiB`,
        'their memory': `${memory(theirs[at]).toFixed(0)} MiB`,
      });
    });
    if (known.length === 0) results.push({ case: name, beside: 'nothing installed', 'CPU, ours': `${cpu(mine).toFixed(2)} s`, theirs: '', ratio: '', 'memory, ours': `${memory(mine).toFixed(0)} MiB`, 'their memory': '' });
  }
  if (results.length > 0) table(results);
} finally {
  if (!process.env.PEREGRINE_BENCH_DIR) rmSync(scratch, { recursive: true, force: true });
}
