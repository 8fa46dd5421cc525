import { describe, expect, it } from 'vitest';
import { clip, defang, reveal, revealPieces, shellWord, vqlString } from './text';

describe('hostile text', () => {
  it.each([
    ['plain text', 'plain text'],
    ['a\u0007b', 'a^Gb'],
    ['line\nnext', 'line↵next'],
    ['gpj\u202eexe', 'gpj⟨U+202E⟩exe'],
    ['\u200bzero', '⟨U+200B⟩zero'],
    ['lone \ud800 half', 'lone ⟨U+D800⟩ half'],
    ['emoji 🦅 stays', 'emoji 🦅 stays'],
    ['tag \u{e0041}', 'tag ⟨U+E0041⟩'],
    ['\u001b[31mred\u007f', '^[[31mred^?'],
  ])('%j is shown as %j', (given, shown) => expect(reveal(given)).toBe(shown));

  it('keeps newlines where text may have lines', () => {
    expect(revealPieces('a\nb\u0000', true).map((piece) => piece.text).join('|')).toBe('a\nb|^@');
  });

  it.each([
    ['http://evil.example/x.sh', 'hxxp://evil[.]example/x.sh'],
    ['see HTTPS://a.b/c', 'see HXXPS://a[.]b/c'],
    ['ftp://files.example', 'fxp://files[.]example'],
    ['no.url.here', 'no.url.here'],
    ['two http://a.b http://c.d', 'two hxxp://a[.]b hxxp://c[.]d'],
  ])('defangs %j', (given, shown) => expect(defang(given)).toBe(shown));

  it('never cuts a character in half', () => expect(clip('ab🦅cd', 3)).toBe('ab…'));
});

describe('quoting', () => {
  it('writes VQL strings', () => expect(vqlString("it's\\n\n")).toBe("'it\\'s\\\\n\\n'"));
  it('writes shell words', () => {
    expect(shellWord('Glob=/home/x')).toBe('Glob=/home/x');
    expect(shellWord("a 'b'")).toBe(`'a '\\''b'\\'''`);
  });
});
