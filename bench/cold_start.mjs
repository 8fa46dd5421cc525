// `peregrine query` from start to end: node bench/cold_start.mjs [COUNT]
import { execFileSync } from 'node:child_process';
import { percentile, release, table } from './lib.mjs';

const program = release();
const count = Number(process.argv[2] ?? 50);
const times = [];
for (let run = 0; run < count; run += 1) {
  const begin = performance.now();
  execFileSync(program, ['query', 'SELECT * FROM info()'], { stdio: ['ignore', 'pipe', 'pipe'] });
  times.push(performance.now() - begin);
}
const ms = (value) => `${value.toFixed(1)} ms`;
const [first, ...rest] = times;
table([{ runs: count, first: ms(first), median: ms(percentile(rest, 0.5)), '99 %': ms(percentile(rest, 0.99)), fastest: ms(Math.min(...rest)) }]);
