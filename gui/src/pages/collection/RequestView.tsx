/** The request sent to the machine. */

import type { FlowDetail, Json } from '../../api/types';
import { shellWord } from '../../lib/text';
import { Code } from '../../ui/code';
import { Command } from '../../ui/copy';
import { JsonTree } from '../../ui/json';

const hasContent = (value: Json) => value !== null && (typeof value !== 'object' || Object.keys(value).length > 0);

export function RequestView({ flow }: { flow: FlowDetail }) {
  const text = JSON.stringify(flow.request, null, 2);
  const specs = flow.request?.artifacts ?? [];
  const first = specs[0];
  const args = Object.entries(first?.parameters ?? {}).map(([name, value]) => ` --args ${shellWord(`${name}=${value}`)}`);
  return (
    <div className="flow-overview">
      <h2>Request</h2>
      <Code text={text} language="json" label="request" />
      {first && (
        <>
          <h2>The same from a terminal on the machine</h2>
          <Command>{`peregrine artifacts collect ${specs.map((each) => each.artifact).join(' ')}${args.join('')}`}</Command>
        </>
      )}
      {hasContent(flow.query_stats) && (
        <>
          <h2>Query statistics</h2>
          <JsonTree value={flow.query_stats} depth={2} />
        </>
      )}
    </div>
  );
}
