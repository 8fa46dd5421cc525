// The comparison that keeps the mock true must itself see what is wrong.
import { expect, it } from 'vitest';
import { answerOf, checkAnswer } from './contract.mjs';

const METHOD = 'GET clients/:id';

it('takes the answer of the server itself, with other content', () => {
  expect(() => checkAnswer(METHOD, { ...answerOf(METHOD), hostname: 'other', metadata: { any: 'name' } })).not.toThrow();
});

it.each([
  ['nick is not sent', (answer) => ({ ...answer, nick: 1 })],
  ['os is always sent', ({ os, ...answer }) => (void os, answer)],
  ['labels is a list', (answer) => ({ ...answer, labels: 'x' })],
])('refuses what no server says: %s', (message, change) => {
  expect(() => checkAnswer(METHOD, change(answerOf(METHOD)))).toThrow(message);
});

it('looks into lists', () => {
  const page = answerOf('GET clients');
  expect(() => checkAnswer('GET clients', { ...page, clients: [...page.clients, {}] })).toThrow('is always sent');
});
