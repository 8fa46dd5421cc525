import { describe, expect, it } from 'vitest';
import type { Parameter } from '../../api/types';
import { safeNext } from '../SignIn';
import { parseCsv, writeCsv } from './csv';
import { checkParameter, matchesWords, parseLimit, readDraft, shareableSpec, toRequest, writeDraft, type Draft } from './spec';

const parameter = (type: string, more: Partial<Parameter> = {}): Parameter => ({ name: 'P', type, default: null, description: null, friendly_name: null, choices: null, validating_regex: null, ...more });

describe('draft', () => {
  const draft: Draft = { artifacts: ['A.B', 'C'], parameters: { 'A.B': { Glob: '/x/**, "y"', Empty: '' } }, limits: { timeout: '60', max_upload_bytes: '500M' }, urgent: true };
  it('is a link', () => expect(readDraft(new URLSearchParams(writeDraft(draft).toString()))).toEqual(draft));
  it('becomes a request', () =>
    expect(toRequest(draft)).toEqual({ artifacts: [{ artifact: 'A.B', parameters: { Glob: '/x/**, "y"', Empty: '' } }, { artifact: 'C', parameters: {} }], timeout: 60, max_upload_bytes: 500 * 1024 ** 2, urgent: true }));
  it('comes back from a request', () => expect(toRequest(readDraft(new URLSearchParams(shareableSpec(toRequest(draft)))))).toEqual(toRequest(draft)));
});

it.each([
  ['600', 's', 600],
  ['2 GiB', 'B', 2 * 1024 ** 3],
  ['2G', 's', null],
  ['lots', 'B', null],
  ['-1', 'rows', null],
])('limit %j in %s is %j', (text, unit, value) => expect(parseLimit(text, unit)).toBe(value));

it.each([
  ['int', '12', true],
  ['int', '1.5', false],
  ['float', '1.5e3', true],
  ['regex', '(?i)^a', true],
  ['regex', '(', false],
  ['json', '{"a":1}', true],
  ['json_array', '{}', false],
  ['timestamp', '2026-11-21T00:00:00Z', true],
  ['timestamp', 'yesterday-ish', false],
  ['', 'anything', true],
])('%s accepts %j: %j', (type, value, good) => expect(checkParameter(parameter(type), value) === null).toBe(good));

it('honours a validating expression', () => {
  expect(checkParameter(parameter('', { validating_regex: '^C:' }), 'C:/x')).toBeNull();
  expect(checkParameter(parameter('', { validating_regex: '^C:' }), '/x')).toContain('^C:');
});

it.each(['a,b\n1,"x, ""y"""\n', 'Glob\n/home/**\n', 'A,B\n"line\nbreak",2\n'])('CSV %j survives', (text) => expect(writeCsv(parseCsv(text))).toBe(text));

it('finds by words in any order', () => {
  expect(matchesWords('Linux.Search.FileFinder finds files by glob', 'glob find')).toBe(true);
  expect(matchesWords('Linux.Sys.Users', 'windows')).toBe(false);
});

it.each([
  ['/clients/C.1?x=1', '/clients/C.1?x=1'],
  ['//evil.example', '/clients'],
  ['/\\evil.example', '/clients'],
  ['https://evil.example', '/clients'],
  ['/sign-in?next=/x', '/clients'],
  [null, '/clients'],
])('after signing in %j leads to %j', (next, to) => expect(safeNext(next)).toBe(to));
