// Waits for conditions. Deadlines are generous, because they matter only when something is broken.
import { setTimeout as pause } from 'node:timers/promises';

export const DEADLINE_MS = 120_000;

/** The first truthy result of `probe`. An error it throws counts as "not yet" and is reported at the deadline. */
export async function until(what, probe, { deadline = DEADLINE_MS, every = 100, explain } = {}) {
  const end = Date.now() + deadline;
  let problem = null;
  for (;;) {
    try {
      const answer = await probe();
      if (answer) return answer;
      problem = null;
    } catch (error) {
      if (error.isFinal) throw error;
      problem = error;
    }
    if (Date.now() > end) {
      const details = [problem && `last error: ${problem.message}`, explain && tail(explain())].filter(Boolean).join('\n');
      throw new Error(`after ${deadline / 1000} s still not so: ${what}${details ? `\n${details}` : ''}`);
    }
    await pause(every);
  }
}

/** An error that ends the wait at once, because waiting longer cannot help. */
export function final(message) {
  return Object.assign(new Error(message), { isFinal: true });
}

/** The end of a log: enough to see what happened, short enough to be read. */
export const tail = (text, lines = 25) => String(text ?? '').trimEnd().split('\n').slice(-lines).map((line) => line.slice(0, 300)).join('\n');
