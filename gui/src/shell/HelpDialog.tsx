/** All keyboard shortcuts, on one page. */

import { Dialog } from './Dialog';

const KEYS: [string, [string, string][]][] = [
  [
    'Anywhere',
    [
      ['Ctrl K', 'find a machine, artifact, collection or action'],
      ['/', 'search this page'],
      ['n', 'new collection on the selected machine'],
      ['?', 'this help'],
    ],
  ],
  [
    'Go to',
    [
      ['g m', 'machines'],
      ['g o', 'overview of the selected machine'],
      ['g c', 'its collections'],
      ['g p', 'its processes'],
      ['g v', 'its events'],
      ['g a', 'artifacts'],
      ['g e', 'monitoring'],
      ['g s', 'server'],
    ],
  ],
  [
    'Tables',
    [
      ['↑ ↓ ← →', 'move (with Ctrl: to the edge)'],
      ['PgUp PgDn Home End', 'move by page, to the row’s ends'],
      ['Enter', 'open'],
      ['Space', 'row details'],
      ['f  x', 'filter for / filter out this value'],
      ['s', 'sort by this column'],
      ['u', 'group and count this column'],
      ['c', 'copy this value'],
    ],
  ],
  [
    'Process tree',
    [
      ['↑ ↓ ← →', 'sibling, parent, child'],
      ['Enter', 'open or fold the branch'],
      ['+  −  0', 'zoom, fit'],
      ['/', 'search'],
    ],
  ],
  ['Collect', [['Ctrl Enter', 'launch']]],
];

export function HelpDialog({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keyboard" className="help" onClose={onClose}>
      <div className="help-groups">
        {KEYS.map(([group, keys]) => (
          <section key={group}>
            <h3>{group}</h3>
            <dl>
              {keys.map(([key, meaning]) => (
                <div key={key}>
                  <dt>
                    {key.split(' ').filter(Boolean).map((part, index) => (
                      <kbd key={index}>{part}</kbd>
                    ))}
                  </dt>
                  <dd>{meaning}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
