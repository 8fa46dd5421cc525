/** The subset of Markdown used in artifact descriptions, as React elements. No HTML is accepted, and links open in a new tab. */

import { Fragment, type ReactNode } from 'react';
import { MARKS } from '../lib/marks';
import { Code } from './code';

function inline(text: string): ReactNode[] {
  const out: ReactNode[] = [];
  let end = 0;
  for (const match of text.matchAll(MARKS)) {
    out.push(text.slice(end, match.index));
    end = match.index + match[0].length;
    const [, code, bold, italic, linkText, linkUrl, bareUrl] = match;
    const key = match.index;
    if (code) out.push(<code key={key}>{code}</code>);
    else if (bold) out.push(<strong key={key}>{bold}</strong>);
    else if (italic) out.push(<em key={key}>{italic}</em>);
    else {
      const url = linkUrl ?? bareUrl ?? '';
      out.push(
        <a key={key} href={url} target="_blank" rel="noopener noreferrer">
          {linkText ?? url}
        </a>,
      );
    }
  }
  out.push(text.slice(end));
  return out;
}

/** A line with inline markup, such as the note of a parameter. */
export function Inline({ text }: { text: string }) {
  return <>{inline(text)}</>;
}

export function Markdown({ text }: { text: string }) {
  const blocks: ReactNode[] = [];
  const lines = text.replace(/\r/g, '').split('\n');
  let at = 0;
  while (at < lines.length) {
    const line = lines[at] ?? '';
    const start = at;
    if (/^\s*$/.test(line)) {
      at += 1;
    } else if (/^\s*```/.test(line)) {
      const language = line.trim().slice(3).toLowerCase();
      at += 1;
      const body: string[] = [];
      while (at < lines.length && !/^\s*```/.test(lines[at] ?? '')) body.push(lines[at++] ?? '');
      at += 1;
      blocks.push(<Code key={start} text={body.join('\n')} language={language === 'vql' || language === 'sql' ? 'vql' : language === 'yaml' ? 'yaml' : 'text'} label="example" />);
    } else if (/^#{1,6}\s/.test(line)) {
      blocks.push(<h4 key={start}>{inline(line.replace(/^#+\s+/, ''))}</h4>);
      at += 1;
    } else if (/^\s*([-*]|\d+\.)\s+/.test(line)) {
      const items: string[] = [];
      const ordered = /^\s*\d/.test(line);
      while (at < lines.length && !/^\s*$/.test(lines[at] ?? '')) {
        const next = lines[at++] ?? '';
        if (/^\s*([-*]|\d+\.)\s+/.test(next)) items.push(next.replace(/^\s*([-*]|\d+\.)\s+/, ''));
        else items[items.length - 1] += ` ${next.trim()}`;
      }
      const List = ordered ? 'ol' : 'ul';
      blocks.push(
        <List key={start}>
          {items.map((item, index) => (
            <li key={index}>{inline(item)}</li>
          ))}
        </List>,
      );
    } else {
      const body: string[] = [];
      while (at < lines.length && !/^\s*$|^#{1,6}\s|^\s*```|^\s*[-*]\s/.test(lines[at] ?? '')) body.push((lines[at++] ?? '').trim());
      if (body.length === 0) body.push((lines[at++] ?? '').trim());
      blocks.push(<p key={start}>{inline(body.join(' '))}</p>);
    }
  }
  return <div className="markdown">{blocks.map((block, index) => <Fragment key={index}>{block}</Fragment>)}</div>;
}
