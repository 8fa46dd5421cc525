// An idle agent with its tracker on: memory and CPU: node bench/idle.mjs [SECONDS]
//
// With $PEREGRINE_AGENT_BIN, that program is the agent, such as one that was built without the server.
import { setTimeout as pause } from 'node:timers/promises';
import path from 'node:path';
import { Peregrine, onlyClient } from '../tests/e2e/lib/peregrine.mjs';
import { start } from '../tests/e2e/lib/processes.mjs';
import { cpuSeconds, memoryMiB, ownMemoryMiB, percentile, release, table } from './lib.mjs';

release();
const seconds = Number(process.argv[2] ?? 300);
const alone = process.env.PEREGRINE_AGENT_BIN;
const server = await Peregrine.start(alone ? { verb: 'server' } : {});
const child = alone ? start(alone, ['agent', '--config', server.clientConfig, '--state', path.join(server.datastore, 'agent')]) : null;
child?.ended.catch(() => undefined);
const api = await server.api();
const client = await onlyClient(api);
const tracked = async () => {
  const { rows } = await api.collect(client.client_id, 'Generic.Client.VQL', { Command: 'SELECT process_event_source() AS Source FROM scope()' });
  return rows[0].Source;
};
const before = await tracked();
const agent = child?.pid ?? (await server.agentReady());
const cpu = cpuSeconds(agent);
const begin = performance.now();
const memory = [];
const own = [];
while (performance.now() - begin < seconds * 1000) {
  await pause(1000);
  memory.push(memoryMiB(agent));
  own.push(ownMemoryMiB(agent));
}
const used = cpuSeconds(agent) - cpu;
const passed = (performance.now() - begin) / 1000;
const after = await tracked();
child?.kill();
await server.stop();
const mib = (value) => `${value.toFixed(1)} MiB`;
table([
  {
    seconds: passed.toFixed(0),
    source: after?.Kind ?? 'none',
    'events meanwhile': (after?.Events ?? 0) - (before?.Events ?? 0),
    'resident, median': mib(percentile(memory, 0.5)),
    'resident, most': mib(Math.max(...memory)),
    'of it anonymous': mib(percentile(own, 0.5)),
    CPU: `${((100 * used) / passed).toFixed(2)} % of a core`,
  },
]);
process.exit(0);
