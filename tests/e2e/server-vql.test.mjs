// VQL on the server: a user asks the fleet, acts on it, and is kept within limits.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { edit } from './lib/elsewhere.mjs';
import { scratch } from './lib/paths.mjs';
import { Api } from './lib/api.mjs';
import { Peregrine, onlyClient, peregrine } from './lib/peregrine.mjs';
import { until } from './lib/wait.mjs';

/** Arguments that get as far as the check of the permission. */
const VALUES = { int64: '1', int: '1', float: '1.0', bool: 'TRUE', Query: '{ SELECT 1 FROM scope() }', Dict: 'dict()', Lambda: '"x=>x"' };
const CALLS = {
  cache: "cache(func=1, key='a', name='a', filename='/tmp/cache')",
  client_set_metadata: "client_set_metadata(client_id='C.0123456789abcdef', metadata=dict(a=1))",
  collect_client: "collect_client(client_id='C.0123456789abcdef', artifacts='Generic.Client.Info')",
  parse_binary: `parse_binary(filename='/etc/passwd', profile='[["A", 0, [["x", 0, "uint8"]]]]', struct='A')`,
  sql: "sql(driver='sqlite', file='/etc/passwd', query='SELECT 1')",
  upload: "upload(file='/etc/passwd', accessor='file')",
};

describe('VQL on the server', { timeout: 300_000 }, () => {
  let server;
  let api;
  let client;

  before(async () => {
    server = await Peregrine.start();
    api = await server.api();
    client = await onlyClient(api);
  });
  after(() => server?.stop());

  test('collects from a machine, waits, and reads the rows', async () => {
    const { rows, messages, ended } = await api.query(
      `LET Asked <= collect_client(client_id=Machine, artifacts='Generic.Client.VQL', env=dict(Command='SELECT 6 * 7 AS Answer FROM scope()'))
       LET Flow(Try) = SELECT * FROM flows(client_id=Machine, flow_id=Asked.flow_id)
       LET Done <= SELECT * FROM foreach(row={ SELECT * FROM clock(period=0.2) }, query={ SELECT state FROM flows(client_id=Machine, flow_id=Asked.flow_id) WHERE state = 'FINISHED' }) LIMIT 1
       SELECT Answer, ClientId FROM source(client_id=Machine, flow_id=Asked.flow_id, artifact='Generic.Client.VQL')`,
      { env: { Machine: client.client_id } },
    );
    assert.deepEqual(rows.map((row) => row.Answer), [42], messages.join('\\n'));
    assert.equal(ended.reason, 'complete');
  });

  test('labels reach the machine, and rows come as they are made', async () => {
    const seen = [];
    const watching = api.query(
      `SELECT Now, label(client_id=Machine, labels='seen', op='check') AS IsSeen FROM foreach(row={ SELECT * FROM clock(period=0.1) }, query={ SELECT now() AS Now FROM scope() })
       WHERE IsSeen LIMIT 1`,
      { env: { Machine: client.client_id }, onLine: (line) => seen.push(line) },
    );
    await until('it has begun', () => seen.length > 0);
    await api.query("SELECT label(client_id=Machine, labels=['Seen', 'other'], op='set') FROM scope()", { env: { Machine: client.client_id } });
    assert.equal((await watching).rows[0].IsSeen, true);
    assert.deepEqual((await api.get(`clients/${client.client_id}`)).labels.sort(), ['Seen', 'other']);
  });

  test('an artifact of the server has rows and files, and ends with its server', async () => {
    const folder = scratch('definitions');
    const define = (name, query) => writeFileSync(path.join(folder, `${name}.yaml`), `name: ${name}\ntype: SERVER\nsources:\n- query: |\n    ${query}\n`);
    define('Custom.Server.Files', `SELECT client_id, upload(accessor='data', file='of ' + client_id, name='about.txt').Size AS Size FROM clients()`);
    define('Custom.Server.Endless', 'SELECT * FROM clock(period=3600)');
    await server.stop();
    server = await Peregrine.start({ datastore: server.datastore, credentials: server.credentials, args: ['--definitions', folder] });
    api = await server.api();
    const { flow, rows } = await api.collect('server', 'Custom.Server.Files');
    assert.deepEqual(rows, [{ client_id: client.client_id, Size: client.client_id.length + 3 }]);
    assert.equal(flow.uploads[0].path, 'about.txt');
    const { text } = await api.raw('GET', `clients/server/flows/${flow.flow_id}/uploads/0`);
    assert.equal(text, `of ${client.client_id}`);

    const endless = await api.launch('server', 'Custom.Server.Endless');
    assert.equal((await api.flow('server', endless)).state, 'in_progress');
    await server.kill();
    server = await Peregrine.start({ datastore: server.datastore, credentials: server.credentials });
    api = await server.api();
    const ended = await api.ended('server', endless);
    assert.deepEqual([ended.state, ended.status], ['error', 'the server that ran it stopped']);
  });

  test('nothing that needs a permission works without it', async () => {
    const password = path.join(scratch('password'), 'password');
    writeFileSync(password, 'correct horse battery\n');
    const added = await peregrine(['user', 'add', 'asker', '--role', 'api', '--datastore', server.datastore, '--password-file', password]);
    assert.equal(added.code, 0, added.err);
    const asker = new Api(server.url);
    await asker.signIn('asker', 'correct horse battery');
    const has = ['ANY_QUERY', 'READ_RESULTS'];
    const all = JSON.parse((await peregrine(['vql', 'list', '--format', 'json'])).out);
    const refused = all.filter(({ kind, permissions }) => kind !== 'accessor' && permissions.length > 0 && !permissions.some((each) => has.includes(each)));
    assert.ok(refused.length > 80, `${refused.length} of ${all.length} need a permission`);
    const worked = [];
    for (const { name, kind, args } of refused) {
      const given = args.filter((arg) => arg.required).map((arg) => `${arg.name}=${VALUES[arg.type] ?? "'/etc/passwd'"}`);
      const call = CALLS[name] ?? `${name}(${given.join(', ')})`;
      const { rows, messages } = await asker.query(kind === 'plugin' ? `SELECT * FROM ${call}` : `SELECT ${call} AS Value FROM scope()`);
      const isRefused = messages.some((message) => /PERMISSION_DENIED|not implemented for this architecture|not supported by this version|Uploader not configured/.test(message));
      const isEmpty = rows.every((row) => Object.values(row).every((value) => !value));
      if (!isRefused || !isEmpty) worked.push(`${call}: ${JSON.stringify(rows)} ${messages.join(' | ')}`);
    }
    assert.deepEqual(worked, []);
  });

  test('what holds too much is ended by its limit alone', async () => {
    await server.stop();
    edit(path.join(server.datastore, 'server.config.yaml'), (text) => text.replace(/(query_max_memory:) 0/, '$1 67108864'));
    server = await Peregrine.start({ datastore: server.datastore, credentials: server.credentials });
    api = await server.api();
    const { rows, ended } = await api.query('SELECT array(a={ SELECT * FROM range(end=300000000) }) AS A FROM scope()');
    assert.deepEqual([rows, ended.reason], [[], 'out_of_memory']);
    assert.match(ended.message, /query_max_memory/);
    assert.deepEqual((await api.query('SELECT 1 AS A FROM scope()')).rows, [{ A: 1 }]);
  });
});
