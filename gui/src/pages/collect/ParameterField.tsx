/** One artifact parameter, with a control for its type. */

import { useId, useState } from 'react';
import type { Parameter } from '../../api/types';
import { formatTime, parseTime } from '../../lib/format';
import { useZone } from '../../lib/prefs';
import { parseTypedTime, zonedTime, zoneName } from '../../lib/typedTime';
import { Markdown } from '../../ui/markdown';
import { Message } from '../../ui/message';
import { IconButton } from '../../ui/parts';
import { CsvGrid } from './CsvGrid';
import { checkParameter, isHidden, isTrue } from './spec';

interface Props {
  parameter: Parameter;
  /** The typed value; undefined = the default. */
  value: string | undefined;
  error?: string | undefined;
  /** The server has a value it does not reveal: leaving the field alone keeps it. Otherwise it has to be typed again. */
  keepsHidden?: boolean;
  onChange: (value: string | undefined) => void;
}

const LONG = new Set(['yara', 'vql', 'json', 'json_array', 'xml', 'yaml', 'starlark', 'regex_array']);

export function ParameterField({ parameter, value, error, keepsHidden = false, onChange }: Props) {
  const id = useId();
  const fallback = parameter.default ?? '';
  const shown = value ?? fallback;
  const hidden = isHidden(parameter, value);
  const problem = error ?? (hidden && !keepsHidden ? 'Its value was hidden when it was stored: type it again.' : checkParameter(parameter, shown));
  const set = (next: string) => onChange(next === fallback ? undefined : next);
  if (parameter.type === 'hidden') return null;
  return (
    <div className={`param ${value === undefined ? '' : 'is-changed'}`}>
      <div className="param-head">
        <label htmlFor={id} id={`${id}-name`}>
          {parameter.friendly_name || parameter.name}
        </label>
        {parameter.type && parameter.type !== 'string' && <span className="param-type">{parameter.type}</span>}
        {value !== undefined && <IconButton icon="refresh" label={`Reset ${parameter.name} to its default`} onClick={() => onChange(undefined)} />}
      </div>
      <div className="param-control">
        <Control id={id} parameter={parameter} value={shown} hidden={hidden ? (keepsHidden ? 'kept' : 'lost') : null} invalid={problem !== null} describedBy={`${id}-note`} set={set} />
        <div id={`${id}-note`}>
          {problem && (
            <p className="field-error" role="alert">
              <Message text={problem} />
            </p>
          )}
          {parameter.description && (
            <div className="param-note">
              <Markdown text={parameter.description} />
            </div>
          )}
        </div>
      </div>
    </div>
  );
}

function Control({ id, parameter, value, hidden, invalid, describedBy, set }: { id: string; parameter: Parameter; value: string; hidden: 'kept' | 'lost' | null; invalid: boolean; describedBy: string; set: (value: string) => void }) {
  const common = { id, 'aria-invalid': invalid || undefined, 'aria-describedby': describedBy };
  const { type } = parameter;
  if (type === 'bool')
    return (
      <span className="param-bool">
        <input {...common} type="checkbox" checked={isTrue(value)} onChange={(event) => set(event.target.checked ? 'Y' : 'N')} />
        <span className="soft">{isTrue(value) ? 'yes' : 'no'}</span>
      </span>
    );
  if (type === 'choices' || (parameter.choices?.length && type !== 'multichoice'))
    return (
      <select {...common} value={value} onChange={(event) => set(event.target.value)}>
        {!parameter.choices?.includes(value) && <option value={value}>{value || '–'}</option>}
        {parameter.choices?.map((choice) => (
          <option key={choice}>{choice}</option>
        ))}
      </select>
    );
  if (type === 'multichoice') return <MultiChoice id={id} choices={parameter.choices ?? []} value={value} set={set} label={parameter.name} />;
  if (type === 'csv') return <CsvGrid id={id} value={value} onChange={set} label={parameter.name} />;
  if (type === 'timestamp') return <TimeInput {...common} value={value} set={set} />;
  if (type === 'redacted') return <input {...common} type="password" autoComplete="off" value={hidden ? '' : value} placeholder={hidden === 'kept' ? 'the stored value, unchanged' : ''} data-type-again={hidden === 'lost' ? '' : undefined} onChange={(event) => set(event.target.value)} />;
  if (LONG.has(type) || value.includes('\n'))
    return <textarea {...common} rows={Math.min(12, Math.max(3, value.split('\n').length + 1))} value={value} spellCheck={false} onChange={(event) => set(event.target.value)} />;
  const numeric = type === 'int' || type === 'int64' || type === 'integer' || type === 'float';
  return <input {...common} className={numeric ? 'param-number' : 'mono'} inputMode={numeric ? 'decimal' : 'text'} value={value} spellCheck={false} autoComplete="off" placeholder={parameter.default ? '' : 'empty'} onChange={(event) => set(event.target.value)} />;
}

function MultiChoice({ id, choices, value, set, label }: { id: string; choices: string[]; value: string; set: (value: string) => void; label: string }) {
  let chosen: string[] = [];
  try {
    const parsed: unknown = JSON.parse(value || '[]');
    if (Array.isArray(parsed)) chosen = parsed.map(String);
  } catch {
    chosen = value.split(',').filter(Boolean);
  }
  return (
    <div className="multi" id={id} role="group" aria-label={label}>
      {choices.map((choice) => (
        <label key={choice}>
          <input type="checkbox" checked={chosen.includes(choice)} onChange={(event) => set(JSON.stringify(choices.filter((each) => (each === choice ? event.target.checked : chosen.includes(each)))))} />
          {choice}
        </label>
      ))}
    </div>
  );
}

const AGO: [string, number][] = [
  ['now', 0],
  ['1 hour ago', 3_600],
  ['1 day ago', 86_400],
  ['1 week ago', 604_800],
];

/** Input is in the displayed zone, which is shown next to it; the value that is sent includes its zone. */
function TimeInput({ value, set, ...common }: { id: string; value: string; set: (value: string) => void; 'aria-invalid': true | undefined; 'aria-describedby': string }) {
  const [zone] = useZone();
  const [typed, setTyped] = useState<{ text: string; sent: string } | null>(null);
  // A value from elsewhere (a link, a reset, a button below) is shown in the zone, too.
  const ms = parseTime(value);
  const text = typed?.sent === value ? typed.text : value !== '' && ms !== null ? formatTime(ms, zone, true) : value;
  const change = (next: string) => {
    const moment = parseTypedTime(next, zone, Date.now());
    const sent = moment === null ? next : isoOf(moment);
    setTyped({ text: next, sent });
    set(sent);
  };
  return (
    <span className="param-time">
      <input {...common} className="mono" value={text} placeholder="2026-11-21 09:30" spellCheck={false} autoComplete="off" onChange={(event) => change(event.target.value)} />
      <span className="input-zone">{zoneName(zone)}</span>
      {AGO.map(([label, seconds]) => (
        <button
          key={label}
          type="button"
          className="link"
          onClick={() => {
            setTyped(null);
            set(isoOf(Date.now() - seconds * 1_000));
          }}
        >
          {label}
        </button>
      ))}
      {value !== '' && ms !== null && <span className="faint nums param-moment">= {zonedTime(value, zone === 'utc' ? 'local' : 'utc')}</span>}
    </span>
  );
}

const isoOf = (ms: number) => new Date(ms).toISOString().replace(/\.000Z$/, 'Z');
