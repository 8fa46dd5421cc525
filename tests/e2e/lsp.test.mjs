// `peregrine lsp`, driven by the client library of real editors.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { applied, Editor, places, positionOf } from './lib/editor.mjs';
import { scratch } from './lib/paths.mjs';

const ARTIFACT = `name: Custom.Family
description: Finds a family.
parameters:
  - name: Wanted
    description: The name wanted.
    type: regex
sources:
  - query: |
      LET Rows = SELECT Hostname AS Host FROM info()

      SELECT Host, Wanted FROM Rows
      WHERE Host =~ Wanted
`;

let folder;
let editor;
const query = () => pathToFileURL(path.join(folder, 'query.vql')).href;
const family = () => pathToFileURL(path.join(folder, 'artifacts', 'Family.yaml')).href;

before(async () => {
  folder = scratch('lsp');
  mkdirSync(path.join(folder, 'artifacts'));
  writeFileSync(path.join(folder, 'artifacts', 'Family.yaml'), ARTIFACT);
  editor = await Editor.start({ folder });
});

after(async () => {
  const { code } = await editor.stop();
  assert.equal(code, 0, editor.child.err);
});

test('the server says what it can do', () => {
  const { capabilities, serverInfo } = editor.server;
  assert.equal(serverInfo.name, 'peregrine');
  assert.equal(capabilities.positionEncoding, 'utf-16');
  for (const name of ['completionProvider', 'hoverProvider', 'signatureHelpProvider', 'definitionProvider', 'renameProvider',
    'documentFormattingProvider', 'semanticTokensProvider']) assert.ok(capabilities[name], name);
});

test('findings come by themselves and go away', async () => {
  await editor.open(query(), "SELECT '😀', Nmae FROM pslst()\n");
  let found = await editor.findings(query());
  assert.deepEqual(places(found), ['0:23 V102']);
  assert.match(found[0].message, /did you mean `pslist`/);
  assert.equal(found[0].severity, 1);
  assert.deepEqual(found[0].range.end, { line: 0, character: 28 });

  // Incremental changes, in UTF-16 units.
  await editor.change(query(), [[{ start: { line: 0, character: 26 }, end: { line: 0, character: 26 } }, 'i']]);
  assert.deepEqual(await editor.findings(query()), []);
  await editor.change(query(), 'LET a = 1\nLET a = 2\nSELECT a FROM scope()');
  found = await editor.findings(query());
  assert.deepEqual(places(found), ['1:4 V111']);
  assert.equal(found[0].relatedInformation[0].location.range.start.line, 0);
  await editor.change(query(), 'SELECT FROM');
  assert.deepEqual(places(await editor.findings(query())), ['0:11 V010']);
  editor.diagnostics.delete(query());
  await editor.tell('textDocument/didClose', { textDocument: { uri: query() } });
  assert.deepEqual(await editor.findings(query()), []);
});

test('findings in an artifact stand where its VQL stands', async () => {
  await editor.open(family(), ARTIFACT.replace('Host =~ Wanted', 'Hst =~ Wantd').replace('FROM info()', 'FROM inf()'));
  assert.deepEqual(places(await editor.findings(family())), ['8:46 V102', '11:12 V120', '11:19 V120']);
  await editor.change(family(), ARTIFACT.replace('Host =~ Wanted', 'Hst =~ Wantd'));
  assert.deepEqual(places(await editor.findings(family())), ['11:12 V120', '11:19 V120']);
  await editor.change(family(), ARTIFACT.replace('sources:', 'surces:'));
  const [broken] = await editor.findings(family());
  assert.equal(broken.code, 'V200');
  assert.equal(broken.range.start.line, 6);
  await editor.change(family(), ARTIFACT);
  assert.deepEqual(await editor.findings(family()), []);
  // Other YAML files get no findings.
  const other = pathToFileURL(path.join(folder, 'compose.yaml')).href;
  await editor.open(other, 'services:\n  query: SELEC\n');
  assert.deepEqual(await editor.findings(other), []);
  // Neither does plain text, unless its name ends in `.vql`: some editors have no language id for VQL.
  await editor.open('file:///notes.txt', 'SELEC', 'plaintext');
  assert.deepEqual(await editor.findings('file:///notes.txt'), []);
  await editor.open('file:///notes.vql', 'SELEC', 'plaintext');
  assert.equal((await editor.findings('file:///notes.vql')).length, 1);
});

const labels = async (uri, text) => {
  const place = await editor.open(uri, text);
  const { items } = await editor.ask('textDocument/completion', place);
  return items.map((item) => item.label);
};

test('what fits the place is proposed', async () => {
  assert.deepEqual(await labels(query(), 'SELECT * FROM psl|CURSOR|'), ['pslist']);
  assert.deepEqual(await labels(query(), 'SELECT * FROM glob(glo|CURSOR|)'), ['globs']);
  assert.deepEqual(await labels(query(), 'LET MyRows = 1 SELECT * FROM MyR|CURSOR|'), ['MyRows']);
  assert.deepEqual(await labels(query(), 'SELECT Hostn|CURSOR| FROM info()'), ['Hostname']);
  assert.ok((await labels(query(), 'SELECT |CURSOR| FROM info()')).includes('Hostname'));
  assert.deepEqual(await labels(query(), 'SELECT * FROM info() WHE|CURSOR|'), ['WHERE']);
  assert.deepEqual(await labels(query(), 'SELECT * FROM Artifact.Custom.F|CURSOR|'), ['Artifact.Custom.Family']);
  assert.deepEqual(await labels(query(), 'SELECT * FROM Artifact.Custom.Family(W|CURSOR|'), ['Wanted']);
  assert.deepEqual(await labels(query(), "SELECT 'psl|CURSOR|"), []);
  assert.deepEqual(await labels(family(), ARTIFACT.replace('Host, Wanted', 'Host, Wan|CURSOR|')), ['Wanted']);
  assert.deepEqual(await labels(family(), ARTIFACT.replace('Host, Wanted', 'Ho|CURSOR|')), ['Host', 'host']);
  // No completion outside of VQL.
  assert.deepEqual(await labels(family(), ARTIFACT.replace('Finds a', 'Finds SEL|CURSOR|')), []);
  // Closed without saving, so the file on disk counts again.
  await editor.tell('textDocument/didClose', { textDocument: { uri: family() } });
});

test('a proposal brings its page, and fits what is there', async () => {
  const place = await editor.open(query(), "SELECT '😀', subs|CURSOR|(str='x') FROM scope()");
  const { items } = await editor.ask('textDocument/completion', place);
  assert.equal(items[0].label, 'substr');
  assert.match(items[0].documentation.value, /`str` \(string\)/);
  const result = applied(place.text, [items[0].textEdit]);
  assert.equal(result, "SELECT '😀', substr(str='x') FROM scope()");
});

const page = async (uri, text) => (await editor.ask('textDocument/hover', await editor.open(uri, text)))?.contents.value ?? '';

test('names explain themselves', async () => {
  assert.match(await page(query(), 'SELECT * FROM psl|CURSOR|ist()'), /processes/i);
  assert.match(await page(query(), "SELECT substr(s|CURSOR|tr='x') FROM scope()"), /^`str` \(string\)/);
  assert.match(await page(query(), 'SELECT Host|CURSOR|name FROM info()'), /column of `info\(\)`/);
  assert.match(await page(query(), 'LET Many = 1 + 2 SELECT Ma|CURSOR|ny FROM scope()'), /LET Many = 1 \+ 2/);
  assert.match(await page(query(), 'SELECT * FROM Artifact.Custom.Fam|CURSOR|ily()'), /Finds a family/);
  assert.match(await page(family(), ARTIFACT.replace('Host, Wanted', 'Host, Want|CURSOR|ed')), /The name wanted/);
  assert.equal(await page(query(), 'SELECT 1 FROM scope()  |CURSOR|'), '');
});

test('a call shows its arguments', async () => {
  const place = await editor.open(query(), "SELECT substr(str='a', start=|CURSOR|) FROM scope()");
  const help = await editor.ask('textDocument/signatureHelp', place);
  const [signature] = help.signatures;
  assert.match(signature.label, /^substr\(str=string, start/);
  const [start, end] = signature.parameters[help.activeParameter].label;
  assert.match(signature.label.slice(start, end), /^start/);
  assert.equal(await editor.ask('textDocument/signatureHelp', await editor.open(query(), 'SELECT (|CURSOR|')), null);
});

const target = async (uri, text) => editor.ask('textDocument/definition', await editor.open(uri, text));

test('definitions are found', async () => {
  let found = await target(query(), 'LET Rows = SELECT 1 FROM scope()\nSELECT * FROM Ro|CURSOR|ws');
  assert.deepEqual([found.uri, found.range.start], [query(), { line: 0, character: 4 }]);
  found = await target(query(), 'LET f(a, b) = a + b|CURSOR|\nSELECT f(a=1, b=2) FROM scope()');
  assert.deepEqual(found.range.start, { line: 0, character: 9 });
  found = await target(query(), 'LET f(a, b) = a + b\nSELECT f(a=1, b|CURSOR|=2) FROM scope()');
  assert.deepEqual(found.range.start, { line: 0, character: 9 });
  found = await target(query(), 'SELECT * FROM Artifact.Custom.Fam|CURSOR|ily()');
  assert.deepEqual([found.uri, found.range.start], [family(), { line: 0, character: 6 }]);
  found = await target(family(), ARTIFACT.replace('=~ Wanted', '=~ Wan|CURSOR|ted'));
  assert.deepEqual(found.range, { start: { line: 3, character: 10 }, end: { line: 3, character: 16 } });
  found = await target(family(), ARTIFACT.replace('FROM Rows', 'FROM Ro|CURSOR|ws'));
  assert.deepEqual(found.range.start, { line: 8, character: 10 });
  assert.equal(await target(query(), 'SELECT * FROM psl|CURSOR|ist()'), null);
});

const renamed = async (uri, text, newName) => {
  const place = await editor.open(uri, text);
  const prepared = await editor.ask('textDocument/prepareRename', place);
  assert.ok(prepared.placeholder);
  const { changes } = await editor.ask('textDocument/rename', { ...place, newName });
  return applied(place.text, changes[uri]);
};

test('LETs and parameters get other names', async () => {
  assert.equal(
    await renamed(query(), "LET Rows = SELECT '😀' AS a FROM scope()\nSELECT '😀', Ro|CURSOR|ws.a FROM Rows", 'All'),
    "LET All = SELECT '😀' AS a FROM scope()\nSELECT '😀', All.a FROM All",
  );
  assert.equal(
    await renamed(query(), 'LET f(a|CURSOR|) = a + 1\nSELECT f(a=1) FROM scope()', 'first'),
    'LET f(first) = first + 1\nSELECT f(first=1) FROM scope()',
  );
  // The cursor may be on the use or on the declaration.
  for (const place of ['=~ Wan|CURSOR|ted', 'name: Wan|CURSOR|ted']) {
    const text = ARTIFACT.replace(place.replace('|CURSOR|', ''), place);
    assert.equal(await renamed(family(), text, 'Pattern'), ARTIFACT.replaceAll(/\bWanted\b/g, 'Pattern'));
  }
});

test('what cannot be renamed says why', async () => {
  const refused = async (text, newName, words) => {
    const place = await editor.open(query(), text);
    await assert.rejects(editor.ask('textDocument/rename', { ...place, newName }), (error) => {
      assert.equal(error.code, -32803);
      assert.match(error.message, words);
      return true;
    });
  };
  await refused('SELECT * FROM psl|CURSOR|ist()', 'x', /built-in plugin/);
  await refused("SELECT subs|CURSOR|tr(str='x') FROM scope()", 'x', /built-in function/);
  await refused('SELECT con|CURSOR|fig FROM scope()', 'x', /given by who runs/);
  await refused('LET a|CURSOR| = 1 LET b = 2 SELECT a, b FROM scope()', 'b', /already the name/);
  await refused('SELECT 1 |CURSOR| FROM scope()', 'b', /no name here/);
  const place = await editor.open(query(), 'SELECT * FROM psl|CURSOR|ist()');
  await assert.rejects(editor.ask('textDocument/prepareRename', place), /built-in plugin/);
});

test('texts are laid out', async () => {
  const options = { tabSize: 2, insertSpaces: true };
  const place = await editor.open(query(), '-- keep\nLET a=1\n\nselect   a   from scope()\n');
  const edits = await editor.ask('textDocument/formatting', { ...place, options });
  assert.equal(applied(place.text, edits), '-- keep\nLET a = 1\n\nSELECT a\nFROM scope()\n');
  await editor.change(query(), applied(place.text, edits));
  assert.deepEqual(await editor.ask('textDocument/formatting', { ...place, options }), []);
  const yaml = await editor.open(family(), ARTIFACT.replace('LET Rows = SELECT Hostname', 'LET   Rows=select Hostname'));
  const laidOut = applied(yaml.text, await editor.ask('textDocument/formatting', { ...yaml, options }));
  assert.match(laidOut, /LET Rows = SELECT Hostname AS Host/);
  assert.ok(laidOut.startsWith('name: Custom.Family\ndescription: Finds a family.\n'));
  const broken = await editor.open(query(), 'SELECT FROM');
  await assert.rejects(editor.ask('textDocument/formatting', { ...broken, options }), /can not be laid out: 1:12/);
});

/** `text:kind` of each token. */
async function coloured(uri, text) {
  const place = await editor.open(uri, text);
  const { data } = await editor.ask('textDocument/semanticTokens/full', place);
  const { tokenTypes } = editor.server.capabilities.semanticTokensProvider.legend;
  const lines = place.text.split('\n');
  let [line, character] = [0, 0];
  const found = [];
  for (let at = 0; at < data.length; at += 5) {
    character = data[at] === 0 ? character + data[at + 1] : data[at + 1];
    line += data[at];
    found.push(`${lines[line].slice(character, character + data[at + 2])}:${tokenTypes[data[at + 3]]}`);
  }
  return found;
}

test('words have colours', async () => {
  const found = await coloured(query(), "LET x = '😀\nb' -- c\nSELECT str(str=x) FROM info()");
  assert.deepEqual(found, ['LET:keyword', 'x:variable', '=:operator', "'😀:string", "b':string", '-- c:comment', 'SELECT:keyword',
    'str:function', 'str:parameter', '=:operator', 'x:variable', 'FROM:keyword', 'info:class']);
  const yaml = await coloured(family(), ARTIFACT);
  assert.equal(yaml[0], 'LET:keyword');
  assert.ok(yaml.includes('info:class'));
});

test('unknown requests and bad parameters are answered', async () => {
  await assert.rejects(editor.ask('textDocument/nonsense', {}), (error) => error.code === -32601);
  await assert.rejects(editor.ask('textDocument/hover', { nonsense: true }), (error) => error.code === -32602);
  const nowhere = { textDocument: { uri: 'file:///not/open.vql' }, position: { line: 3, character: 4 } };
  assert.equal(await editor.ask('textDocument/hover', nowhere), null);
  assert.deepEqual((await editor.ask('textDocument/completion', nowhere)).items, []);
  // Nonsensical notifications are ignored.
  await editor.tell('textDocument/didChange', { textDocument: { uri: 'file:///not/open.vql', version: 1 }, contentChanges: [] });
  await editor.tell('$/nonsense', {});
  await editor.tell('textDocument/didOpen', { nonsense: true });
  const beyond = await editor.open(query(), 'SELECT 1 FROM scope()');
  assert.equal(await editor.ask('textDocument/hover', { ...beyond, position: { line: 99, character: 99 } }), null);
});

test('damaged texts are survived', async () => {
  const vql = "LET f(a, `é b`=[1]) = a[0:2].x + 'ß\\'' -- ü\nSELECT *, { SELECT Uid FROM users() } AS y FROM foreach(row={ SELECT * FROM info() })";
  const uris = [[query(), vql], [family(), ARTIFACT.replace('Finds', '😀'), ARTIFACT]];
  for (const [uri, text] of uris) {
    for (let at = 0; at <= text.length; at += 5) {
      for (const damaged of [text.slice(0, at), text.slice(at), text.slice(0, at) + text.slice(at + 3)]) {
        await editor.open(uri, damaged);
        const place = { textDocument: { uri }, position: positionOf(damaged, Math.min(at, damaged.length)) };
        await Promise.all(['completion', 'hover', 'signatureHelp', 'definition', 'semanticTokens/full'].map((method) =>
          editor.ask(`textDocument/${method}`, place)));
        await editor.ask('textDocument/rename', { ...place, newName: 'fresh' }).catch((error) => assert.equal(error.code, -32803));
      }
    }
    await editor.findings(uri);
  }
  assert.doesNotMatch(editor.child.err, /panicked/);
});

test('a large text stays usable', async () => {
  let text = '';
  for (let at = 0; text.length < 1_000_000; at += 1) {
    text += `LET name${at} = SELECT Hostname, format(format='%v', args=name${Math.floor(at / 2)}.Uptime) AS X FROM info() WHERE X =~ 'a${at % 50}'\n`;
  }
  const place = await editor.open(query(), `${text}SELECT * FROM psl|CURSOR|`);
  const started = Date.now();
  const { items } = await editor.ask('textDocument/completion', place);
  assert.deepEqual(items.map((item) => item.label), ['pslist']);
  for (let at = 0; at < 5; at += 1) {
    const end = place.position;
    await editor.change(query(), [[{ start: end, end }, 'i']]);
  }
  await editor.ask('textDocument/hover', place);
  await editor.findings(query());
  const taken = Date.now() - started;
  console.log(`a text of 1 MB: completion, five changes, hover and findings in ${taken} ms`);
  assert.ok(taken < 60_000, `${taken} ms`);
});

test('positions may be bytes', async () => {
  const bytes = await Editor.start({ encodings: ['utf-8', 'utf-16'] });
  assert.equal(bytes.server.capabilities.positionEncoding, 'utf-8');
  await bytes.open(query(), "SELECT '😀é' FROM pslst()");
  assert.deepEqual(places(await bytes.findings(query())), ['0:21 V102']);
  assert.equal((await bytes.stop()).code, 0);
});

test('definitions may be in other folders', async () => {
  const other = await Editor.start({ args: ['-D', path.join(folder, 'artifacts')] });
  const place = await other.open('untitled:query', 'SELECT * FROM Artifact.Custom.Fam|CURSOR|ily(Wantd=1)');
  assert.deepEqual(places(await other.findings('untitled:query')), ['0:37 V131']);
  assert.equal((await other.ask('textDocument/definition', place)).uri, family());
  assert.equal((await other.stop()).code, 0);
});

test('the end is orderly, or the exit code says so', async () => {
  const early = await Editor.start({ initialize: false });
  await assert.rejects(early.ask('textDocument/hover', {}), (error) => error.code === -32002);
  await early.tell('exit');
  assert.equal((await early.child.ended).code, 1, 'exit without shutdown');

  const late = await Editor.start();
  await late.ask('shutdown');
  await assert.rejects(late.ask('textDocument/hover', {}), (error) => error.code === -32600);
  await late.tell('exit');
  assert.equal((await late.child.ended).code, 0);

  const gone = await Editor.start();
  gone.child.stdin.end();
  const { code } = await gone.child.ended;
  assert.equal(code, 1, 'the editor went away');

  const garbled = await Editor.start({ initialize: false });
  garbled.child.stdin.write('Content-Length: 5\r\n\r\n{{{{{');
  assert.equal((await garbled.child.ended).code, 1, 'no message');
  assert.doesNotMatch(garbled.child.err, /panicked/);
});
