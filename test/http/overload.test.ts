import { expect, test, vi } from 'vitest';
import type { OverloadLimits } from '../../src/config/api.ts';
import { anApi, type Reply, useApi } from '../support/api.ts';
import { aMisbehavingEngine, holdAnswers } from '../support/misbehaving-engine.ts';

useApi();

const MESSAGE_GROUPS = '{ messageGroups(first: 10) { edges { node { id } } } }';

const VIEWER = '{ viewer { handle } }';

/** An API whose engine holds its answers back until it is let go. */
async function aHeldApi(overload: Partial<OverloadLimits>) {
  const engine = await aMisbehavingEngine();
  const api = await anApi({ overload, dynamodbEndpoint: engine.endpoint });
  const [ann] = await api.people(1);
  await api.post(ann, VIEWER);
  return { api, ann, ...holdAnswers(engine) };
}

test('of a burst some are served, some wait for their turn, the others are refused, and after it all is as before', async () => {
  const { api, ann, count, letGo } = await aHeldApi({ atOnce: 2 });
  let refusals = 0;

  const burst = Array.from({ length: 50 }, async () => {
    const response = await api.post(ann, MESSAGE_GROUPS);
    if (response.status === 503) refusals += 1;
    return response;
  });
  // On a busy machine some of the ten that wait have done so for a second by then.
  await vi.waitFor(() => expect(refusals).toBeGreaterThanOrEqual(50 - 2 - 10), { timeout: 10_000 });
  const running = count();
  letGo();
  const replies = await Promise.all(burst);
  const after = [await api.post(ann, MESSAGE_GROUPS), await api.post(ann, '{'), await api.post(undefined, VIEWER)];

  expect(running).toBe(2);
  expect(replies.filter(({ status }) => status === 200)).toHaveLength(50 - refusals);
  for (const refused of replies.filter(({ status }) => status !== 200)) {
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(((await refused.json()) as Reply).errors?.[0]?.extensions.code).toBe('UNAVAILABLE');
  }
  expect(after.map(({ status }) => status)).toEqual([200, 400, 401]);
});

test('whose turn does not come within a second is refused, and the others are served', async () => {
  const { api, ann, count, letGo } = await aHeldApi({ atOnce: 1 });

  const served = api.post(ann, MESSAGE_GROUPS);
  await vi.waitFor(() => expect(count()).toBe(1));
  const waited = await api.post(ann, MESSAGE_GROUPS);
  letGo();

  expect(waited.status).toBe(503);
  expect(waited.headers.get('retry-after')).toBe('1');
  expect((await served).status).toBe(200);
});

test('a person runs so many operations at once: more wait for a second and get 429, and others are served meanwhile', async () => {
  const { api, ann, count, letGo } = await aHeldApi({ perPerson: 2 });
  const [ben] = await api.people(1);

  const served = [api.post(ann, MESSAGE_GROUPS), api.post(ann, MESSAGE_GROUPS)];
  await vi.waitFor(() => expect(count()).toBe(2));
  const [waited, other] = await Promise.all([api.post(ann, VIEWER), api.post(ben, VIEWER)]);
  letGo();

  expect(waited.status).toBe(429);
  expect(waited.headers.get('retry-after')).toBe('1');
  expect((await waited.json()) as Reply).toEqual({
    errors: [{ message: expect.any(String), extensions: { code: 'RATE_LIMITED' } }],
  });
  expect(other.status).toBe(200);
  expect((await Promise.all(served)).map(({ status }) => status)).toEqual([200, 200]);
  expect((await api.post(ann, VIEWER)).status).toBe(200);
});

test('of a person’s burst, five times as many wait as run, and hold no place that others need', async () => {
  const { api, ann, count, letGo } = await aHeldApi({ perPerson: 1, atOnce: 2 });
  const [ben] = await api.people(1);
  let refusals = 0;

  const burst = Array.from({ length: 30 }, async () => {
    const { status } = await api.post(ann, MESSAGE_GROUPS);
    if (status === 429) refusals += 1;
    return status;
  });
  await vi.waitFor(() => expect(refusals).toBeGreaterThanOrEqual(30 - 1 - 5), { timeout: 10_000 });
  const other = await api.post(ben, VIEWER);
  const running = count();
  letGo();

  expect(other.status).toBe(200);
  expect(running).toBe(1);
  expect((await Promise.all(burst)).filter((status) => status === 200)).toHaveLength(30 - refusals);
});
