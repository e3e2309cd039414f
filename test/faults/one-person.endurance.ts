import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { anApi, useApi } from '../support/api.ts';
import { startApi } from '../support/api-process.ts';
import { type Answer, startAskers } from '../support/askers.ts';
import { proxyEngine } from '../support/engine-proxy.ts';
import { median, tellFigures } from '../support/figures.ts';
import { issuerVariables } from '../support/issuer.ts';
import { MESSAGES, startGroup } from '../support/operations.ts';
import type { Person } from '../support/people.ts';

useApi();

const OTHERS = 20;
const REQUESTS = 200;
/** Rounds without the hanging partition and with it take turns, because the machine may be busy with other things. */
const ROUNDS = 5;
const FOR_MS = 2_000;

test('one person with 200 requests at once against a partition that hangs slows nobody else', async () => {
  const world = await anApi();
  const [ann, ben] = await world.people(2);
  const others: readonly Person[] = await world.people(OTHERS);
  const hanging = await startGroup(world, [ann, ben]);
  const groups: string[] = [];
  for (const [index, person] of others.entries()) {
    groups.push(await startGroup(world, [person, others[(index + 1) % OTHERS] ?? ben], 'hello'));
  }
  let hangs = false;
  // No answer ever comes from the partition.
  const endpoint = await proxyEngine(({ body }) => hangs && body.includes(`GRP#${hanging}`));
  const api = await startApi(world.table, {
    ...issuerVariables(world.issuer),
    DYNAMODB_ENDPOINT: endpoint,
  });
  const tokens = await Promise.all([ann, ...others].map(({ subject }) => world.issuer.token(subject)));
  const [annsToken = '', ...othersTokens] = tokens;
  const page = (token: string, messageGroupId: string) => api.post(token, MESSAGES, { messageGroupId, first: 20 });
  const startOthers = () =>
    startAskers({ count: OTHERS, periodMs: 400 }, (number) => {
      const index = number % OTHERS;
      return page(othersTokens[index] ?? '', groups[index] ?? '');
    });
  const during = async () => {
    const askers = startOthers();
    await delay(FOR_MS);
    await askers.stop();
    return askers.answers;
  };
  await page(annsToken, hanging);
  for (const [index, token] of othersTokens.entries()) await page(token, groups[index] ?? '');

  const rounds: { readonly before: readonly Answer[]; readonly meanwhile: readonly Answer[] }[] = [];
  const persons: Answer[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = await during();
    hangs = true;
    // A client asks again after the second that it is told to wait.
    const flood = startAskers({ count: REQUESTS, periodMs: 1_000 }, () => page(annsToken, hanging));
    rounds.push({ before, meanwhile: await during() });
    hangs = false;
    await flood.stop();
    persons.push(...flood.answers);
  }

  const meanwhile = rounds.flatMap((round) => round.meanwhile);
  const slowdown = median(rounds.map((round) => p50(round.meanwhile) / p50(round.before)));
  const count = (answers: readonly Answer[], status: number) => answers.filter((each) => each.status === status).length;
  tellFigures(`${REQUESTS} requests at once of one person to a partition that hangs`, {
    'ms others take (p50) before': p50(rounds.flatMap(({ before }) => before)),
    'ms others take (p50) meanwhile': p50(meanwhile),
    'times as long (median of the rounds)': slowdown,
    'others served': count(meanwhile, 200),
    'others refused': meanwhile.length - count(meanwhile, 200),
    'the person 429': count(persons, 429),
    'the person 503': count(persons, 503),
  });
  expect(meanwhile.filter(({ status }) => status !== 200)).toEqual([]);
  expect(meanwhile.length).toBeGreaterThan(100);
  expect(slowdown).toBeLessThan(2);
  expect(new Set(persons.map(({ status }) => status))).toContain(429);
}, 120_000);

function p50(answers: readonly Answer[]): number {
  return median(answers.map(({ durationMs }) => durationMs));
}
