// Queries that hold too much, against an agent in a cgroup of 512 MB: node bench/killers.mjs [MEGABYTES]
//
// Each must end alone, with a state that says why, and leave the agent alive. Prints the most memory the cgroup had
// during each. Fails when a query finished, ended without its reason, or took the agent with it.
import path from 'node:path';
import { Peregrine, onlyClient } from '../tests/e2e/lib/peregrine.mjs';
import { start } from '../tests/e2e/lib/processes.mjs';
import { Cgroup } from './cgroup.mjs';
import { release, table } from './lib.mjs';

const program = release();
const megabytes = Number(process.argv[2] ?? 512);
const LONG = "'x' * 9000000";
const LIST = "'[' + '1,' * 45000000 + '1]'";
const killers = {
  'array() of a large query': 'SELECT array(a={ SELECT * FROM range(end=300000000) }) AS A FROM scope()',
  'enumerate() of 30 M': 'SELECT enumerate(items=_value) AS E FROM range(end=30000000) GROUP BY 1',
  '100 × 90 MB materialised': `LET X <= SELECT ${LONG} * 10 + str(str=_value) AS S FROM range(end=100) SELECT len(list=S) FROM X`,
  'regex_replace() again and again': `LET grow(S) = regex_replace(source=S, re='x', replace='xxxxxxxxxx') SELECT len(list=grow(S=grow(S=grow(S=grow(S=${LONG}))))) AS N FROM scope()`,
  'split() of 90 MB': "SELECT len(list=split(string='a,' * 45000000, sep_string=',')) AS N FROM scope()",
  'parse_json_array() of 90 MB': `SELECT len(list=parse_json_array(data=${LIST})) AS N FROM scope()`,
  'cache() of 10 MB values': `SELECT len(list=cache(func=${LONG} + str(str=_value), key=str(str=_value), name='C')) AS N FROM range(end=1000)`,
  'foreach() over a large split()': "SELECT * FROM foreach(row=split(string='a,' * 45000000, sep=','), query={ SELECT 1 FROM scope() WHERE FALSE })",
};

const server = await Peregrine.start({ verb: 'server' });
const api = await server.api();
const cgroup = new Cgroup('killers', megabytes * 2 ** 20);
const agent = start(...cgroup.around(program, ['agent', '--config', server.clientConfig, '--state', path.join(server.datastore, 'agent')]));
let hasEnded = false;
agent.ended.then(() => (hasEnded = true), () => (hasEnded = true));
const client = await onlyClient(api);
const rows = [];
let isHeld = true;
for (const [name, Command] of Object.entries(killers)) {
  cgroup.forgetPeak();
  const begin = performance.now();
  const flow = await api.ended(client.client_id, await api.launch(client.client_id, 'Generic.Client.VQL', { Command }, { timeout: 300 }), { deadline: 400_000 });
  const seconds = (performance.now() - begin) / 1000;
  const isAlive = !hasEnded && cgroup.killed() === 0;
  const reason = flow.status ?? '';
  isHeld &&= isAlive && flow.state === 'error' && /memory|hold/.test(reason);
  rows.push({
    query: name,
    state: flow.state,
    reason: reason.replaceAll('|', '\\|').slice(0, 140),
    seconds: seconds.toFixed(1),
    'most in the cgroup': `${(cgroup.peak() / 1048576).toFixed(0)} MiB`,
    'agent alive': isAlive ? 'yes' : 'NO',
  });
}
// It still works.
const { rows: last } = await api.collect(client.client_id, 'Generic.Client.VQL', { Command: 'SELECT 1 + 1 AS Two FROM scope()' });
isHeld &&= last[0]?.Two === 2;
agent.kill('SIGTERM');
await agent.ended;
await server.stop();
cgroup.remove();
table(rows);
process.exit(isHeld ? 0 : 1);
