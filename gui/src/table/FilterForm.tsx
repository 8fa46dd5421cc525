/** The form that creates or changes a filter: an operator for the column's kind, and a value. */

import { useId, useState } from 'react';
import type { Json } from '../api/types';
import { formatTime, parseAmount, parseTime, type Zone } from '../lib/format';
import { useZone } from '../lib/prefs';
import { parseTypedTime, zoneName } from '../lib/typedTime';
import { Button } from '../ui/parts';
import { isNumeric, isTime, type Kind } from './kinds';
import { opTakesValue, opWord, valueText, type Filter, type Op } from './state';

const TEXT_OPS: Op[] = ['contains', 'not_contains', 'eq', 'ne', 'regex', 'not_regex', 'in', 'is_null', 'not_null'];
const ORDER_OPS: Op[] = ['ge', 'le', 'gt', 'lt', 'eq', 'ne', 'is_null', 'not_null'];
const BOOL_OPS: Op[] = ['eq', 'is_null', 'not_null'];

function opsFor(kind: Kind): Op[] {
  if (kind === 'bool') return BOOL_OPS;
  return isNumeric(kind) || isTime(kind) ? ORDER_OPS : TEXT_OPS;
}

/** The typed text as the value to send, or the reason why it is invalid. */
export function parseValue(text: string, op: Op, kind: Kind, zone: Zone): { value: Json } | { error: string } {
  if (!opTakesValue(op)) return { value: null };
  const trimmed = text.trim();
  if (op === 'in') return { value: trimmed.split(/\s*,\s*/).filter(Boolean) };
  if (kind === 'bool') return { value: trimmed !== 'false' };
  if (isNumeric(kind)) {
    const amount = parseAmount(trimmed);
    return amount ? { value: amount.value } : { error: 'a number, such as 4096 or 10M' };
  }
  if (isTime(kind)) {
    const ms = parseTypedTime(trimmed, zone, Date.now());
    return ms === null ? { error: `a time such as 2026-11-21 09:30 (${zoneName(zone)}), or 2h for two hours ago` } : { value: new Date(ms).toISOString() };
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

/** A filter's value in the form: times in the displayed zone, with its offset. */
function editText(value: Json, kind: Kind, zone: Zone): string {
  const ms = isTime(kind) ? parseTime(value) : null;
  return ms === null ? valueText(value) : formatTime(ms, zone, true);
}

export function FilterForm({ column, kind, initial, onDone }: { column: string; kind: Kind; initial?: Filter; onDone: (filter: Filter) => void }) {
  const ops = opsFor(kind);
  const [op, setOp] = useState<Op>(initial?.op ?? ops[0] ?? 'contains');
  const [zone] = useZone();
  const [before] = useState(() => (initial ? editText(initial.value, kind, zone) : ''));
  const [text, setText] = useState(before);
  const [error, setError] = useState('');
  const id = useId();
  const submit = (event: React.FormEvent) => {
    event.preventDefault();
    // An unchanged value keeps its full precision.
    const parsed = initial && text === before && opTakesValue(op) ? { value: initial.value } : parseValue(text, op, kind, zone);
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
              aria-describedby={error ? id : isTime(kind) ? `${id}-zone` : undefined}
              aria-invalid={error ? true : undefined}
              value={text}
              placeholder={isTime(kind) ? '2026-11-21 09:30 or 2h' : op === 'in' ? 'a, b, c' : op === 'regex' ? '^/tmp/.*\\.sh$' : 'value'}
              onChange={(event) => setText(event.target.value)}
              spellCheck={false}
              autoComplete="off"
            />
          ))}
        {isTime(kind) && opTakesValue(op) && (
          <span className="input-zone" id={`${id}-zone`}>
            {zoneName(zone)}
          </span>
        )}
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
