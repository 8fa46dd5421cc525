/** Text from endpoints is untrusted: make hidden characters visible, and defuse links. */

const NAMED: Record<number, string> = { 10: '↵' };

/** C0 and C1 controls, soft hyphen, zero-width and direction-changing characters, BOM, lone surrogates, tags. */
const HIDDEN =
  // The class lists combining code points deliberately; none is meant to combine here.
  // eslint-disable-next-line no-misleading-character-class
  /[\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]|[\u{e0000}-\u{e007f}]/gu;

/** The visible replacement of a hidden character: `^G` for controls (every font has it), `⟨U+202E⟩` for the rest. */
function standIn(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  if (NAMED[code]) return NAMED[code];
  if (code < 0x20) return `^${String.fromCodePoint(0x40 + code)}`;
  if (code === 0x7f) return '^?';
  return `⟨U+${code.toString(16).toUpperCase().padStart(4, '0')}⟩`;
}

interface Piece {
  text: string;
  hidden: boolean;
}

/** Splits text into parts that can be shown unchanged and replacements of hidden characters. Newlines are kept on request. */
export function revealPieces(text: string, keepNewlines = false): Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  for (const match of text.matchAll(HIDDEN)) {
    if (keepNewlines && (match[0] === '\n' || match[0] === '\t')) continue;
    if (match.index > end) pieces.push({ text: text.slice(end, match.index), hidden: false });
    pieces.push({ text: standIn(match[0]), hidden: true });
    end = match.index + match[0].length;
  }
  if (end < text.length) pieces.push({ text: text.slice(end), hidden: false });
  return pieces;
}

function hasHidden(text: string): boolean {
  HIDDEN.lastIndex = 0;
  return HIDDEN.test(text);
}

/** The same as one string, for titles and canvases. */
export function reveal(text: string): string {
  return hasHidden(text) ? text.replace(HIDDEN, standIn) : text;
}

/** `http://evil.example/x` becomes `hxxp://evil[.]example/x`: readable, never clickable by accident. */
export function defang(text: string): string {
  return text.replace(/\b(h)(tt)(ps?):\/\/([^\s/?#"'<>]+)/gi, (_, h: string, tt: string, ps: string, host: string) => {
    const xx = tt === tt.toUpperCase() ? 'XX' : 'xx';
    return `${h}${xx}${ps}://${host.replace(/\./g, '[.]')}`;
  }).replace(/\b(f)(t)(ps?):\/\/([^\s/?#"'<>]+)/gi, (_, f: string, _t: string, ps: string, host: string) => `${f}x${ps}://${host.replace(/\./g, '[.]')}`);
}

/** At most `max` characters, cut between characters, with an ellipsis. */
export function clip(text: string, max: number): string {
  if (text.length <= max) return text;
  const cut = text.slice(0, max);
  return `${/[\ud800-\udbff]$/.test(cut) ? cut.slice(0, -1) : cut}…`;
}

/** One letter case for searching. */
export function folds(haystack: string | null | undefined, needle: string): boolean {
  return !!haystack && haystack.toLowerCase().includes(needle.toLowerCase());
}

/** Text as a VQL string literal. */
export function vqlString(text: string): string {
  return `'${text.replace(/\\/g, '\\\\').replace(/'/g, "\\'").replace(/\n/g, '\\n').replace(/\r/g, '\\r').replace(/\t/g, '\\t')}'`;
}

/** Text as one POSIX shell word. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replace(/'/g, `'\\''`)}'`;
}
