/** What was sent to the machine. */

import type { Flow, Json } from '../../api/types';
import { shellWord } from '../../lib/text';
import { Code } from '../../ui/code';
import { Command } from '../../ui/copy';
import { JsonTree } from '../../ui/json';

const hasContent = (value: Json | undefined) => value !== undefined && value !== null && (typeof value !== 'object' || Object.keys(value).length > 0);

export function RequestView({ flow }: { flow: Flow }) {
  const request = flow.request ?? null;
  const text = JSON.stringify(request, null, 2);
  const first = request?.artifacts[0];
  const args = Object.entries(first?.parameters ?? {}).map(([name, value]) => ` --args ${shellWord(`${name}=${value}`)}`);
  return (
    <div className="flow-overview">
      <h2>Request</h2>
      <Code text={text} language="json" label="request" />
      {first && (
        <>
          <h2>The same from a terminal on the machine</h2>
          <Command>{`peregrine artifacts collect ${request.artifacts.map((each) => each.artifact).join(' ')}${args.join('')}`}</Command>
        </>
      )}
      {hasContent(flow.query_stats) && (
        <>
          <h2>Query statistics</h2>
          <JsonTree value={flow.query_stats ?? null} depth={2} />
        </>
      )}
    </div>
  );
}
