/** Values for parameters that an artifact does not have: they come from a link, or from an older version of the artifact. */

import type { Artifact } from '../../api/types';
import { Reveal } from '../../ui/parts';
import { unknownParameters } from './spec';

export function UnknownParameters({ artifact, values, onChange }: { artifact: Artifact; values: Record<string, string>; onChange: (values: Record<string, string>) => void }) {
  const without = (name: string) => Object.fromEntries(Object.entries(values).filter(([each]) => each !== name));
  return unknownParameters(artifact, values).map(({ name, meant }) => (
    <p className="notice notice-error unknown-parameter" key={name} role="alert">
      <span>
        {artifact.name} has no parameter{' '}
        <code>
          <Reveal text={name} />
        </code>
        {'. '}
        {values[name] && (
          <>
            The value given is{' '}
            <code>
              <Reveal text={values[name].slice(0, 200)} />
            </code>
            .
          </>
        )}
      </span>
      <span className="notice-actions">
        {meant && (
          <button type="button" className="link" onClick={() => onChange({ ...without(name), [meant]: values[name] ?? '' })}>
            Use it for {meant}
          </button>
        )}
        <button type="button" className="link" onClick={() => onChange(without(name))}>
          Take it out
        </button>
      </span>
    </p>
  ));
}
