// A client of the REST API: session, CSRF token, errors, rows, live events.
import assert from 'node:assert/strict';
import https from 'node:https';
import { until } from './wait.mjs';

export class ApiError extends Error {
  constructor(method, path, status, body) {
    super(`${method} ${path}: ${status} ${body?.error?.code ?? ''} ${body?.error?.message ?? JSON.stringify(body)}`);
    this.status = status;
    this.code = body?.error?.code;
    this.detail = body?.error?.detail;
  }
}

export class Api {
  #agent = new https.Agent({ keepAlive: true, rejectUnauthorized: false });
  #cookie = '';
  #csrf = '';

  constructor(base) {
    this.base = base;
  }

  async signIn(username, password) {
    const { csrf_token } = await this.post('session', { username, password });
    this.#csrf = csrf_token;
  }

  /** Takes over the session of another client, perhaps at another server. */
  continue(other) {
    this.#cookie = other.#cookie;
    this.#csrf = other.#csrf;
  }

  get = (path, query) => this.request('GET', path, undefined, query);
  post = (path, body = undefined) => this.request('POST', path, body);
  put = (path, body) => this.request('PUT', path, body);
  delete = (path) => this.request('DELETE', path);

  /** Sends a request, which must succeed, and returns the parsed body of the answer. */
  async request(method, path, body, query = {}) {
    const { status, text } = await this.raw(method, path, body, query);
    let parsed = null;
    try {
      parsed = text === '' ? null : JSON.parse(text);
    } catch {
      parsed = text;
    }
    if (status >= 400) throw new ApiError(method, path, status, parsed);
    return parsed;
  }

  raw(method, path, body, query = {}) {
    return new Promise((resolve, reject) => {
      const request = this.#open(method, path, query, body !== undefined);
      request.on('error', reject);
      request.on('response', (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (part) => (text += part));
        response.on('end', () => {
          const set = response.headers['set-cookie']?.[0];
          if (set) this.#cookie = set.split(';')[0];
          resolve({ status: response.statusCode, headers: response.headers, text });
        });
        response.on('error', reject);
      });
      request.setTimeout(60_000, () => request.destroy(new Error(`${method} ${path}: no answer in 60 s`)));
      request.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  #open(method, path, query, hasBody) {
    const url = new URL(`/api/v1/${path}`, this.base);
    for (const [name, value] of Object.entries(query ?? {})) {
      if (value !== undefined && value !== null) url.searchParams.set(name, typeof value === 'object' ? JSON.stringify(value) : String(value));
    }
    const headers = { Accept: 'application/json' };
    if (this.#cookie) headers.Cookie = this.#cookie;
    if (method !== 'GET') headers['X-CSRF-Token'] = this.#csrf;
    if (hasBody) headers['Content-Type'] = 'application/json';
    return https.request(url, { method, headers, agent: this.#agent });
  }

  /** Live events: calls `onEvent(name, data)` until the returned function is called. Resolves once connected. */
  events(topics, onEvent) {
    return new Promise((resolve, reject) => {
      const request = this.#open('GET', 'events', { topics }, false);
      request.on('error', reject);
      request.on('response', (response) => {
        if (response.statusCode !== 200) {
          reject(new Error(`events: ${response.statusCode}`));
          return;
        }
        let buffer = '';
        response.setEncoding('utf8');
        response.on('error', () => undefined);
        response.on('data', (part) => {
          buffer += part;
          for (let end = buffer.indexOf('\n\n'); end >= 0; end = buffer.indexOf('\n\n')) {
            const fields = Object.fromEntries(buffer.slice(0, end).split('\n').filter((line) => /^\w+:/.test(line)).map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]));
            buffer = buffer.slice(end + 2);
            if (fields.event) onEvent(fields.event, JSON.parse(fields.data || '{}'));
          }
        });
        resolve(() => request.destroy());
      });
      request.end();
    });
  }

  /** Runs VQL on the server: its rows, messages and end. `onLine` sees each line as it comes. */
  query(vql, { onLine = () => undefined, ...options } = {}) {
    return new Promise((resolve, reject) => {
      const request = this.#open('POST', 'queries', {}, true);
      request.on('error', reject);
      request.on('response', (response) => {
        const answer = { rows: [], messages: [], ended: null };
        let buffer = '';
        response.setEncoding('utf8');
        response.on('error', reject);
        response.on('data', (part) => {
          const lines = (buffer + part).split('\n');
          buffer = lines.pop();
          if (response.statusCode !== 200) return;
          for (const line of lines.filter((each) => each !== '').map((each) => JSON.parse(each))) {
            if (line.row) answer.rows.push(line.row);
            if (line.log) answer.messages.push(`${line.log.level} ${line.log.message}`);
            if (line.ended) answer.ended = line.ended;
            onLine(line);
          }
        });
        response.on('end', () => {
          if (response.statusCode !== 200) reject(new ApiError('POST', 'queries', response.statusCode, JSON.parse(buffer)));
          else if (answer.ended === null) reject(new Error(`the answer to ${vql} has no end`));
          else resolve(answer);
        });
      });
      request.end(JSON.stringify({ vql, ...options }));
    });
  }

  async launch(clientId, artifact, parameters = {}, limits = {}) {
    const { flow_id } = await this.post(`clients/${clientId}/flows`, { artifacts: [{ artifact, parameters }], ...limits });
    return flow_id;
  }

  flow = (clientId, flowId) => this.get(`clients/${clientId}/flows/${flowId}`);

  /** Waits until a collection has ended, successfully or not. */
  ended(clientId, flowId, options) {
    let seen = null;
    return until(
      `collection ${flowId} has ended`,
      async () => {
        seen = await this.flow(clientId, flowId);
        return ['finished', 'error', 'cancelled'].includes(seen.state) ? seen : null;
      },
      { explain: () => `its state: ${JSON.stringify(seen)}`, ...options },
    );
  }

  /** All rows of a source as objects. */
  async rows(clientId, flowId, source, query = {}) {
    return this.#table(`clients/${clientId}/flows/${flowId}/results`, { source, ...query });
  }

  async logs(clientId, flowId) {
    return this.#table(`clients/${clientId}/flows/${flowId}/logs`, {});
  }

  async #table(path, query) {
    const rows = [];
    for (;;) {
      const page = await this.get(path, { limit: 1000, ...query, offset: rows.length });
      const names = page.columns.map((column) => column.name);
      for (const row of page.rows) rows.push(Object.fromEntries(names.map((name, at) => [name, row[at]])));
      if (rows.length >= page.total || page.rows.length === 0) return rows;
    }
  }

  /** Launches a collection, waits, and returns the rows; fails with the flow's message and log if it did not finish. */
  async collect(clientId, artifact, parameters = {}, { source = artifact, limits = {} } = {}) {
    const flowId = await this.launch(clientId, artifact, parameters, limits);
    const flow = await this.ended(clientId, flowId);
    if (flow.state !== 'finished') {
      const logs = await this.logs(clientId, flowId);
      assert.fail(`${artifact}: ${flow.status}\n${logs.map((line) => `${line.level} ${line.message}`).join('\n')}`);
    }
    return { flowId, flow, rows: await this.rows(clientId, flowId, source) };
  }
}
