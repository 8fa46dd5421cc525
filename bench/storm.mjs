// A storm of short processes against server, agent and tracker: node bench/storm.mjs [COUNT [SOURCE…]]
//
// The same storm once for each source of process events, `bpf` and `cn_proc` unless named. It writes down what it started;
// a collection tells what the tracker knows; both are compared. So are the rows of `Linux.Events.ProcessExecutions`, each
// with the chain that led to the process. Fails when anything is lost, missing or wrong with the first.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { scratch } from '../tests/e2e/lib/paths.mjs';
import { Peregrine, onlyClient } from '../tests/e2e/lib/peregrine.mjs';
import { run } from '../tests/e2e/lib/processes.mjs';
import { until } from '../tests/e2e/lib/wait.mjs';
import { chainsOf, namedPrograms } from './chains.mjs';
import { cpuSeconds, memoryMiB, release, table } from './lib.mjs';

const program = release();
const storm = path.join(path.dirname(program), 'examples', 'storm');
if (!existsSync(storm)) throw new Error(`no storm at ${storm}: cargo build --release -p peregrine-os --examples`);
const count = Number(process.argv[2] ?? 20_000);
const EXECUTIONS = 'Linux.Events.ProcessExecutions';
const VQL = 'Generic.Client.VQL';
const sources = process.argv.length > 3 ? process.argv.slice(3) : ['bpf', 'cn_proc'];

/** One storm, watched through one source, with a server and an agent of its own. */
async function watched(kind) {
  const server = await Peregrine.start();
  const api = await server.api();
  const client = await onlyClient(api);
  const ask = async (Command) => (await api.collect(client.client_id, VQL, { Command }, { limits: { max_rows: 10_000_000, timeout: 600 } })).rows;
  // The tracker remembers the whole storm.
  const parameters = { MaxSize: String(count * 2 + 10_000), EventSource: kind };
  await api.put('monitoring/client', { artifacts: [{ artifact: 'Linux.Events.TrackProcesses', parameters }, { artifact: EXECUTIONS, parameters: {} }], label_events: [] });
  // The machine takes the new table up and starts its event source again; what lives and dies in between is seen by neither.
  await pause(5000);
  const source = async () => (await ask('SELECT process_event_source() AS Source FROM scope()'))[0].Source;
  await until(`the tracker follows processes through ${kind}`, async () => (await source())?.Kind === kind);
  const agent = await server.agentReady();
  const before = await source();
  const cpu = cpuSeconds(agent);
  const truthFile = path.join(scratch('storm'), 'truth');
  const { code, err } = await run(storm, ['run', truthFile, String(count), '2', namedPrograms(scratch('programs'))]);
  if (code !== 0) throw new Error(err);
  const speed = JSON.parse(err.trim().split('\n').at(-1));
  const truth = readFileSync(truthFile, 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line));
  const label = truth[0].argv[1];
  // The storm's own end comes after all others.
  await until('the tracker has seen the end of the storm', async () => (await ask(`SELECT Id FROM foreach(row=process_tracker_all()) WHERE EndTime AND Data.Name = 'storm' AND int(int=split(string=Id, sep='-')[0]) = ${truth[0].ppid}`)).length > 0);
  const used = cpuSeconds(agent) - cpu;
  const after = await source();
  const rows = await ask(
    `SELECT int(int=split(string=Id, sep='-')[0]) AS Pid, int(int=split(string=ParentId, sep='-')[0]) AS Ppid, Data.CommandLine AS CommandLine, Data.ExitCode AS ExitCode, EndTime FROM foreach(row=process_tracker_all()) WHERE int(int=split(string=ParentId, sep='-')[0]) = ${truth[0].ppid} OR Data.CommandLine =~ '${label}'`,
  );
  const memory = memoryMiB(agent);
  const chains = await chainsOf(api, client.client_id, EXECUTIONS, truth);
  await server.stop();

  const byLine = new Map(rows.map((row) => [row.CommandLine, row]));
  // What ended before its arguments could be read is known by its number.
  const byPid = new Map(rows.map((row) => [row.Pid, row]));
  const wrong = { process: 0, arguments: 0, parent: 0, end: 0 };
  for (const { pid, ppid, argv, status } of truth) {
    const named = byLine.get(argv.join(' '));
    const row = named?.Pid === pid ? named : byPid.get(pid);
    if (!row) {
      wrong.process += 1;
      continue;
    }
    wrong.arguments += Number(row !== named);
    wrong.parent += Number(row.Ppid !== ppid);
    wrong.end += Number(!row.EndTime || row.ExitCode !== status >> 8);
  }
  const lost = after.Lost - before.Lost;
  return {
    row: {
      source: after.Kind,
      processes: count,
      'per second': Math.round(speed.per_second),
      'lost events': lost,
      'processes missing': wrong.process,
      'wrong arguments': wrong.arguments,
      'wrong parent': wrong.parent,
      'wrong end': wrong.end,
      'events missing': chains.missing,
      'events twice': chains.twice,
      'no chain': chains.none,
      'wrong chain': chains.wrong,
      'CPU per 1,000': `${((1e6 * used) / count).toFixed(0)} ms`,
      'resident after': `${memory.toFixed(1)} MiB`,
    },
    isPerfect: lost === 0 && [...Object.values(wrong), ...Object.values(chains)].every((number) => number === 0),
  };
}

const results = [];
for (const kind of sources) results.push(await watched(kind));
table(results.map(({ row }) => row));
process.exit(results[0].isPerfect ? 0 : 1);
