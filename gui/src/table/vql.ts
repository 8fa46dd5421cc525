/** A table view as a VQL query that yields the same rows. */

import type { Json } from '../api/types';
import { vqlString } from '../lib/text';
import { valueText, type Filter, type TableQuery } from './state';

const column = (name: string) => (/^[A-Za-z_]\w*$/.test(name) ? name : `\`${name}\``);
const escapeRegex = (text: string) => text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');

function literal(value: Json): string {
  if (value === null) return 'NULL';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value).toUpperCase();
  if (Array.isArray(value)) return `(${value.map(literal).join(', ')},)`;
  return vqlString(valueText(value));
}

/** A time as filters send it. Cells contain several formats, so both sides are parsed as times. */
const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

const COMPARE = { eq: '=', ne: '!=', lt: '<', le: '<=', gt: '>', ge: '>=' } as const;

function condition({ column: name, op, value }: Filter): string {
  const left = column(name);
  const text = valueText(value);
  switch (op) {
    case 'contains':
      return `${left} =~ ${vqlString(escapeRegex(text))}`;
    case 'not_contains':
      return `NOT ${left} =~ ${vqlString(escapeRegex(text))}`;
    case 'regex':
      return `${left} =~ ${vqlString(text)}`;
    case 'not_regex':
      return `NOT ${left} =~ ${vqlString(text)}`;
    case 'is_null':
      return `${left} = NULL`;
    case 'not_null':
      return `${left} != NULL`;
    case 'in':
      return `${left} IN ${literal(value)}`;
    default:
      return typeof value === 'string' && MOMENT.test(value) ? `timestamp(epoch=${left}) ${COMPARE[op]} timestamp(epoch=${literal(value)})` : `${left} ${COMPARE[op]} ${literal(value)}`;
  }
}

/** `all` are the names of every column, because the quick search looks in each. */
export function toVql(from: string, query: TableQuery, shown: string[] | null, all: string[]): string {
  const lines = [`SELECT ${shown ? shown.map(column).join(', ') : '*'}`, `FROM ${from}`];
  const where = query.filters.map(condition);
  const quick = query.quick.trim();
  if (quick) where.push(`(${all.map((name) => condition({ column: name, op: 'contains', value: quick })).join(' OR ')})`);
  if (where.length > 0) lines.push(`WHERE ${where.join('\n  AND ')}`);
  if (query.sort) lines.push(`ORDER BY ${column(query.sort.column)}${query.sort.desc ? ' DESC' : ''}`);
  return lines.join('\n');
}
