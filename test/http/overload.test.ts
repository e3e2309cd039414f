import { expect, onTestFinished, test, vi } from 'vitest';
import { anApi, type Reply, useApi } from '../support/api.ts';
import { aMisbehavingEngine, holdAnswers } from '../support/misbehaving-engine.ts';

useApi();

const MESSAGE_GROUPS = '{ messageGroups(first: 10) { edges { node { id } } } }';

const VIEWER = '{ viewer { handle } }';

/** Keeps the event loop late by this much until the test is over, or until it is stopped. */
function keepLate(milliseconds: number): () => void {
  const timer = setInterval(() => {
    const end = performance.now() + milliseconds;
    while (performance.now() < end);
  }, 1);
  const stop = () => clearInterval(timer);
  onTestFinished(stop);
  return stop;
}

test('while the event loop is late requests are refused at once, health answers, and after it all is as before', async () => {
  const api = await anApi({ overload: { eventLoopDelayMs: 20 } });
  const [ann] = await api.people(1);
  const before = await api.post(ann, VIEWER);

  const stop = keepLate(60);
  const refused = await vi.waitFor(
    async () => {
      const response = await api.post(ann, VIEWER);
      expect(response.status).toBe(503);
      return response;
    },
    { timeout: 20_000 },
  );
  const live = await fetch(new URL('/health/live', api.url));
  stop();

  expect(before.status).toBe(200);
  expect(refused.headers.get('retry-after')).toBe('1');
  expect((await refused.json()) as Reply).toEqual({
    errors: [{ message: expect.any(String), extensions: { code: 'UNAVAILABLE' } }],
  });
  expect(live.status).toBe(200);
  await vi.waitFor(async () => expect((await api.post(ann, VIEWER)).status).toBe(200), { timeout: 20_000 });
});

test('a loop that is late now and then refuses nobody', async () => {
  const api = await anApi({ overload: { eventLoopDelayMs: 300 } });
  const [ann] = await api.people(1);
  keepLate(60);

  const statuses = [await api.post(ann, VIEWER), await api.post(ann, VIEWER), await api.post(ann, VIEWER)];

  expect(statuses.map(({ status }) => status)).toEqual([200, 200, 200]);
});

test('a loop that is late all the time, but by less than the limit, refuses nobody', async () => {
  const api = await anApi({ overload: { eventLoopDelayMs: 2_000 } });
  const [ann] = await api.people(1);
  keepLate(400);

  const statuses = [await api.post(ann, VIEWER), await api.post(ann, VIEWER), await api.post(ann, VIEWER)];

  expect(statuses.map(({ status }) => status)).toEqual([200, 200, 200]);
});

/** An API whose engine holds its answers back until it is let go. */
async function aHeldApi(atOnce: number) {
  const engine = await aMisbehavingEngine();
  const api = await anApi({ overload: { atOnce }, dynamodbEndpoint: engine.endpoint });
  const [ann] = await api.people(1);
  await api.post(ann, VIEWER);
  return { api, ann, ...holdAnswers(engine) };
}

test('of a burst some are served, some wait for their turn, the others are refused, and after it all is as before', async () => {
  const { api, ann, letGo } = await aHeldApi(2);
  let refusals = 0;

  const burst = Array.from({ length: 50 }, async () => {
    const response = await api.post(ann, MESSAGE_GROUPS);
    if (response.status === 503) refusals += 1;
    return response;
  });
  await vi.waitFor(() => expect(refusals).toBe(50 - 2 - 10));
  letGo();
  const replies = await Promise.all(burst);
  const after = [await api.post(ann, MESSAGE_GROUPS), await api.post(ann, '{'), await api.post(undefined, VIEWER)];

  expect(replies.filter(({ status }) => status === 200)).toHaveLength(12);
  for (const refused of replies.filter(({ status }) => status !== 200)) {
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(((await refused.json()) as Reply).errors?.[0]?.extensions.code).toBe('UNAVAILABLE');
  }
  expect(after.map(({ status }) => status)).toEqual([200, 400, 401]);
});

test('whose turn does not come within a second is refused, and the others are served', async () => {
  const { api, ann, count, letGo } = await aHeldApi(1);

  const served = api.post(ann, MESSAGE_GROUPS);
  await vi.waitFor(() => expect(count()).toBe(1));
  const waited = await api.post(ann, MESSAGE_GROUPS);
  letGo();

  expect(waited.status).toBe(503);
  expect(waited.headers.get('retry-after')).toBe('1');
  expect((await served).status).toBe(200);
});
