// The first view must stay small: fails the build when its compressed size passes the budget.
import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const BUDGET = 250 * 1024;
const dist = new URL('../dist/', import.meta.url);
const html = readFileSync(new URL('index.html', dist), 'utf8');
const linked = [...html.matchAll(/(?:src|href)="\/([^"]+)"/g)].map(([, path]) => path);
// The Latin font comes with the first text; other scripts load when they occur.
const font = readdirSync(new URL('assets/', dist)).find((name) => /^inter-latin-wght-normal.*woff2$/.test(name));
const files = ['index.html', ...linked, ...(font ? [`assets/${font}`] : [])];
let total = 0;
for (const file of files) {
  const bytes = readFileSync(new URL(file, dist));
  const size = file.endsWith('.woff2') ? bytes.length : gzipSync(bytes).length;
  total += size;
  console.log(`${String(size).padStart(8)}  ${file}`);
}
console.log(`${String(total).padStart(8)}  first view, compressed (budget ${BUDGET})`);
if (total > BUDGET) process.exit(1);
