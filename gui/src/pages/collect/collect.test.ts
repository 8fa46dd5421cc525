import { describe, expect, it } from 'vitest';
import { shownState, type Artifact, type Flow, type Parameter } from '../../api/types';
import { withoutMarks } from '../../lib/marks';
import { flowDuration } from '../../ui/flow';
import { sentence } from '../../ui/message';
import { safeNext } from '../SignIn';
import { parseCsv, writeCsv } from './csv';
import { checkParameter, HIDDEN, matchesWords, obstacles, parseLimit, readDraft, shareableSpec, toRequest, unknownParameters, withoutSecrets, writeDraft, type Draft } from './spec';

const parameter = (type: string, more: Partial<Parameter> = {}): Parameter => ({ name: 'P', type, default: '', description: '', friendly_name: '', choices: [], validating_regex: '', ...more });

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

describe('what stands in the way of a launch', () => {
  const artifact = { name: 'A', parameters: [parameter('int'), { ...parameter(''), name: 'Glob' }, { ...parameter('redacted'), name: 'Key' }] } as Artifact;
  const basic = { ...artifact, name: 'B', basic: true, required_permissions: ['EXECVE'] } as Artifact;
  const ALL = ['COLLECT_CLIENT', 'EXECVE'];
  const draft = (parameters: Record<string, string>, limits: Draft['limits'] = {}): Draft => ({ artifacts: ['A'], parameters: { A: parameters }, limits, urgent: false });
  it.each<[Draft, string[], RegExp | null]>([
    [draft({}), ALL, null],
    [draft({}), [], /permission COLLECT_CLIENT/],
    [{ ...draft({}), artifacts: [] }, ALL, /Choose an artifact/],
    [{ ...draft({}), artifacts: ['C'] }, ALL, /no artifact C/],
    [draft({ Globb: '/x' }), ALL, /no parameter Globb/],
    [draft({ P: 'many' }), ALL, /value of P cannot be used/],
    [draft({}, { max_rows: 'lots' }), ALL, /Rows.*needs a number/],
    [draft({ Key: HIDDEN }), ALL, /Type Key again/],
    [draft({ Key: 'typed' }), ALL, null],
    [{ ...draft({}), artifacts: ['B'] }, ALL, null],
    [{ ...draft({}), artifacts: ['B'] }, ['COLLECT_CLIENT'], /permission EXECVE to collect B/],
    [{ ...draft({}), artifacts: ['B'] }, ['COLLECT_BASIC'], null],
    [draft({}), ['COLLECT_BASIC'], /permission COLLECT_CLIENT to collect A/],
  ])('%j with %j', (given, held, why) => {
    const found = obstacles(given, [artifact, basic], (name) => held.includes(name));
    if (why) expect(found[0]).toMatch(why);
    else expect(found).toEqual([]);
  });
  it('keeps secrets out of addresses and storage', () => {
    const typed = draft({ Key: 'pa55', Glob: '/x' });
    const kept = withoutSecrets(typed, [artifact]);
    expect(writeDraft(kept).toString()).not.toContain('pa55');
    expect(kept.parameters).toEqual({ A: { Key: HIDDEN, Glob: '/x' } });
    expect(typed.parameters['A']?.['Key']).toBe('pa55');
  });
  it('knows what was meant when only the case differs', () => expect(unknownParameters(artifact, { glob: 'x', Other: 'y', P: '1' })).toEqual([{ name: 'glob', meant: 'Glob' }, { name: 'Other', meant: null }]));
});

it.each<[Partial<Flow>, string]>([
  [{ state: 'cancelled', status: 'Cancelled by jana', rows: 3 }, 'cancelled'],
  [{ state: 'error', status: 'Cancelled by the agent itself', rows: 0 }, 'error'],
  [{ state: 'error', status: 'the query failed', rows: 3 }, 'incomplete'],
  [{ state: 'error', status: 'the query failed', rows: 0 }, 'error'],
  [{ state: 'error', status: null, rows: 0 }, 'error'],
  [{ state: 'in_progress', status: null, rows: 3 }, 'in_progress'],
])('%j is shown as %s', (flow, shown) => expect(shownState(flow as Flow)).toBe(shown));

it.each<[Partial<Flow>, number | null]>([
  [{ state: 'waiting', started: null, duration_ms: 0 }, null],
  [{ state: 'in_progress', started: '2026-11-21T09:30:00Z', duration_ms: 0 }, 5_000],
  [{ state: 'finished', started: '2026-11-21T09:30:00Z', finished_at: '2026-11-21T09:30:02Z', duration_ms: 1_500 }, 1_500],
  [{ state: 'error', started: '2026-11-21T09:30:00Z', finished_at: '2026-11-21T09:30:02Z', duration_ms: 0 }, 2_000],
  [{ state: 'error', started: null, finished_at: '2026-11-21T09:30:02Z', duration_ms: 0 }, null],
])('%j took %j ms', (flow, ms) => expect(flowDuration({ finished_at: null, ...flow } as Flow, Date.parse('2026-11-21T09:30:05Z'))).toBe(ms));

it('makes sentences of messages and text of marks', () => {
  expect(sentence('no artifact `X`; choose another')).toBe('No artifact `X`; choose another');
  expect(sentence('sshd: something')).toBe('sshd: something');
  expect(sentence('/etc/passwd is not readable')).toBe('/etc/passwd is not readable');
  expect(withoutMarks('Use `a` and **b** of [c](https://d.e), see https://f.g')).toBe('Use a and b of c, see https://f.g');
});
