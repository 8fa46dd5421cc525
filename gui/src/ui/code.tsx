/** Light colouring of VQL and YAML, as React text: nothing is ever parsed as HTML. */

import { useMemo } from 'react';
import { CopyButton } from './copy';

type Language = 'vql' | 'yaml' | 'json' | 'text';

const VQL =
  /(?<comment>--[^\n]*|\/\/[^\n]*|\/\*[\s\S]*?\*\/)|(?<string>'''[\s\S]*?'''|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")|(?<keyword>\b(?:SELECT|FROM|WHERE|LET|AND|OR|NOT|IN|AS|ORDER|BY|GROUP|LIMIT|DESC|EXPLAIN|NULL|TRUE|FALSE)\b)|(?<number>\b\d[\d_.]*\b)|(?<call>\b[A-Za-z_]\w*(?=\s*\())/gi;
const YAML = /(?<comment>(?<=^|\s)#[^\n]*)|(?<key>^[ \t-]*[\w.$-]+(?=:(?:\s|$)))|(?<string>"(?:\\.|[^"\\\n])*")|(?<keyword>(?<=:\s)[|>][+-]?(?=\n))/gm;
const JSON_TEXT = /(?<key>"(?:\\.|[^"\\])*"(?=\s*:))|(?<string>"(?:\\.|[^"\\])*")|(?<number>-?\b\d[\d.eE+-]*\b)|(?<keyword>\b(?:true|false|null)\b)/g;
const MAX_COLOURED = 200_000;

function colour(text: string, language: Language) {
  const grammar = language === 'vql' ? VQL : language === 'yaml' ? YAML : language === 'json' ? JSON_TEXT : null;
  if (!grammar || text.length > MAX_COLOURED) return [text];
  const parts: React.ReactNode[] = [];
  let end = 0;
  for (const match of text.matchAll(grammar)) {
    if (match.index > end) parts.push(text.slice(end, match.index));
    const kind = Object.entries(match.groups ?? {}).find(([, found]) => found !== undefined)?.[0] ?? '';
    parts.push(
      <span key={match.index} className={`code-${kind}`}>
        {match[0]}
      </span>,
    );
    end = match.index + match[0].length;
  }
  parts.push(text.slice(end));
  return parts;
}

export function Code({ text, language, label }: { text: string; language: Language; label: string }) {
  const parts = useMemo(() => colour(text, language), [text, language]);
  return (
    <div className={`code-block code-${language}`}>
      {/* Long lines scroll sideways; the keyboard must reach them. */}
      <pre tabIndex={0} role="group" aria-label={label}>
        <code>{parts}</code>
      </pre>
      <CopyButton text={text} label={`Copy ${label}`} />
    </div>
  );
}
