// A machine gets a new identity while its agent runs: it becomes a new client, also after a restart.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { scratch } from './lib/paths.mjs';
import { Peregrine, onlyClient, startAgent } from './lib/peregrine.mjs';
import { until } from './lib/wait.mjs';

const VQL = 'Generic.Client.VQL';

test('rekey(): the machine enrols as a second client, works under it, and keeps it over a restart', { timeout: 300_000 }, async () => {
  const server = await Peregrine.start({ verb: 'server' });
  const state = scratch('agent');
  let agent = startAgent(server, state);
  const api = await server.api();
  const first = await onlyClient(api);
  const pid = agent.pid;
  const secret = /private_key: [|>]?-?\s*([\s\S]*)END RSA/.exec(readFileSync(path.join(state, 'writeback.yaml'), 'utf8'))[1].split('\n')[5].trim();

  const { rows } = await api.collect(first.client_id, VQL, { Command: 'SELECT rekey(wait=2) AS Id, rekey(wait=2) AS Again FROM scope()' });
  const id = rows[0].Id;
  assert.match(id, /^C\.[0-9a-f]{16}$/);
  assert.equal(rows[0].Again, id, 'called twice it is one new identity');
  assert.notEqual(id, first.client_id);

  const second = await until(
    'the machine is online under its new id, and interrogated',
    async () => {
      const { clients } = await api.get('clients');
      const found = clients.find((client) => client.client_id === id);
      return found?.online && found.last_interrogate_flow_id ? found : null;
    },
    { explain: () => agent.err },
  );
  assert.equal(second.hostname, first.hostname);
  assert.equal((await api.get('clients')).clients.length, 2);
  const answer = await api.collect(id, VQL, { Command: 'SELECT getpid() AS Pid FROM scope()' });
  assert.equal(answer.rows[0].Pid, pid, 'the process is the same');
  const files = ['writeback.yaml', 'writeback.yaml.bak'].map((name) => {
    try {
      return readFileSync(path.join(state, name), 'utf8');
    } catch {
      return '';
    }
  });
  assert.ok(files.every((text) => !text.includes(secret)), 'the old key is kept nowhere');

  agent.kill('SIGTERM');
  await agent.ended;
  agent = startAgent(server, state);
  const again = await api.collect(id, VQL, { Command: 'SELECT getpid() AS Pid FROM scope()' });
  assert.equal(again.rows[0].Pid, agent.pid);
  assert.equal((await api.get('clients')).clients.length, 2);
  agent.kill('SIGTERM');
  await agent.ended;
  await server.stop();
});
