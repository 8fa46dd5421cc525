// A server that stores nothing on its own disk: PostgreSQL as database, a bucket for files, NATS as bus.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { edit, elsewhere } from './lib/elsewhere.mjs';
import { scratch } from './lib/paths.mjs';
import { Peregrine, onlyClient, peregrine } from './lib/peregrine.mjs';
import { run } from './lib/processes.mjs';
import { until } from './lib/wait.mjs';

const VQL = 'Generic.Client.VQL';
const FINDER = 'Linux.Search.FileFinder';

describe('a server with its stores elsewhere', { timeout: 600_000 }, () => {
  let stores;
  let server;
  let api;
  let client;
  let flow;
  const files = path.join(scratch('files'), 'evidence');

  before(async () => {
    mkdirSync(files);
    writeFileSync(path.join(files, 'note.txt'), 'as it was on the disk\n');
    stores = await elsewhere();
  });
  after(async () => {
    await server?.stop();
    stores?.child.kill('SIGINT');
    await stores?.child.ended;
  });

  test('a configuration that was used with another database does not begin with an empty one by itself', async (t) => {
    if (!stores.isWhole) {
      t.skip('PostgreSQL or NATS is not installed; scripts/setup test installs them');
      return;
    }
    const first = await Peregrine.start();
    await first.stop();
    const config = path.join(first.datastore, 'server.config.yaml');
    edit(config, (text) => text.replace('Datastore:\n', `Datastore:\n${stores.section}`));
    const refused = await peregrine(['server', '--datastore', first.datastore]);
    assert.notEqual(refused.code, 0);
    assert.match(refused.err, /database `test_0` on PostgreSQL server `127\.0\.0\.1` is empty, but its configuration is not new/);
    server = await Peregrine.start({ datastore: first.datastore, args: ['--new-database'] });
    api = await server.api();
    client = await onlyClient(api);
  });

  test('what an agent sends is there, and after a crash of the server as well', async (t) => {
    if (!server) return t.skip();
    const folder = path.join(server.datastore, 'objects');
    flow = await api.launch(client.client_id, FINDER, { SearchFilesGlob: `${files}/**`, Upload_File: 'Y' });
    assert.equal((await api.ended(client.client_id, flow)).state, 'finished');
    const check = async () => {
      const [row] = (await api.rows(client.client_id, flow, FINDER)).filter((each) => each.OSPath.endsWith('note.txt'));
      assert.equal(row.Size, 22);
      const { uploads } = await api.flow(client.client_id, flow);
      assert.deepEqual(uploads.map((upload) => path.basename(upload.path)), ['note.txt']);
      const { text } = await api.raw('GET', `clients/${client.client_id}/flows/${flow}/uploads/0`);
      assert.equal(text, 'as it was on the disk\n');
    };
    await check();
    assert.deepEqual(readdirSync(folder, { recursive: true }).filter((name) => name.includes('note')), [], 'nothing in the folder');
    await server.kill();
    server = await server.again();
    api = await server.api();
    await check();
  });

  test('large rows are in the bucket, the database only lists them, and both forget them', async (t) => {
    if (!server) return t.skip();
    // Rows so large and random that a thousand exceed 128 KiB even when compressed.
    const hash = (what) => `hash(path=str(str=${what}), accessor="data").SHA256`;
    const salts = Array.from({ length: 7 }, (_, at) => hash(`format(format="${at} %v", args=_value)`));
    const query = `SELECT _value AS N, ${hash('_value')} AS Hash, ${salts.join(' + ')} AS Noise FROM range(start=0, end=5000, step=1)`;
    const { flowId, rows } = await api.collect(client.client_id, VQL, { Command: query });
    assert.equal(rows.length, 5000);
    assert.ok(rows.every((row, at) => row.N === at));
    assert.equal(rows[7].Hash, createHash('sha256').update('7').digest('hex'));
    const listed = async (condition) => {
      const url = /database: (\S+)/.exec(stores.section)[1];
      const { code, out, err } = await run('psql', [url, '-At', '-c', `SELECT count(*) FROM row_objects WHERE ${condition}`]);
      assert.equal(code, 0, err);
      return Number(out);
    };
    assert.ok((await listed('chunk_id IS NOT NULL')) > 0, 'some of them are objects');
    const dumped = await peregrine(['query', '--datastore', server.datastore, '--format', 'jsonl', `SELECT count() AS Count FROM source(client_id="${client.client_id}", flow_id="${flowId}", artifact="${VQL}") GROUP BY 1`]);
    assert.equal(JSON.parse(dumped.out.trim()).Count, 5000, 'the command line finds them too');
    await api.delete(`clients/${client.client_id}/flows/${flowId}`);
    assert.equal(await listed('chunk_id IS NOT NULL'), 0);
    assert.ok((await listed('due IS NOT NULL')) > 0, 'they wait to be swept away');
    await server.kill();
    server = await server.again();
    api = await server.api();
    await until('the next server sweeps', async () => (await listed('true')) === 0);
  });

  test('accounts of the command line are those of the database', async (t) => {
    if (!server) return t.skip();
    const { out } = await peregrine(['user', 'list', '--datastore', server.datastore]);
    assert.match(out, /^admin\s+administrator/m);
    const rows = await peregrine(['query', '--datastore', server.datastore, '--format', 'jsonl', 'SELECT client_id FROM clients()']);
    assert.equal(JSON.parse(rows.out.trim()).client_id, client.client_id);
  });
});
