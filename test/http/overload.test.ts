import { expect, onTestFinished, test, vi } from 'vitest';
import { anApi, type Reply, useApi } from '../support/api.ts';

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

test('of a burst only so many are served at once, the others are refused, and after it all is as before', async () => {
  const api = await anApi({ overload: { atOnce: 2 } });
  const [ann] = await api.people(1);

  const burst = await Promise.all(Array.from({ length: 50 }, () => api.post(ann, MESSAGE_GROUPS)));
  const after = [await api.post(ann, MESSAGE_GROUPS), await api.post(ann, '{'), await api.post(undefined, VIEWER)];

  const statuses = new Set(burst.map(({ status }) => status));
  expect([...statuses].sort()).toEqual([200, 503]);
  for (const refused of burst.filter(({ status }) => status === 503)) {
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(((await refused.json()) as Reply).errors?.[0]?.extensions.code).toBe('UNAVAILABLE');
  }
  expect(after.map(({ status }) => status)).toEqual([200, 400, 401]);
});
