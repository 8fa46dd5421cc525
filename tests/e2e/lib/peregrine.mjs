// The program under test as a user runs it: `peregrine gui`, `peregrine server`, `peregrine agent`.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Api } from './api.mjs';
import { binary, scratch } from './paths.mjs';
import { childrenOf, gone, run, start } from './processes.mjs';
import { final, until } from './wait.mjs';

const READY = 'Ctrl-C ends it.';

/** Parses what the program prints once it runs. */
export function parseAnnouncement(text) {
  return {
    url: /running at (https?:\/\/\S+?)\/?$/m.exec(text)?.[1] ?? null,
    user: /^\s*user\s+(\S+)$/m.exec(text)?.[1] ?? null,
    password: /^\s*password\s+(\S+)$/m.exec(text)?.[1] ?? null,
    data: /^\s*data\s+(.+)$/m.exec(text)?.[1] ?? null,
  };
}

/** A running server, with or without its own agent. Started again on the same folder, it keeps its ports. */
export class Peregrine {
  /** Starts `peregrine gui` (or `verb`) on a folder, by default a new one, and waits until it announces itself. */
  static async start({ verb = 'gui', datastore = path.join(scratch(verb), 'data'), args = [], credentials = null, ...options } = {}) {
    const ports = ['--port', '--agent-port', '--api-port'].flatMap((option) => (args.includes(option) ? [] : [option, '0']));
    const all = [verb, '--datastore', datastore, ...ports, ...(verb === 'gui' ? ['--no-browser'] : []), ...args];
    const child = start(binary(), all, options);
    const self = new Peregrine(child, datastore, all, options);
    let isOver = false;
    child.ended.then(() => (isOver = true), () => (isOver = true));
    await until(
      `\`peregrine ${all.join(' ')}\` announces itself`,
      () => {
        if (child.out.includes(READY)) return true;
        if (isOver) throw final(`peregrine ${all.join(' ')} ended: ${child.out}${child.err}`);
        return false;
      },
      { explain: () => child.err },
    );
    Object.assign(self, parseAnnouncement(child.out));
    self.credentials = self.password ? { user: self.user, password: self.password } : credentials;
    return self;
  }

  constructor(child, datastore, args, options) {
    this.child = child;
    this.datastore = datastore;
    this.args = args;
    this.options = options;
  }

  get pid() {
    return this.child.pid;
  }

  /** What it has logged, for messages of failed tests. */
  get log() {
    return this.child.err;
  }

  get clientConfig() {
    return path.join(this.datastore, 'client.config.yaml');
  }

  /** Starts the same program on the same folder again, after it has ended. */
  again() {
    return Peregrine.start({ verb: this.args[0], datastore: this.datastore, credentials: this.credentials, ...this.options });
  }

  async api() {
    const api = new Api(this.url);
    await api.signIn(this.credentials.user, this.credentials.password);
    return api;
  }

  /** Stops it as Ctrl-C does; returns exit code and signal. */
  async stop(signal = 'SIGINT') {
    const agent = this.args[0] === 'gui' ? this.agentPid() : null;
    this.child.kill(signal);
    const ended = await this.child.ended;
    if (agent) await gone(agent);
    return ended;
  }

  /** Ends it as a crash does. */
  async kill() {
    this.child.kill('SIGKILL');
    await this.child.ended;
  }

  /** The process id of the agent that `gui` runs, or null while there is none. */
  agentPid() {
    const found = childrenOf(this.pid).find(({ pid }) => commandLine(pid)[1] === 'agent');
    return found?.pid ?? null;
  }

  async agentReady() {
    return until('the agent runs', () => this.agentPid(), { explain: () => this.log });
  }
}

/** Starts an agent as a separate process. */
export function startAgent(server, state = path.join(server.datastore, 'separate-agent'), { config = server.clientConfig, args = [] } = {}) {
  return start(binary(), ['agent', '--config', config, '--state', state, ...args]);
}

/** Runs the program until it ends. */
export const peregrine = (args, options) => run(binary(), args, options);

function commandLine(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

/** The one machine of a fresh server, once it is online and interrogated. */
export async function onlyClient(api, { interrogated = true } = {}) {
  return until('the machine is online and interrogated', async () => {
    const { clients } = await api.get('clients');
    assert.ok(clients.length <= 1, 'one machine at most');
    const [client] = clients;
    return client?.online && (!interrogated || client.last_interrogate_flow_id) ? client : null;
  });
}
