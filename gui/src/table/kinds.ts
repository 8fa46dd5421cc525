/** The kind of value in a column: declared by the artifact, else guessed from its name and values. */

import type { Column, Json } from '../api/types';
import { formatBytes, formatTime, isUnsetTime, parseTime, type Zone } from '../lib/format';
import { defang, reveal } from '../lib/text';

export type Kind = 'text' | 'number' | 'bool' | 'time' | 'birth' | 'bytes' | 'hash' | 'path' | 'ip' | 'pid' | 'client' | 'flow' | 'severity' | 'json' | 'chain' | 'url' | 'mono';

const DECLARED: Record<string, Kind> = {
  timestamp: 'time',
  nano_timestamp: 'time',
  number: 'number',
  integer: 'number',
  int: 'number',
  float: 'number',
  bool: 'bool',
  bytes: 'bytes',
  mb: 'bytes',
  hash: 'hash',
  path: 'path',
  ip: 'ip',
  pid: 'pid',
  client: 'client',
  client_id: 'client',
  flow: 'flow',
  flow_id: 'flow',
  log_level: 'severity',
  log: 'severity',
  severity: 'severity',
  json: 'json',
  tree: 'json',
  url: 'url',
  safe_url: 'url',
  url_internal: 'url',
  hex: 'mono',
  base64: 'mono',
  base64hex: 'mono',
  chain: 'chain',
};

const BY_NAME: [RegExp, Kind][] = [
  [/^callchain$/i, 'chain'],
  [/^(pid|ppid|parentpid|processid)$/i, 'pid'],
  [/(md5|sha1|sha256|hash)$/i, 'hash'],
  [/(path|exe|executable|file|cwd|folder|directory|mountpoint)$/i, 'path'],
  [/(^|\.|_)(ip|addr|address|laddr\.ip|raddr\.ip|remoteaddress|localaddress)$/i, 'ip'],
  [/^(size|bytes|.*(size|bytes)|rss|vms)$/i, 'bytes'],
  [/^(level|severity)$/i, 'severity'],
  [/(url|uri)$/i, 'url'],
  [/(commandline|cmdline)$/i, 'mono'],
  [/^client_?id$/i, 'client'],
  [/^flow_?id$/i, 'flow'],
];

const TIME_NAME = /(time|timestamp|created|modified|accessed|changed|mtime|atime|ctime|btime|_ts|lastseen|date|boot)$/i;

/** When a file was created, which not every file system records. */
const BIRTH_NAME = /(^|[._ ])(btime|birth_?time|birth|crtime)$/i;

/** The kind of a column, given some of its values. */
export function kindOf(column: Column, sample: Json[]): Kind {
  const kind = plainKindOf(column, sample);
  return kind === 'time' && BIRTH_NAME.test(column.name) ? 'birth' : kind;
}

function plainKindOf(column: Column, sample: Json[]): Kind {
  const declared = (column.type ?? '').split('/')[0]?.toLowerCase() ?? '';
  const known = sample.filter((value) => value !== null && value !== '');
  const first = known[0];
  const all = (type: string) => known.length > 0 && known.every((value) => typeof value === type);
  const exact = DECLARED[declared];
  if (exact && exact !== 'number' && exact !== 'json') return exact;
  for (const [pattern, kind] of BY_NAME) {
    if (!pattern.test(column.name)) continue;
    if ((kind === 'bytes' || kind === 'pid') && !all('number')) continue;
    if (kind === 'ip' && typeof first !== 'string') continue;
    return kind;
  }
  if (TIME_NAME.test(column.name) && known.length > 0 && known.every((value) => parseTime(value) !== null || isUnsetTime(value, true))) return 'time';
  if (exact) return exact;
  if (first !== undefined && typeof first === 'object') return 'json';
  if (all('number')) return 'number';
  if (all('boolean')) return 'bool';
  if (all('string') && known.every((value) => /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(value as string))) return 'time';
  return 'text';
}

export const isNumeric = (kind: Kind) => kind === 'number' || kind === 'bytes' || kind === 'pid';
export const isTime = (kind: Kind) => kind === 'time' || kind === 'birth';

/** A cell as one line of plain text: widths, titles, canvas. */
export function cellText(value: Json, kind: Kind, zone: Zone, max = 300): string {
  if (value === null) return 'NULL';
  if (isTime(kind)) {
    if (isUnsetTime(value, kind === 'birth')) return '–';
    const ms = parseTime(value);
    if (ms !== null) return formatTime(ms, zone, true);
  }
  if (kind === 'bytes' && typeof value === 'number') return formatBytes(value);
  if (typeof value === 'object') return reveal(foldJson(value, max));
  const text = String(value);
  return reveal(defang(text.length > max ? `${text.slice(0, max)}…` : text));
}

/** A container on one line, cut early: a 5 MB cell costs no more than its first characters. */
export function foldJson(value: Json, max = 160): string {
  const parts: string[] = [];
  let length = 0;
  const push = (text: string) => {
    parts.push(text);
    length += text.length;
  };
  const walk = (item: Json, depth: number) => {
    if (length > max) return;
    if (item === null || typeof item !== 'object') {
      push(typeof item === 'string' ? (depth === 0 ? item.slice(0, max) : JSON.stringify(item.slice(0, max))) : String(item));
      return;
    }
    if (depth > 6) {
      push('…');
      return;
    }
    let first = true;
    /** Whether there is room for one more. */
    const begin = () => {
      if (length > max) return false;
      if (!first) push(', ');
      first = false;
      return true;
    };
    if (Array.isArray(item)) {
      push('[');
      // Item by item, until there is no more room: a very large list is not walked completely.
      for (const each of item) {
        if (!begin()) break;
        walk(each, depth + 1);
      }
      push(']');
      return;
    }
    push('{');
    for (const key in item) {
      if (!begin()) break;
      push(`${key}: `);
      walk(item[key] ?? null, depth + 1);
    }
    push('}');
  };
  walk(value, 0);
  const text = parts.join('');
  return text.length > max ? `${text.slice(0, max)}…` : text;
}
