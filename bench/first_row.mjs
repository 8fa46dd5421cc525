// From launching a collection to its first row stored, as seen over REST and live events: node bench/first_row.mjs [COUNT]
import { Peregrine, onlyClient } from '../tests/e2e/lib/peregrine.mjs';
import { percentile, release, table } from './lib.mjs';

release();
const count = Number(process.argv[2] ?? 200);
const server = await Peregrine.start();
const api = await server.api();
const client = await onlyClient(api);
const waiting = new Map();
const seen = new Map();
const arrived = (flowId) => {
  if (!seen.has(flowId)) seen.set(flowId, performance.now());
  waiting.get(flowId)?.();
};
await api.events(`flows:${client.client_id}`, (name, data) => {
  if ((name === 'rows' && data.total_rows > 0) || (name === 'flow' && data.rows > 0)) arrived(data.flow_id);
});
const times = [];
for (let run = 0; run < count; run += 1) {
  const begin = performance.now();
  const flowId = await api.launch(client.client_id, 'Generic.Client.VQL', { Command: 'SELECT * FROM info()' });
  await new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`no row of ${flowId} in 60 s`)), 60_000);
    waiting.set(flowId, () => {
      clearTimeout(late);
      resolve();
    });
    if (seen.has(flowId)) waiting.get(flowId)();
  });
  times.push(seen.get(flowId) - begin);
  await api.ended(client.client_id, flowId, { every: 10 });
}
await server.stop();
const ms = (value) => `${value.toFixed(0)} ms`;
table([{ collections: count, median: ms(percentile(times, 0.5)), '99 %': ms(percentile(times, 0.99)), fastest: ms(Math.min(...times)), slowest: ms(Math.max(...times)) }]);
process.exit(0);
