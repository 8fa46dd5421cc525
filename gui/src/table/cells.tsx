/** Rendering of a value in a table cell, by the kind of its column. Always one line, always text. */

import { Fragment, memo } from 'react';
import { Link } from 'react-router';
import type { Json } from '../api/types';
import { formatBytes, formatCount, formatTime, isUnsetTime, parseTime, type Zone } from '../lib/format';
import { clientPage, flowPage } from '../lib/places';
import { clip, defang, reveal } from '../lib/text';
import { Reveal } from '../ui/parts';
import { Moment, Stamp } from '../ui/time';
import { foldJson, type Kind } from './kinds';
import { valueText } from './state';

/** The surroundings of the table, needed for links. */
export interface CellContext {
  clientId?: string | undefined;
  flowId?: string | undefined;
  /** The address of the process family of a row, when rows are processes. */
  processHref?: ((get: (column: string) => Json) => string | null) | undefined;
}

interface Props {
  value: Json;
  kind: Kind;
  zone: Zone;
  context: CellContext;
  /** Address that this cell leads to. */
  href?: string | null;
}

const CLIP = 300;

export const Cell = memo(function Cell({ value, kind, zone, context, href }: Props) {
  const content = <Content value={value} kind={kind} zone={zone} context={context} />;
  if (href && value !== null)
    return (
      <Link to={href} className="cell-link">
        {content}
      </Link>
    );
  return content;
});

function Content({ value, kind, zone, context }: Omit<Props, 'href'>) {
  // Not a dash: NULL, the empty text and a text of one dash are different findings.
  if (value === null) return <Null />;
  if (typeof value === 'object' && kind !== 'chain') {
    if (Array.isArray(value) && value.every((item) => typeof item !== 'object')) return <span className="cell-list">{plain(value.map((item) => (item === null ? 'NULL' : valueText(item))).join(', '))}</span>;
    return <span className="cell-json">{plain(foldJson(value))}</span>;
  }
  const text = valueText(value);
  switch (kind) {
    case 'time':
    case 'birth': {
      if (isUnsetTime(value, kind === 'birth')) return <Unset raw={text} />;
      const ms = parseTime(value);
      if (ms === null) return plain(text);
      return (
        <Moment ms={ms}>
          <Stamp text={formatTime(ms, zone, true)} quietDate />
        </Moment>
      );
    }
    case 'bytes':
      return typeof value === 'number' ? <span title={`${formatCount(value)} bytes`}>{formatBytes(value)}</span> : plain(text);
    case 'number':
      return <>{text}</>;
    case 'bool':
      return <span className={value === true ? 'cell-yes' : 'cell-no'}>{value === true ? 'yes' : value === false ? 'no' : text}</span>;
    case 'severity':
      return <Severity text={text} />;
    case 'path':
      return <Path text={text} />;
    case 'chain':
      return <Chain value={value} />;
    case 'client':
      return /^C\.[0-9a-f]+$/i.test(text) ? <Link to={clientPage(text)}>{text}</Link> : plain(text);
    case 'flow':
      return context.clientId && /^F\./.test(text) ? (
        <Link to={flowPage({ client_id: context.clientId, flow_id: text }, 'overview')}>{text}</Link>
      ) : (
        plain(text)
      );
    case 'hash':
    case 'ip':
    case 'mono':
      return <span className="mono">{plain(text)}</span>;
    default:
      return plain(text);
  }
}

/** The value NULL, as opposed to text that says so. */
export function Null() {
  return (
    <span className="cell-null" title="NULL: there is no value">
      NULL
    </span>
  );
}

/** A time that was never recorded; the stored value is in the tooltip. */
function Unset({ raw }: { raw: string }) {
  return (
    <span className="cell-unset" title={`not recorded (the value is ${raw})`}>
      –
    </span>
  );
}

function plain(text: string) {
  return <Reveal text={defang(clip(text, CLIP))} />;
}

/** The folder is muted, because the name is what one looks for. */
function Path({ text }: { text: string }) {
  const shown = clip(text, CLIP);
  const at = Math.max(shown.lastIndexOf('/'), shown.lastIndexOf('\\'));
  if (at < 0 || at === shown.length - 1) return plain(shown);
  return (
    <span title={reveal(shown)}>
      <span className="faint">
        <Reveal text={shown.slice(0, at + 1)} />
      </span>
      <Reveal text={shown.slice(at + 1)} />
    </span>
  );
}

const TONES: [RegExp, string][] = [
  [/^(critical|crit|fatal|error|err|alert|high|emerg)/i, 'error'],
  [/^(warn|warning|medium)/i, 'warn'],
  [/^(info|informational|low|notice|default)/i, 'info'],
];

function Severity({ text }: { text: string }) {
  const tone = TONES.find(([pattern]) => pattern.test(text))?.[1] ?? 'quiet';
  return <span className={`severity severity-${tone}`}>{clip(text, 24)}</span>;
}

/** A process call chain, from the first ancestor to the process itself. */
function chainParts(value: Json): string[] {
  if (Array.isArray(value)) return value.map((part) => (typeof part === 'string' ? part : part === null ? 'NULL' : foldJson(part, 60)));
  return valueText(value).split(/\s*(?:->|→)\s*/).filter(Boolean);
}

/** If there is not enough room, the middle is left out: the root and the process itself stay. */
function Chain({ value }: { value: Json }) {
  const parts = chainParts(value);
  const last = parts.length - 1;
  return (
    <span className="chain" title={reveal(clip(parts.join(' → '), 1_000))}>
      {last > 0 && (
        <span className="chain-parts">
          {parts.slice(0, last).map((part, index) => (
            <Fragment key={index}>
              {index > 0 && <span className="chain-arrow">→</span>}
              <Reveal text={clip(part, 60)} />
            </Fragment>
          ))}
        </span>
      )}
      {last > 0 && <span className="chain-arrow">→</span>}
      <span className="chain-last">
        <Reveal text={clip(parts[last] ?? '', 60)} />
      </span>
    </span>
  );
}
