/** A collection request being edited: plain data, and its form in the address, so that a draft is a link. */

import type { Artifact, ArtifactSpec, CollectRequest, FlowLimits, Parameter } from '../../api/types';
import { parseAmount } from '../../lib/format';

/** The server's placeholder for a secret. */
export const HIDDEN = 'XXXXX';

/** Whether a value is the placeholder of a secret, which must be typed again. */
export const isHidden = (parameter: Pick<Parameter, 'type'>, value: string | undefined) => parameter.type === 'redacted' && value === HIDDEN;

type LimitKey = keyof FlowLimits;

/** A limit that an artifact may set; some limits of a collection are not among them. */
export const limitOf = (resources: Partial<Record<LimitKey, number>> | null, key: LimitKey) => resources?.[key];

export const LIMITS: { key: LimitKey; title: string; unit: string; hint: string }[] = [
  { key: 'timeout', title: 'Time', unit: 's', hint: '600' },
  { key: 'progress_timeout', title: 'Time without progress', unit: 's', hint: 'no limit' },
  { key: 'max_rows', title: 'Rows', unit: 'rows', hint: '1000000' },
  { key: 'max_upload_bytes', title: 'Uploads', unit: 'B', hint: '1 GiB' },
  { key: 'cpu_limit', title: 'CPU', unit: '%', hint: 'no limit' },
  { key: 'iops_limit', title: 'Disk operations', unit: '/s', hint: 'no limit' },
  { key: 'max_logs', title: 'Log lines', unit: 'lines', hint: '100000' },
];

export interface Draft {
  artifacts: string[];
  /** Only values that differ from the default, by artifact and parameter. */
  parameters: Record<string, Record<string, string>>;
  limits: Partial<Record<LimitKey, string>>;
  urgent: boolean;
}

export function readDraft(params: URLSearchParams): Draft {
  const draft: Draft = { artifacts: [...new Set(params.getAll('artifact').filter(Boolean))], parameters: {}, limits: {}, urgent: params.get('urgent') === '1' };
  for (const [key, value] of params) {
    if (key.startsWith('p.')) {
      const at = key.lastIndexOf('.');
      const artifact = key.slice(2, at);
      if (draft.artifacts.includes(artifact)) (draft.parameters[artifact] ??= {})[key.slice(at + 1)] = value;
    } else if (key.startsWith('l.')) {
      const limit = LIMITS.find((each) => each.key === key.slice(2));
      if (limit) draft.limits[limit.key] = value;
    }
  }
  return draft;
}

export function writeDraft(draft: Draft): URLSearchParams {
  const params = new URLSearchParams();
  for (const artifact of draft.artifacts) {
    params.append('artifact', artifact);
    for (const [name, value] of Object.entries(draft.parameters[artifact] ?? {})) params.set(`p.${artifact}.${name}`, value);
  }
  for (const { key } of LIMITS) if (draft.limits[key]) params.set(`l.${key}`, draft.limits[key]);
  if (draft.urgent) params.set('urgent', '1');
  return params;
}

/** The values for storing and showing, without secrets. */
export const maskSecrets = (artifact: Pick<Artifact, 'parameters'> | undefined, values: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, artifact?.parameters?.find((each) => each.name === name)?.type === 'redacted' ? HIDDEN : value]));

/** The draft without its secrets, because addresses are recorded in many places. */
export function withoutSecrets(draft: Draft, artifacts: readonly Pick<Artifact, 'name' | 'parameters'>[]): Draft {
  const parameters = Object.entries(draft.parameters).map(([name, values]) => [name, maskSecrets(artifacts.find((each) => each.name === name), values)] as const);
  return { ...draft, parameters: Object.fromEntries(parameters) };
}

/** Sizes may be typed as `500M` or `2 GiB`. */
export function parseLimit(text: string, unit: string): number | null {
  const amount = parseAmount(text);
  if (!amount || amount.value < 0 || (amount.isSize && unit !== 'B')) return null;
  return amount.value;
}

export function toRequest(draft: Draft): CollectRequest {
  const artifacts: ArtifactSpec[] = draft.artifacts.map((artifact) => ({ artifact, parameters: draft.parameters[artifact] ?? {} }));
  const request: CollectRequest = { artifacts };
  for (const { key, unit } of LIMITS) {
    const text = draft.limits[key];
    const value = text ? parseLimit(text, unit) : null;
    if (value !== null) request[key] = value;
  }
  if (draft.urgent) request.urgent = true;
  return request;
}

/** The address of a draft that repeats `request`. */
export function shareableSpec(request: CollectRequest): string {
  const draft: Draft = { artifacts: request.artifacts.map((each) => each.artifact), parameters: Object.fromEntries(request.artifacts.map((each) => [each.artifact, each.parameters])), limits: {}, urgent: request.urgent ?? false };
  for (const { key } of LIMITS) {
    const value = request[key];
    if (typeof value === 'number' && value > 0) draft.limits[key] = String(value);
  }
  return writeDraft(draft).toString();
}

/** Why a value is invalid, or null. The server has the last word; this check is for typing. */
export function checkParameter(parameter: Parameter, value: string): string | null {
  if (value === '') return null;
  switch (parameter.type) {
    case 'int':
    case 'int64':
    case 'integer':
      return /^-?(\d+|0x[\da-f]+)$/i.test(value.trim()) ? null : 'Expected a whole number.';
    case 'float':
      return Number.isFinite(Number(value)) ? null : 'Expected a number.';
    case 'json':
    case 'json_array':
      try {
        const parsed: unknown = JSON.parse(value);
        return parameter.type === 'json_array' && !Array.isArray(parsed) ? 'Expected a JSON list.' : null;
      } catch {
        return 'Expected valid JSON.';
      }
    case 'timestamp':
      return Number.isNaN(Date.parse(value)) && !/^\d+(\.\d+)?$/.test(value) ? 'Expected a time such as 2026-11-21T09:30:00Z.' : null;
    case 'regex':
      return isRegex(value) ? null : 'This is not a valid regular expression.';
    default:
      break;
  }
  if (parameter.validating_regex && isRegex(parameter.validating_regex)) {
    if (!new RegExp(goRegex(parameter.validating_regex)).test(value)) return `Expected text matching ${parameter.validating_regex}`;
  }
  return null;
}

/** Inline flags at the start are valid on the machine but not here. */
const goRegex = (text: string) => text.replace(/^\(\?[imsU]+\)/, '');

function isRegex(text: string): boolean {
  try {
    new RegExp(goRegex(text));
    return true;
  } catch {
    return false;
  }
}

export function isTrue(value: string): boolean {
  return /^(y|yes|true|1|t)$/i.test(value.trim());
}

/** The words of a search, all of which must occur in the name, description or author. */
export function matchesWords(text: string, query: string): boolean {
  const hay = text.toLowerCase();
  return query.toLowerCase().split(/\s+/).filter(Boolean).every((word) => hay.includes(word));
}

/** Parameters that have a value but do not exist, each with the intended one if only the letter case differs. */
export function unknownParameters(artifact: Pick<Artifact, 'parameters'>, values: Record<string, string>): { name: string; meant: string | null }[] {
  const known = (artifact.parameters ?? []).map((parameter) => parameter.name);
  return Object.keys(values)
    .filter((name) => !known.includes(name))
    .map((name) => ({ name, meant: known.find((each) => each.toLowerCase() === name.toLowerCase() && !(each in values)) ?? null }));
}

/** The permission somebody lacks to collect an artifact, or null. The server has the last word. */
export function lacking(artifact: Pick<Artifact, 'basic' | 'required_permissions'>, has: (permission: string) => boolean): string | null {
  if (artifact.basic && has('COLLECT_BASIC')) return null;
  return ['COLLECT_CLIENT', ...(artifact.required_permissions ?? [])].find((permission) => !has(permission)) ?? null;
}

/** Whether somebody may collect anything at all. */
export const mayCollect = (has: (permission: string) => boolean) => has('COLLECT_CLIENT') || has('COLLECT_BASIC');

/** Why a draft cannot be launched yet; empty when it can. */
export function obstacles(draft: Draft, artifacts: Artifact[], has: (permission: string) => boolean): string[] {
  if (!mayCollect(has)) return ['You need the permission COLLECT_CLIENT.'];
  if (draft.artifacts.length === 0) return ['Choose an artifact first.'];
  const why: string[] = [];
  for (const name of draft.artifacts) {
    const artifact = artifacts.find((each) => each.name === name);
    if (!artifact) {
      why.push(`There is no artifact ${name} here: take it out.`);
      continue;
    }
    const values = draft.parameters[name] ?? {};
    const lacks = lacking(artifact, has);
    if (lacks !== null) why.push(`You need the permission ${lacks} to collect ${name}.`);
    for (const { name: unknown } of unknownParameters(artifact, values)) why.push(`${name} has no parameter ${unknown}: take it out.`);
    for (const parameter of artifact.parameters ?? []) {
      const value = values[parameter.name];
      if (isHidden(parameter, value)) why.push(`Type ${parameter.friendly_name || parameter.name} again: its value was hidden.`);
      else if (value !== undefined && checkParameter(parameter, value) !== null) why.push(`The value of ${parameter.friendly_name || parameter.name} cannot be used.`);
    }
  }
  for (const { key, title, unit } of LIMITS) {
    const text = draft.limits[key];
    if (text && parseLimit(text, unit) === null) why.push(`The limit “${title}” needs a number.`);
  }
  return why;
}
