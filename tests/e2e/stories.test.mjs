// What people automate with server monitoring, as they publish it: a machine comes online, an encoded command line, an
// alert that must reach somebody.
import assert from 'node:assert/strict';
import { appendFileSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { once } from 'node:events';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { edit } from './lib/elsewhere.mjs';
import { repository, scratch } from './lib/paths.mjs';
import { Peregrine, onlyClient } from './lib/peregrine.mjs';
import { start } from './lib/processes.mjs';
import { until } from './lib/wait.mjs';

/** A mail server that keeps what it takes in a folder. */
const SMTP = '/usr/bin/aiosmtpd';

/** The queries of the stories, as they were published. */
const COMES_ONLINE = `
  LET hits = SELECT client_id,
         os_info.fqdn as Hostname ,
         now() - last_seen_at / 1000000 AS LastSeen,
         label(client_id=client_id, labels=LabelGroup, op="remove")
  FROM clients(search="label:" + LabelGroup)
  WHERE LastSeen < 300

  LET send_massage = SELECT * FROM foreach(row=hits,
  query={
     SELECT client_id, Hostname, LastSeen, Content, Response
     FROM http_client(
          data=serialize(item=dict(
          text=format(format="Client %v (%v) has appeared online %v seconds ago",
                      args=[Hostname, client_id, LastSeen])),
          format="json"),
      headers=dict(\`Content-Type\`="application/json"),
      method="POST",
      url=token_url)
  })

  // Check every minute
  SELECT * FROM foreach(
     row={SELECT * FROM clock(period=60)},
     query=send_massage)`;

const ENCODED_COMMAND = `
  SELECT ClientId, ParentInfo, CommandLine, Timestamp, utf16(
     string=base64decode(
        string=parse_string_with_regex(
           string=CommandLine,
           regex='-((?i)(en|enc|encode|encodedCommand)) (?P<Encoded>[^ ]+)'
        ).Encoded)) AS Script
  FROM watch_monitoring(artifact='Windows.Events.ProcessCreation')
  WHERE CommandLine =~ '-(en|enc|encode|encodedCommand)'`;

/** Stands for the artifact of that name on machines that have no such events: what is appended to a file is an event. */
const PROCESS_CREATION = `
  SELECT EventData.UtcTime AS Timestamp,
         EventData.ParentCommandLine AS ParentInfo,
         EventData.CommandLine AS CommandLine
  FROM watch_jsonl(filename=EventFile)`;

/** Tries until the other side takes it, with a growing pause. */
const ESCALATE = `
  LET Tell(Alert) = SELECT Try, Response FROM foreach(
    row={ SELECT _value AS Try FROM range(end=10) },
    query={
      SELECT Try, Response
      FROM http_client(url=HookUrl, method="POST", data=serialize(item=Alert, format="json"))
      WHERE Response = 200 OR NOT sleep(ms=50 * (1 + Try))
    }) LIMIT 1

  SELECT name AS Name, client_id AS ClientId, event_data AS Data,
         Tell(Alert=dict(name=name, data=event_data))[0].Try AS FailedTries,
         mail(server="127.0.0.1", server_port=int(int=MailPort), period=0,
              \`from\`="peregrine@example.com", to="on-call@example.com",
              subject="Alert: " + name, body=format(format="%v on %v", args=(event_data.Text, client_id))).ErrorStatus AS Mail
  FROM watch_monitoring(artifact="Server.Internal.Alerts")`;

/** Rows of the article about sources of process events; some of the same form where it is not at hand. */
function processEvents() {
  const shared = process.env.PEREGRINE_SHARED && path.join(process.env.PEREGRINE_SHARED, 'reference/examples/process-creation.jsonl');
  if (shared) return readFileSync(shared, 'utf8').trim().split('\n').map((line) => JSON.parse(line));
  return [
    { EventID: 1, EventData: { UtcTime: '2022-08-16 18:54:34.972', CommandLine: 'C:\\tools\\procdump.exe -accepteula -ma lsass.exe C:\\Windows\\Temp\\lsass_dump.dmp', ParentCommandLine: 'cmd.exe' } },
    { EventID: 4688, EventData: { NewProcessId: '0x1b4', CommandLine: '', ParentProcessName: 'C:\\tools\\procdump.exe' } },
  ];
}

/** A web server that remembers what it was sent, and answers each request with the next of `answers`. */
async function webhook(answers = []) {
  const received = [];
  const server = http.createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (part) => (body += part));
    request.on('end', () => {
      const status = answers[received.length] ?? 200;
      received.push({ method: request.method, type: request.headers['content-type'], body, status });
      response.writeHead(status).end('taken');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { received, url: `http://127.0.0.1:${server.address().port}/hook`, close: () => server.close() };
}

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** A mail server on this port, which puts what it takes into a folder; returns that, and how to end it. */
async function mailServer(port) {
  const box = path.join(scratch('mail'), 'box');
  mkdirSync(path.dirname(box), { recursive: true });
  const smtp = start(SMTP, ['-n', '-c', 'aiosmtpd.handlers.Mailbox', '-l', `127.0.0.1:${port}`, box]);
  await until('the mail server listens', () => new Promise((resolve) => net.connect(port, '127.0.0.1', function connected() { this.end(); resolve(true); }).on('error', () => resolve(false))), { explain: () => smtp.err });
  const mails = () => readdirSync(path.join(box, 'new')).map((file) => readFileSync(path.join(box, 'new', file), 'utf8'));
  const end = async () => {
    smtp.kill();
    await smtp.ended;
  };
  return { mails, end };
}

const WITHOUT_MAIL_SERVER = !existsSync(SMTP) && !process.env.PEREGRINE_REQUIRE_SERVERS && 'aiosmtpd is not installed; scripts/setup test installs it';

describe('stories of server monitoring', { timeout: 300_000 }, () => {
  let server;
  let api;
  let client;
  let mailPort;
  const definitions = scratch('definitions');
  const define = (name, type, parameters, query) =>
    writeFileSync(path.join(definitions, `${name}.yaml`), JSON.stringify({ name, type, parameters: parameters.map((each) => ({ name: each })), sources: [{ query }] }));
  const monitor = (artifact, env) => api.query('SELECT add_server_monitoring(artifact=Name, parameters=parse_json(data=Env)) AS Table FROM scope()', { env: { Name: artifact, Env: JSON.stringify(env) } });
  const events = async (artifact, clientId = 'server') => (await api.query('SELECT * FROM monitoring(client_id=Id, artifact=Name)', { env: { Id: clientId, Name: artifact } })).rows;
  const isWatching = (artifact) => until(`${artifact} runs`, async () => (await api.query('SELECT * FROM monitoring_logs(client_id="server", artifact=Name) WHERE message =~ "Starting"', { env: { Name: artifact } })).rows.length > 0);
  const log = async (artifact) => (await api.query('SELECT level, message FROM monitoring_logs(client_id="server", artifact=Name) WHERE level != "DEBUG"', { env: { Name: artifact } })).rows;

  before(async () => {
    // They look once a minute, which is too slow for a test.
    const often = (text) => text.replace('clock(period=60)', 'clock(period=1)');
    define('Custom.Server.ComesOnline', 'SERVER_EVENT', ['LabelGroup', 'token_url'], often(COMES_ONLINE));
    define('Custom.Powershell.EncodedCommand', 'SERVER_EVENT', [], ENCODED_COMMAND);
    const shipped = readFileSync(path.join(repository, 'artifacts/Server/Slack/Clients/Online.yaml'), 'utf8');
    writeFileSync(path.join(definitions, 'Custom.Slack.Clients.Online.yaml'), often(shipped).replace('name: Server.', 'name: Custom.'));
    define('Windows.Events.ProcessCreation', 'CLIENT_EVENT', ['EventFile'], PROCESS_CREATION);
    define('Windows.Events.ServiceCreation', 'CLIENT_EVENT', [], 'SELECT * FROM scope() WHERE FALSE');
    define('Custom.Server.Escalate', 'SERVER_EVENT', ['HookUrl', 'MailPort'], ESCALATE);
    const args = ['--definitions', definitions];
    server = await Peregrine.start({ args });
    await server.stop();
    mailPort = await freePort();
    // Agents send event rows at once.
    edit(path.join(server.datastore, 'server.config.yaml'), (text) => {
      const mail = `Mail:\n  server: 127.0.0.1\n  server_port: ${mailPort}\n  from: peregrine@example.com\n`;
      return `${text.replace(/(event_max_wait(_jitter)?:) \d+/g, '$1 1')}\n${mail}`;
    });
    server = await Peregrine.start({ datastore: server.datastore, credentials: server.credentials, args });
    api = await server.api();
    client = await onlyClient(api);
  });
  after(() => server?.stop());

  test('a new server watches its own health', async () => {
    assert.deepEqual((await api.get('monitoring/server')).artifacts.map(({ artifact }) => artifact), ['Server.Monitor.Health']);
    const [row] = await until('there is a row', async () => {
      const rows = await events('Server.Monitor.Health/Prometheus');
      return rows.length > 0 && rows;
    });
    const { _ts, ...columns } = row;
    assert.deepEqual(Object.keys(columns), ['TotalFrontends', 'CPUPercent', 'MemoryUse', 'client_comms_current_connections']);
    assert.equal(columns.TotalFrontends, 1);
    assert.ok(columns.MemoryUse > 1 << 20 && _ts > 1e9, JSON.stringify(row));
    const { rows } = await api.query('SELECT * FROM watch_monitoring(artifact="Server.Monitor.Health/Prometheus") WHERE client_comms_current_connections = 1 LIMIT 1');
    assert.equal(rows[0]._Source, 'Server.Monitor.Health/Prometheus');
    assert.ok(rows[0].CPUPercent >= 0);
  });

  const online = {
    'the story': ['Custom.Server.ComesOnline', 'token_url', 'client_id', 'Client NAME has appeared online SECONDS seconds ago'],
    'the artifact that comes with the program': ['Custom.Slack.Clients.Online', 'SlackToken', 'ClientId', 'NAME is online: it was heard of SECONDS seconds ago'],
  };
  for (const [whose, [name, parameter, idColumn, text]] of Object.entries(online)) {
    test(`somebody is told once when a machine with a label comes online: ${whose}`, async () => {
      const hook = await webhook();
      await monitor(name, { LabelGroup: 'Awaited', [parameter]: hook.url });
      await isWatching(name);
      for (const count of [1, 2]) {
        await api.put(`clients/${client.client_id}/labels`, { add: ['Awaited'] });
        await until('the message comes', () => hook.received.length >= count, { deadline: 30_000 });
        await until('the label is gone', async () => !(await api.get(`clients/${client.client_id}`)).labels.includes('Awaited'));
        const rows = await until('the answer is stored', async () => {
          const found = await events(name);
          return found.length >= count && found;
        });
        assert.equal(rows.length, hook.received.length, 'one message for each row');
        assert.deepEqual([rows.at(-1)[idColumn], rows.at(-1).Response, rows.at(-1).Content], [client.client_id, 200, 'taken']);
      }
      assert.equal(hook.received.length, 2, 'told twice, because it was awaited twice');
      const pattern = new RegExp(`^${text.replace('NAME', `.+ \\(${client.client_id}\\)`).replace('SECONDS', '[\\d.-]+')}$`);
      for (const { method, type, body } of hook.received) {
        assert.deepEqual([method, type], ['POST', 'application/json']);
        assert.match(JSON.parse(body).text, pattern);
      }
      hook.close();
      await api.query('SELECT rm_server_monitoring(artifact=Name) FROM scope()', { env: { Name: name } });
    });
  }

  test('an encoded command line is seen and decoded', async () => {
    const file = path.join(scratch('events'), 'events.jsonl');
    writeFileSync(file, '');
    const artifacts = ['Custom.Powershell.EncodedCommand', 'Server.Powershell.EncodedCommand'];
    for (const artifact of artifacts) {
      await monitor(artifact, {});
      await isWatching(artifact);
    }
    await api.query('SELECT add_client_monitoring(artifact="Windows.Events.ProcessCreation", parameters=dict(EventFile=File)) FROM scope()', { env: { File: file } });
    await until('the agent watches', async () => (await api.query('SELECT * FROM monitoring_logs(client_id=Id, artifact="Windows.Events.ProcessCreation")', { env: { Id: client.client_id } })).rows.length > 0);
    const encoded = 'powershell -encodedCommand ZABpAHIAIAAiAGMAOgBcAHAAcgBvAGcAcgBhAG0AIABmAGkAbABlAHMAIgAgAA==';
    const others = processEvents();
    const all = [...others, { EventID: 1, EventData: { UtcTime: '2022-08-16 19:00:00.000', CommandLine: encoded, ParentCommandLine: 'explorer.exe' } }, ...others];
    appendFileSync(file, all.map((event) => `${JSON.stringify(event)}\n`).join(''));
    for (const artifact of artifacts) {
      const [found] = await until(`${artifact} finds it`, async () => {
        const rows = await events(artifact);
        return rows.length > 0 && rows;
      });
      const { _ts, ...columns } = found;
      assert.deepEqual(columns, { ClientId: client.client_id, ParentInfo: 'explorer.exe', CommandLine: encoded, Timestamp: '2022-08-16 19:00:00.000', Script: 'dir "c:\\program files" ' });
      assert.ok(_ts > 1e9);
    }
    await until('all events are stored', async () => (await events('Windows.Events.ProcessCreation', client.client_id)).length === all.length);
    for (const artifact of artifacts) assert.equal((await events(artifact)).length, 1, artifact);
  });

  // Before the other mails, because artifacts that come with the program send one a minute at most.
  test('a driver that copies the memory of a machine is reported by mail', { skip: WITHOUT_MAIL_SERVER }, async () => {
    const { mails, end } = await mailServer(mailPort);
    await monitor('Server.Alerts.WinPmem', { EmailAddress: 'on-call@example.com' });
    await isWatching('Server.Alerts.WinPmem');
    const service = { Timestamp: '2022-08-16T18:54:34Z', ServiceName: 'winpmem', ImagePath: 'C:/Users/eve/winpmem.sys' };
    await api.query("SELECT send_event(artifact='Windows.Events.ServiceCreation', client_id=Id, row=parse_json(data=Row)) FROM scope()", { env: { Id: client.client_id, Row: JSON.stringify(service) } });
    const [row] = await until('it is reported', async () => {
      const rows = await events('Server.Alerts.WinPmem');
      return rows.length > 0 && rows;
    });
    const { _ts, Fqdn, ...columns } = row;
    assert.deepEqual(columns, { ...service, ClientId: client.client_id, Mail: 'OK: Message Sent' });
    const [mail, ...more] = mails();
    assert.deepEqual(more, []);
    assert.match(mail, /^From: peregrine@example.com$/m);
    assert.ok(mail.includes(`Subject: Memory was copied on ${Fqdn}`) && mail.includes('winpmem.sys'), mail);
    await end();
  });

  test('an alert on a machine reaches the on-call person by mail, and a web service that fails at first', { skip: WITHOUT_MAIL_SERVER }, async () => {
    const hook = await webhook([500, 500]);
    const port = await freePort();
    const { mails, end } = await mailServer(port);
    await monitor('Custom.Server.Escalate', { HookUrl: hook.url, MailPort: String(port) });
    await isWatching('Custom.Server.Escalate');
    const raise = "SELECT alert(name='Intruder', Text='somebody is in', User='eve') AS Raised FROM scope()";
    const { flow } = await api.collect(client.client_id, 'Generic.Client.VQL', { Command: raise });

    const [row] = await until('it is escalated', async () => {
      const rows = await events('Custom.Server.Escalate');
      return rows.length > 0 && rows;
    });
    const { _ts, ...columns } = row;
    const explain = JSON.stringify(await log('Custom.Server.Escalate'));
    assert.deepEqual(columns, { Name: 'Intruder', ClientId: client.client_id, Data: { Text: 'somebody is in', User: 'eve' }, FailedTries: 2, Mail: 'OK: Message Sent' }, explain);
    assert.deepEqual(hook.received.map(({ status }) => status), [500, 500, 200]);
    assert.deepEqual(JSON.parse(hook.received[2].body), { name: 'Intruder', data: { Text: 'somebody is in', User: 'eve' } });
    const [mail, ...more] = mails();
    assert.deepEqual(more, []);
    assert.match(mail, /^Subject: Alert: Intruder$/m);
    assert.match(mail, new RegExp(`somebody is in on ${client.client_id}`));
    const [alert] = await events('Server.Internal.Alerts');
    assert.deepEqual([alert.flow_id, alert.client_id], [flow.flow_id, client.client_id]);
    await end();
    hook.close();
  });
});
