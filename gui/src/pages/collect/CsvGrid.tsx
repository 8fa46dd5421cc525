/** A table parameter as a grid: the first line names the columns. */

import { useState } from 'react';
import { Button, IconButton } from '../../ui/parts';
import { parseCsv, writeCsv } from './csv';

export function CsvGrid({ id, value, onChange, label }: { id: string; value: string; onChange: (value: string) => void; label: string }) {
  const [raw, setRaw] = useState(false);
  const [head = ['Value'], ...stored] = parseCsv(value);
  // An empty row would vanish in the text, so the row being added is kept here until it has content.
  const [extra, setExtra] = useState(0);
  const rows = [...stored, ...Array.from({ length: extra }, () => head.map(() => ''))];
  const write = (next: string[][]) => {
    const kept = next.filter((row) => row.some((cell) => cell !== ''));
    setExtra(next.length - kept.length);
    onChange(writeCsv([head, ...kept]));
  };
  if (raw)
    return (
      <div className="csv">
        <textarea id={id} rows={6} value={value} spellCheck={false} onChange={(event) => onChange(event.target.value)} />
        <Button onClick={() => setRaw(false)}>Edit as table</Button>
      </div>
    );
  return (
    <div className="csv" id={id} role="group" aria-label={label}>
      <table>
        <thead>
          <tr>
            {head.map((name, index) => (
              <th key={index} scope="col">
                {name}
              </th>
            ))}
            <td />
          </tr>
        </thead>
        <tbody>
          {rows.map((row, at) => (
            <tr key={at}>
              {head.map((name, column) => (
                <td key={column}>
                  <input aria-label={`${name}, row ${at + 1}`} className="mono" value={row[column] ?? ''} spellCheck={false} onChange={(event) => write(rows.map((old, index) => (index === at ? head.map((_, cell) => (cell === column ? event.target.value : (old[cell] ?? ''))) : old)))} />
                </td>
              ))}
              <td>
                <IconButton icon="close" label={`Delete row ${at + 1}`} onClick={() => write(rows.filter((_, index) => index !== at))} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <div className="csv-actions">
        <Button icon="plus" onClick={() => setExtra(extra + 1)}>
          Row
        </Button>
        <Button kind="quiet" onClick={() => setRaw(true)}>
          Edit as text
        </Button>
      </div>
    </div>
  );
}
