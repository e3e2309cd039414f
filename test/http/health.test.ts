import { expect, test, vi } from 'vitest';
import { anApi, type TestApi, useApi } from '../support/api.ts';

useApi();

const unavailable = () => Promise.reject(new Error('wrong password for app'));

function get(api: TestApi, path: string): Promise<Response> {
  return fetch(new URL(path, api.url));
}

async function readiness(api: TestApi) {
  const response = await get(api, '/health/ready');
  return { status: response.status, body: await response.json(), caching: response.headers.get('cache-control') };
}

test('a process that serves is live, whatever its dependencies do', async () => {
  const api = await anApi({ healthChecks: { table: unavailable } });

  const response = await get(api, '/health/live');

  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({ status: 'live' });
  expect(response.headers.get('cache-control')).toBe('no-store');
});

test('it is ready once its dependencies have answered', async () => {
  const api = await anApi();

  expect(await readiness(api)).toEqual({
    status: 200,
    body: { status: 'ready', dependencies: { table: 'available', directory: 'available' } },
    caching: 'no-store',
  });
});

test.each([
  ['rejects', unavailable],
  [
    'throws at once',
    () => {
      throw new Error('not even a promise');
    },
  ],
  ['never answers', () => new Promise<void>(() => {})],
])('it is starting, and not ready, while a dependency %s that has not answered yet', async (_, directory) => {
  const api = await anApi({ healthChecks: { table: async () => {}, directory } });

  const first = await readiness(api);

  expect(first).toMatchObject({
    status: 503,
    body: { status: 'starting', dependencies: { table: 'available', directory: 'unavailable' } },
  });
});

test('it stays ready without a dependency that has answered before, and names it', async () => {
  let isAway = false;
  const api = await anApi({
    healthChecks: { table: async () => {}, directory: () => (isAway ? unavailable() : Promise.resolve()) },
  });
  const before = await readiness(api);
  isAway = true;
  const during = await readiness(api);

  expect(before).toMatchObject({ status: 200, body: { dependencies: { directory: 'available' } } });
  expect(during).toMatchObject({
    status: 200,
    body: { status: 'ready', dependencies: { table: 'available', directory: 'unavailable' } },
  });
  expect(JSON.stringify(during)).not.toContain('password');
  expect(api.logs.join('')).toContain('wrong password for app');
});

test('it is not ready from the moment that it begins to stop', async () => {
  let isStopping = false;
  const api = await anApi({ isStopping: () => isStopping });
  const before = await readiness(api);
  isStopping = true;

  expect(before.status).toBe(200);
  expect(await readiness(api)).toMatchObject({ status: 503, body: { status: 'stopping' } });
  expect((await get(api, '/health/live')).status).toBe(200);
});

test('a dependency is asked once at a time, however many callers want to know', async () => {
  const answers: (() => void)[] = [];
  const api = await anApi({ healthChecks: { table: () => new Promise((resolve) => answers.push(resolve)) } });
  let arrived = 0;
  api.server.server.on('request', () => {
    arrived += 1;
  });

  const replies = Array.from({ length: 20 }, () => readiness(api));
  await vi.waitFor(() => expect(arrived).toBe(20));
  for (const answer of answers) answer();

  expect((await Promise.all(replies)).map(({ status }) => status)).toEqual(Array(20).fill(200));
  expect(answers).toHaveLength(1);
  const later = readiness(api);
  await vi.waitFor(() => expect(answers).toHaveLength(2));
  answers[1]?.();
  expect((await later).status).toBe(200);
});

test('a check that fails after its deadline disturbs nothing', async () => {
  const failures: ((error: Error) => void)[] = [];
  const table = () => new Promise<void>((_, reject) => failures.push(reject));
  const api = await anApi({ healthChecks: { table } });
  await readiness(api);

  for (const fail of failures) fail(new Error('too late'));

  expect(failures).toHaveLength(1);
  expect((await get(api, '/health/live')).status).toBe(200);
});
