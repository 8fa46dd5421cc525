// An editor as the language server sees one: runs `peregrine lsp` with the client library of real editors.
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { binary, repository } from './paths.mjs';
import { start } from './processes.mjs';
import { until } from './wait.mjs';

const require = createRequire(path.join(repository, 'gui', 'package.json'));
export const protocol = require('vscode-languageserver-protocol/node');

/** A session with one server. */
export class Editor {
  /** Starts the server and initializes the session. */
  static async start({ folder = null, encodings = undefined, args = [], initialize = true } = {}) {
    const child = start(binary(), ['lsp', '--stdio', ...args], { stdio: 'pipe' });
    const editor = new Editor(child);
    if (initialize) {
      editor.server = await editor.ask('initialize', {
        processId: process.pid,
        rootUri: null,
        capabilities: encodings ? { general: { positionEncodings: encodings } } : {},
        workspaceFolders: folder ? [{ uri: pathToFileURL(folder).href, name: 'folder' }] : null,
      });
      await editor.tell('initialized', {});
    }
    return editor;
  }

  constructor(child) {
    this.child = child;
    this.diagnostics = new Map();
    const reader = new protocol.StreamMessageReader(child.stdout);
    const writer = new protocol.StreamMessageWriter(child.stdin);
    this.connection = protocol.createProtocolConnection(reader, writer, { error() {}, warn() {}, info() {}, log() {} });
    this.connection.onNotification('textDocument/publishDiagnostics', (params) => this.diagnostics.set(params.uri, params));
    this.connection.listen();
    this.version = 0;
  }

  ask = (method, params) => this.connection.sendRequest(method, params);
  tell = (method, params) => this.connection.sendNotification(method, params);

  /** Opens a text without the marker `|CURSOR|` in it; returns the marker's position. */
  async open(uri, marked, languageId = uri.endsWith('.yaml') ? 'yaml' : 'vql') {
    const at = marked.indexOf('|CURSOR|');
    const text = marked.replace('|CURSOR|', '');
    this.version += 1;
    this.diagnostics.delete(uri);
    await this.tell('textDocument/didOpen', { textDocument: { uri, languageId, version: this.version, text } });
    return { textDocument: { uri }, position: at < 0 ? null : positionOf(text, at), text };
  }

  /** Changes a text incrementally, with `[[range, text], …]`, or as a whole, with a string. */
  async change(uri, changes) {
    this.version += 1;
    this.diagnostics.delete(uri);
    const contentChanges = typeof changes === 'string' ? [{ text: changes }] : changes.map(([range, text]) => ({ range, text }));
    await this.tell('textDocument/didChange', { textDocument: { uri, version: this.version }, contentChanges });
  }

  /** The diagnostics of the latest version of a text. */
  async findings(uri) {
    const params = await until(`diagnostics of ${uri}`, () => {
      const found = this.diagnostics.get(uri);
      return found && (found.version === undefined || found.version === this.version) ? found : null;
    }, { explain: () => this.child.err });
    return params.diagnostics;
  }

  /** Shuts the server down as an editor does; returns exit code and signal. */
  async stop() {
    await this.ask('shutdown');
    await this.tell('exit');
    return this.child.ended;
  }
}

/** Line and character (UTF-16) of an offset. */
export function positionOf(text, offset) {
  const lines = text.slice(0, offset).split('\n');
  return { line: lines.length - 1, character: lines.at(-1).length };
}

/** Applies edits to a text. */
export function applied(text, edits) {
  const offset = ({ line, character }) => text.split('\n').slice(0, line).reduce((sum, each) => sum + each.length + 1, 0) + character;
  const sorted = [...edits].sort((a, b) => offset(b.range.start) - offset(a.range.start));
  return sorted.reduce((done, edit) => done.slice(0, offset(edit.range.start)) + edit.newText + done.slice(offset(edit.range.end)), text);
}

/** `line:character code` of each finding, counted from 0. */
export const places = (findings) => findings.map(({ range, code }) => `${range.start.line}:${range.start.character} ${code}`);
