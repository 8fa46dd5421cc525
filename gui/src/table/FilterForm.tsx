/** The small form that makes or changes one filter: an operator that fits the column's kind, and a value. */

import { useId, useState } from 'react';
import type { Json } from '../api/types';
import { Button } from '../ui/parts';
import { isNumeric, type Kind } from './kinds';
import { opTakesValue, opWord, valueText, type Filter, type Op } from './state';

const TEXT_OPS: Op[] = ['contains', 'not_contains', 'eq', 'ne', 'regex', 'not_regex', 'in', 'is_null', 'not_null'];
const ORDER_OPS: Op[] = ['ge', 'le', 'gt', 'lt', 'eq', 'ne', 'is_null', 'not_null'];
const BOOL_OPS: Op[] = ['eq', 'is_null', 'not_null'];

function opsFor(kind: Kind): Op[] {
  if (kind === 'bool') return BOOL_OPS;
  return isNumeric(kind) || kind === 'time' ? ORDER_OPS : TEXT_OPS;
}

/** What was typed as the value sent, or the reason why it cannot be. */
function parseValue(text: string, op: Op, kind: Kind): { value: Json } | { error: string } {
  if (!opTakesValue(op)) return { value: null };
  const trimmed = text.trim();
  if (op === 'in') return { value: trimmed.split(/\s*,\s*/).filter(Boolean) };
  if (kind === 'bool') return { value: trimmed !== 'false' };
  if (isNumeric(kind)) {
    const match = /^(-?[\d.]+)\s*([kmgt])?i?b?$/i.exec(trimmed);
    const number = match ? Number(match[1]) * 1024 ** (match[2] ? 'kmgt'.indexOf(match[2].toLowerCase()) + 1 : 0) : Number.NaN;
    return Number.isFinite(number) ? { value: number } : { error: 'a number, such as 4096 or 10M' };
  }
  if (kind === 'time') {
    const ago = /^(\d+)\s*([smhd])$/.exec(trimmed);
    if (ago) {
      const unit = { s: 1, m: 60, h: 3_600, d: 86_400 }[ago[2] as 's' | 'm' | 'h' | 'd'];
      return { value: new Date(Date.now() - Number(ago[1]) * unit * 1_000).toISOString() };
    }
    const ms = Date.parse(/[zZ]|[+-]\d\d:?\d\d$/.test(trimmed) || trimmed.length <= 10 ? trimmed : `${trimmed.replace(' ', 'T')}Z`);
    return Number.isNaN(ms) ? { error: 'a time such as 2026-11-21 09:30 (UTC), or 2h for two hours ago' } : { value: new Date(ms).toISOString() };
  }
  if (op === 'regex' || op === 'not_regex') {
    try {
      new RegExp(text.replace(/^\(\?[a-z]+\)/i, ''));
    } catch {
      return { error: 'a valid regular expression' };
    }
  }
  return { value: text };
}

export function FilterForm({ column, kind, initial, onDone }: { column: string; kind: Kind; initial?: Filter; onDone: (filter: Filter) => void }) {
  const ops = opsFor(kind);
  const [op, setOp] = useState<Op>(initial?.op ?? ops[0] ?? 'contains');
  const [text, setText] = useState(initial ? valueText(initial.value) : '');
  const [error, setError] = useState('');
  const id = useId();
  const submit = (event: React.FormEvent) => {
    event.preventDefault();
    const parsed = parseValue(text, op, kind);
    if ('error' in parsed) setError(`Expected ${parsed.error}.`);
    else onDone({ column, op, value: parsed.value });
  };
  return (
    <form className="filter-form" onSubmit={submit}>
      <div className="filter-fields">
        <select aria-label="Operator" value={op} onChange={(event) => setOp(event.target.value as Op)}>
          {(ops.includes(op) ? ops : [op, ...ops]).map((each) => (
            <option key={each} value={each}>
              {opWord(each)}
            </option>
          ))}
        </select>
        {opTakesValue(op) &&
          (kind === 'bool' ? (
            <select aria-label="Value" value={text || 'true'} onChange={(event) => setText(event.target.value)}>
              <option value="true">yes</option>
              <option value="false">no</option>
            </select>
          ) : (
            <input
              data-autofocus
              aria-label="Value"
              aria-describedby={error ? id : undefined}
              aria-invalid={error ? true : undefined}
              value={text}
              placeholder={kind === 'time' ? '2026-11-21 09:30 or 2h' : op === 'in' ? 'a, b, c' : op === 'regex' ? '^/tmp/.*\\.sh$' : 'value'}
              onChange={(event) => setText(event.target.value)}
              spellCheck={false}
              autoComplete="off"
            />
          ))}
        <Button kind="primary" type="submit">
          Filter
        </Button>
      </div>
      {error && (
        <p className="field-error" id={id}>
          {error}
        </p>
      )}
    </form>
  );
}
