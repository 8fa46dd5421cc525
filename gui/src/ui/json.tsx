/** Values as a tree that opens on demand: large containers and long texts stay folded until opened. */

import { useState } from 'react';
import type { Json } from '../api/types';
import { formatCount } from '../lib/format';
import { clip } from '../lib/text';
import { Reveal } from './parts';

const PAGE = 100;
const LONG_TEXT = 400;

export function JsonTree({ value, depth = 1 }: { value: Json; depth?: number }) {
  return (
    <div className="json">
      <Node value={value} openTo={depth} />
    </div>
  );
}

function Node({ name, value, openTo }: { name?: string; value: Json; openTo: number }) {
  if (value === null || typeof value !== 'object') {
    return (
      <div className="json-line">
        {name !== undefined && <Key name={name} />}
        <Scalar value={value} />
      </div>
    );
  }
  if (Object.keys(value).length === 0)
    return (
      <div className="json-line">
        {name !== undefined && <Key name={name} />}
        <span className="faint">{Array.isArray(value) ? '[]' : '{}'}</span>
      </div>
    );
  return <Container name={name} value={value} openTo={openTo} />;
}

function Key({ name }: { name: string }) {
  return (
    <>
      <span className="json-key">
        <Reveal text={clip(name, 200)} />
      </span>
      <span className="json-colon">: </span>
    </>
  );
}

function Container({ name, value, openTo }: { name?: string | undefined; value: Json[] | { [key: string]: Json }; openTo: number }) {
  const list = Array.isArray(value);
  const size = list ? value.length : Object.keys(value).length;
  const [open, setOpen] = useState(openTo > 0 && size > 0);
  const [shown, setShown] = useState(PAGE);
  const summary = list ? `[${size} ${size === 1 ? 'item' : 'items'}]` : `{${size} ${size === 1 ? 'field' : 'fields'}}`;
  return (
    <div className="json-container">
      <button type="button" className="json-toggle" aria-expanded={open} onClick={() => setOpen(!open)}>
        <span className="json-caret" aria-hidden="true" />
        {name !== undefined && <Key name={name} />}
        <span className="faint">{summary}</span>
      </button>
      {open && (
        <div className="json-children">
          {(list ? value.slice(0, shown).map((item, index) => [String(index), item] as const) : Object.entries(value).slice(0, shown)).map(([key, item]) => (
            <Node key={key} name={key} value={item} openTo={openTo - 1} />
          ))}
          {size > shown && (
            <button type="button" className="link" onClick={() => setShown(shown + 10 * PAGE)}>
              {size - shown} more
            </button>
          )}
        </div>
      )}
    </div>
  );
}

function Scalar({ value }: { value: null | boolean | number | string }) {
  if (value === null) return <span className="json-null">null</span>;
  if (typeof value === 'string') return <LongText text={value} />;
  return <span className={`json-${typeof value}`}>{String(value)}</span>;
}

/** Text that folds if it is long. */
export function LongText({ text, limit = LONG_TEXT }: { text: string; limit?: number }) {
  const [shown, setShown] = useState(limit);
  if (text.length <= shown) return <span className="json-string"><Reveal text={text} newlines /></span>;
  return (
    <span className="json-string">
      <Reveal text={clip(text, shown)} newlines />{' '}
      <button type="button" className="link" onClick={() => setShown(shown === limit ? 20_000 : shown * 4)}>
        {formatCount(text.length - shown)} more characters
      </button>
    </span>
  );
}
