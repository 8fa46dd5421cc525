// The gRPC API: a program of a user asks a server over it, and `peregrine query --api-config` is one.
import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { edit } from './lib/elsewhere.mjs';
import { Api } from './lib/api.mjs';
import { binary, scratch } from './lib/paths.mjs';
import { Peregrine, peregrine } from './lib/peregrine.mjs';
import { start } from './lib/processes.mjs';
import { until } from './lib/wait.mjs';

const ENDLESS = 'SELECT count() AS N FROM clock(period=0.1)';

describe('gRPC API', { timeout: 300_000 }, () => {
  let server;
  let api;
  const folder = scratch('api-clients');
  const place = (name) => path.join(folder, `${name}.yaml`);

  /** Makes an API client of a server. */
  const make = (name, args = [], { verb = 'api_client', of = server, file = place(name) } = {}) => peregrine(['config', verb, '--name', name, '--datastore', of.datastore, ...args, file]);
  const remote = (file, ...args) => peregrine(['query', '--api-config', place(file), ...args]);
  /** What a query is refused with. */
  const refusal = async (file, ...args) => {
    const { code, out, err } = await remote(file, ...args);
    assert.deepEqual([code, out], [1, ''], err);
    assert.doesNotMatch(err, /panicked|RUST_BACKTRACE/);
    return err;
  };
  const running = async () => (await api.get('queries')).queries;
  const noneRuns = () => until('no query runs', async () => (await running()).length === 0);

  before(async () => {
    server = await Peregrine.start({ verb: 'server' });
    api = await server.api();
    const { code, out, err } = await make('forwarder', ['--role', 'api']);
    assert.equal(code, 0, err);
    assert.match(out, /user `forwarder` has the roles api/);
  });
  after(() => server?.stop());

  test('a file lets its user in, is kept from others, and replaced only when that is asked for', async () => {
    assert.equal(statSync(place('forwarder')).mode & 0o777, 0o600);
    const text = readFileSync(place('forwarder'), 'utf8');
    assert.match(text, /^api_connection_string: "?127\.0\.0\.1:\d+"?$/m);
    const again = await make('forwarder');
    assert.equal(again.code, 1);
    assert.match(again.err, /exists already; choose another name, or replace it with --overwrite/);
    assert.equal(readFileSync(place('forwarder'), 'utf8'), text);
    const replaced = await make('forwarder', ['--overwrite'], { verb: 'api-client' });
    assert.equal(replaced.code, 0, replaced.err);
    assert.notEqual(readFileSync(place('forwarder'), 'utf8'), text);
    assert.match(replaced.out, /has the roles api/, 'the user keeps its roles');
    for (const [args, message] of [
      [['--name', 'VelociraptorServer', '--datastore', server.datastore], /cannot be a user name/],
      [['--name', 'x', '--role', 'emperor', '--datastore', server.datastore], /unknown role `emperor`/],
      [['--name', 'x', '--datastore', folder], /has no `server\.config\.yaml`/],
    ]) {
      const { code, err } = await peregrine(['config', 'api_client', ...args, place('none')]);
      assert.notEqual(code, 0);
      assert.match(err, message);
    }
    const users = await peregrine(['user', 'list', '--datastore', server.datastore]);
    assert.match(users.out, /^forwarder +api /m);
    await assert.rejects(new Api(server.url).signIn('forwarder', ''), { status: 401 });
  });

  test('rows look like those of a query on this machine', async () => {
    const vql = `LET Rows = SELECT _value AS N, 'a,"b' + Given AS Text, dict(A=1.5, B=NULL) AS D, timestamp(epoch=1700000000) AS Time FROM range(end=3)
      SELECT * FROM Rows
      SELECT N FROM Rows WHERE N > 0`;
    const more = 'SELECT * FROM chain(a={ SELECT 1 AS A FROM scope() }, b={ SELECT 2 AS A, 18446744073709551615 AS B FROM scope() })';
    for (const format of ['json', 'jsonl', 'csv', 'table', 'record']) {
      const args = ['--format', format, '--env', 'Given=ü\n', vql, more];
      const here = await peregrine(['query', ...args]);
      const there = await remote('forwarder', ...args);
      assert.deepEqual([there.code, there.err], [0, ''], there.err);
      assert.equal(there.out, here.out, format);
    }
    const large = `LET Rows = SELECT format(format='%0100d', args=_value) AS X FROM range(end=60000)
      SELECT join(array=Rows.X, sep='') AS Large FROM scope()`;
    assert.equal(JSON.parse((await remote('forwarder', large)).out).Large.length, 6_000_000);
    const file = path.join(folder, 'rows');
    const written = await remote('forwarder', '--output', file, 'SELECT 1 AS A FROM scope()');
    assert.deepEqual([written.code, written.out, readFileSync(file, 'utf8')], [0, '', '{"A":1}\n'], written.err);
    assert.equal((await remote('forwarder', '--format', 'json', 'SELECT * FROM range(end=0)')).out, '[]\n');
  });

  test('it is the server that answers, as the user of the file', async () => {
    const { out } = await remote('forwarder', 'SELECT whoami() AS Me, label(client_id="C.0123456789abcdef", labels="x", op="set") AS L FROM scope()');
    assert.deepEqual(JSON.parse(out), { Me: 'forwarder', L: null });
    const { rows } = await api.get('audit');
    const own = rows.map((row) => JSON.stringify(row)).filter((row) => row.includes('"forwarder"') && row.includes('"Query"'));
    assert.ok(own.some((row) => row.includes('whoami()')), 'the audit log has it');
  });

  test('rows come as they are made, and Ctrl-C ends the query on the server', async () => {
    const query = start(binary(), ['query', '--api-config', place('forwarder'), '--format', 'jsonl', ENDLESS]);
    await until('a row has come', () => query.out.includes('"N":1}\n'), { explain: () => query.err });
    const [listed, ...others] = await running();
    assert.deepEqual([listed.principal, listed.vql, others], ['forwarder', ENDLESS, []]);
    query.kill('SIGINT');
    assert.deepEqual(await query.ended, { code: 130, signal: null });
    assert.match(query.err, /the query was stopped by signal 2, after \d+ row/);
    await noneRuns();
  });

  test('what ends a query early is told', async () => {
    const late = await remote('forwarder', '--timeout', '1', 'SELECT * FROM range(end=1000000000000) WHERE FALSE');
    assert.equal(late.code, 1);
    assert.match(late.err, /the query was stopped after 1 seconds \(--timeout\)/);
    const cut = await remote('forwarder', '--max-rows', '2', 'SELECT _value AS N FROM range(end=1000000000000)');
    assert.deepEqual([cut.code, cut.out], [1, '{"N":0}\n{"N":1}\n']);
    assert.match(cut.err, /stopped after 2 rows \(--max-rows\)/);
    await noneRuns();
    const stopped = start(binary(), ['query', '--api-config', place('forwarder'), ENDLESS]);
    const [{ query_id: id }] = await until('it runs', async () => (await running()).length > 0 && running());
    await api.delete(`queries/${id}`);
    assert.equal((await stopped.ended).code, 1);
    assert.match(stopped.err, /cancelled by admin/);
  });

  test('messages go to standard error, and errors to the exit code', async () => {
    const logged = await remote('forwarder', `SELECT log(message='all is well', level='INFO') AS L FROM scope()`);
    assert.deepEqual([logged.code, logged.err], [0, '[INFO] all is well\n']);
    const failed = await remote('forwarder', `SELECT log(message='it is broken', level='ERROR') AS L FROM scope()`);
    assert.deepEqual([failed.code, failed.err], [1, '[ERROR] it is broken\n']);
    const unparsed = await remote('forwarder', 'SELECT 1 AS A FROM scope()', 'SELECT * FORM scope()', 'SELECT 2 AS B FROM scope()');
    assert.deepEqual([unparsed.code, unparsed.out], [1, '{"A":1}\n']);
    assert.match(unparsed.err, /VQL Error: the query can not be parsed\nerror\[V\d+\]: expected `FROM`/);
  });

  test('without the permission nothing is answered, and roles count at once', async () => {
    const { code, err } = await make('looker');
    assert.equal(code, 0, err);
    assert.match(err, /has no roles and may do nothing yet; `peregrine user grant looker --role api`/);
    assert.match(await refusal('looker', ENDLESS), /permission `ANY_QUERY` is needed; ask an administrator/);
    const granted = await peregrine(['user', 'grant', 'looker', '--role', 'api', '--datastore', server.datastore]);
    assert.equal(granted.code, 0, granted.err);
    assert.equal((await remote('looker', 'SELECT 1 AS A FROM scope()')).out, '{"A":1}\n');
    await peregrine(['user', 'roles', 'looker', '--role', 'reader', '--datastore', server.datastore]);
    assert.match(await refusal('looker', ENDLESS), /permission `ANY_QUERY` is needed/);
  });

  test('servers and certificates of other deployments are not believed', async (t) => {
    const other = await Peregrine.start({ verb: 'server' });
    t.after(() => other.kill());
    assert.equal((await make('stranger', ['--role', 'api'], { of: other })).code, 0);
    const own = readFileSync(place('forwarder'), 'utf8');
    const foreign = readFileSync(place('stranger'), 'utf8');
    const part = (text, key) => new RegExp(`^${key}:.*\n(?:[ -].*\n)*`, 'm').exec(text)[0];
    const mixed = (base, from, keys) => keys.reduce((text, key) => text.replace(part(text, key), () => part(from, key)), base);
    writeFileSync(place('elsewhere'), mixed(foreign, own, ['api_connection_string']));
    assert.match(await refusal('elsewhere', ENDLESS), /is not believed: it belongs to another deployment than the file/);
    writeFileSync(place('imposter'), mixed(own, foreign, ['client_cert', 'client_private_key']));
    assert.match(await refusal('imposter', ENDLESS), /accept the certificate of the file/);
    writeFileSync(place('misnamed'), `${own}pinned_server_name: SomethingElse\n`);
    assert.match(await refusal('misnamed', ENDLESS), /its certificate is for another name than `pinned_server_name`/);
    await other.stop();
    assert.match(await refusal('stranger', ENDLESS), /no server can be reached at `127\.0\.0\.1:\d+`/);
  });

  test('a query whose server stops says so', async () => {
    const query = start(binary(), ['query', '--api-config', place('forwarder'), ENDLESS]);
    await until('it runs', async () => (await running()).length > 0);
    await server.stop();
    assert.equal((await query.ended).code, 1);
    assert.match(query.err, /the server stops/);
    server = await server.again();
    api = await server.api();
  });

  test('the API may be a socket in the file system', async () => {
    await server.stop();
    const socket = path.join(folder, 'api.sock');
    edit(path.join(server.datastore, 'server.config.yaml'), (text) => text.replace(/^API:\n(?: .*\n)*/m, `API:\n  bind_scheme: unix\n  bind_address: ${socket}\n`));
    server = await server.again();
    api = await server.api();
    const { code, err } = await make('local', ['--role', 'api']);
    assert.equal(code, 0, err);
    assert.match(readFileSync(place('local'), 'utf8'), new RegExp(`api_connection_string: "?unix://${socket}`));
    assert.equal((await remote('local', 'SELECT 1 AS A FROM scope()')).out, '{"A":1}\n');
  });
});
