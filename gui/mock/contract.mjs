// What the real server answers, written by its own tests into `fixtures/`: the mock builds on these answers, and its own are
// compared with them, so that the GUI is never tested against something no server says.

import { readdirSync, readFileSync } from 'node:fs';

const folder = new URL('fixtures/', import.meta.url);
const known = new Map();
for (const file of readdirSync(folder)) {
  for (const [method, answer] of Object.entries(JSON.parse(readFileSync(new URL(file, folder), 'utf8')))) known.set(method, answer);
}

/** The real server's answer to a method, such as `GET clients/:id`; one's own to change. */
export const answerOf = (method) => structuredClone(known.get(method));

/** Members whose content is somebody else's, or whose members are all optional. */
const FREE = new Set(['metadata', 'query_stats', 'env', 'request', 'resources', 'body', 'value']);
/** Members that are left out where they say nothing. */
const OPTIONAL = new Set(['type', 'raw']);

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

/** What makes `own` another kind of answer than `real`, or null. */
function difference(real, own, place) {
  if (Array.isArray(real) && Array.isArray(own)) {
    if (real.length === 0 || place.endsWith('.rows')) return null;
    for (const item of own) {
      const found = difference(real[0], item, `${place}[]`);
      if (found) return found;
    }
    return null;
  }
  if (isObject(real) && isObject(own)) {
    for (const name of Object.keys(own)) if (!(name in real) && !OPTIONAL.has(name)) return `${place}.${name} is not sent by the server`;
    for (const name of Object.keys(real)) {
      if (!(name in own)) {
        if (OPTIONAL.has(name)) continue;
        return `${place}.${name} is always sent by the server`;
      }
      // Parameters of an artifact are a list, those of a request a map of any names.
      if (FREE.has(name) || (name === 'parameters' && isObject(real[name]))) continue;
      const found = difference(real[name], own[name], `${place}.${name}`);
      if (found) return found;
    }
    return null;
  }
  if (real === null || own === null) return null;
  const kind = (value) => (Array.isArray(value) ? 'list' : typeof value);
  return kind(real) === kind(own) ? null : `${place} is a ${kind(real)} at the server, not a ${kind(own)}`;
}

/** Throws when the mock's answer has other members than the server's. */
export function checkAnswer(method, answer) {
  const found = known.has(method) ? difference(known.get(method), answer, '') : null;
  if (found) throw new Error(`the mock answers ${method} as no server does: ${found}`);
}
