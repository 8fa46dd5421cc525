// What many agents cost a server: node bench/fleet.mjs [AGENTS [SECONDS]]
//
// All of them idle, by long poll and by websocket, then sending event rows at the period that agents have by default.
// Fails when a waiting agent costs more than 40 KiB, or a row is lost or doubled.
import { setTimeout as pause } from 'node:timers/promises';
import { Peregrine } from '../tests/e2e/lib/peregrine.mjs';
import { Peers, cpuSeconds, memoryMiB, ownMemoryMiB, release, table } from './lib.mjs';

const GOAL = 40;
const PERIOD = 120;
const ROWS = 50;
const count = Number(process.argv[2] ?? 1000);
const seconds = Number(process.argv[3] ?? 2 * PERIOD);

release();

async function fleet(kind) {
  const server = await Peregrine.start({ verb: 'server' });
  const api = await server.api();
  const peers = new Peers([server.datastore, 'agents', String(count), kind]);
  await peers.hear();
  const before = ownMemoryMiB(server.pid);
  peers.tell('begin');
  const { ready } = await peers.hear();
  // What coming cost passes, and the polls that were answered at once are held.
  await pause(30_000);
  const per = ((ownMemoryMiB(server.pid) - before) * 1024) / count;
  const cpuOver = async (seconds) => {
    const cpu = cpuSeconds(server.pid);
    await pause(seconds * 1000);
    return (60 * (cpuSeconds(server.pid) - cpu)) / seconds;
  };
  const idle = await cpuOver(60);
  const rows = async () => {
    let sum = 0;
    for (const id of ready) for (const set of (await api.get(`clients/${id}/events`)).artifacts) sum += set.rows ?? 0;
    return sum;
  };
  const already = await rows();
  peers.tell(`events ${PERIOD} ${ROWS}`);
  const busy = await cpuOver(seconds);
  peers.tell('stop');
  const { report } = await peers.hear();
  const sent = report.reduce((sum, one) => sum + one.events, 0);
  const stored = (await rows()) - already;
  const refused = report.reduce((sum, one) => sum + one.refused, 0);
  const resident = memoryMiB(server.pid);
  for (const complaint of peers.complaints.slice(0, 10)) console.error(complaint);
  peers.end();
  await server.stop();
  return {
    row: {
      agents: `${count} by ${kind}`,
      'memory each, idle': `${per.toFixed(1)} KiB`,
      'CPU, idle': `${idle.toFixed(2)} s per minute`,
      'CPU, event rows': `${busy.toFixed(2)} s per minute`,
      'rows sent': sent,
      'rows stored': stored,
      refused,
      'resident at the end': `${resident.toFixed(0)} MiB`,
    },
    holds: per <= GOAL && stored === sent && refused === 0,
  };
}

const results = [];
for (const kind of ['poll', 'websocket']) results.push(await fleet(kind));
table(results.map(({ row }) => row));
const holds = results.every((result) => result.holds);
if (!holds) console.error(`does not hold: at most ${GOAL} KiB each, every row stored once, nobody refused`);
process.exit(holds ? 0 : 1);
