import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { UnavailableError } from '../../src/errors.ts';
import { directoryBreaker } from '../../src/users/breaker.ts';
import { openDirectory } from '../../src/users/directory.ts';
import { observeDirectory } from '../../src/users/observe.ts';
import { giveUpIdle, openPool } from '../../src/users/pool.ts';
import { cacheUsers } from '../../src/users/user-cache.ts';
import { aDirectoryProxy } from '../support/directory-proxy.ts';

const BUDGET_MS = 700;

/** A directory that answers as told. Each call of `ask` is another request's. */
function aDirectory(answer: () => Promise<unknown>) {
  const asked = vi.fn(answer);
  const onOpen = vi.fn();
  const breaker = directoryBreaker(onOpen);
  const ask = async () => {
    const observation = { onCall: () => {}, deadline: performance.now() + 7_500, breaker, budgetMs: BUDGET_MS };
    const directory = { findByIds: asked, ping: asked } as unknown as Parameters<typeof observeDirectory>[0];
    const startedAt = performance.now();
    const ended = await observeDirectory(directory, observation)
      .findByIds(['id'])
      .then(
        (found) => ({ found }),
        (error) => ({ error }),
      );
    return { ...ended, after: performance.now() - startedAt };
  };
  return { asked, onOpen, ask };
}

const never = () => new Promise(() => {});
const UNAVAILABLE = expect.any(UnavailableError);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Lets five calls time out at once, which opens the circuit. */
async function open({ ask }: ReturnType<typeof aDirectory>) {
  const waited = Promise.all(Array.from({ length: 5 }, ask));
  await vi.advanceTimersByTimeAsync(BUDGET_MS);
  return waited;
}

test('after five calls timed out in a row, the next one fails at once', async () => {
  const directory = aDirectory(never);

  const waited = await open(directory);
  const next = await directory.ask();

  expect(waited).toEqual(waited.map(() => ({ error: UNAVAILABLE, after: BUDGET_MS })));
  expect(next).toEqual({ error: UNAVAILABLE, after: 0 });
  expect(directory.asked).toHaveBeenCalledTimes(5);
  expect(directory.onOpen).toHaveBeenCalledTimes(1);
});

test('while the circuit is open one call a second tries again, nobody waits for it, and its answer closes the circuit', async () => {
  const directory = aDirectory(never);
  await open(directory);
  directory.asked.mockClear();

  await vi.advanceTimersByTimeAsync(1_000);
  const probe = directory.ask();
  const others = await Promise.all([directory.ask(), directory.ask()]);
  await vi.advanceTimersByTimeAsync(BUDGET_MS);
  const askedInVain = directory.asked.mock.calls.length;
  directory.asked.mockResolvedValue([]);
  await vi.advanceTimersByTimeAsync(1_000);
  const answers = [await directory.ask(), await directory.ask(), await directory.ask()];

  expect(await probe).toEqual({ error: UNAVAILABLE, after: BUDGET_MS });
  expect(others).toEqual([1, 2].map(() => ({ error: UNAVAILABLE, after: 0 })));
  expect(askedInVain).toBe(1);
  expect(answers).toEqual([1, 2, 3].map(() => ({ found: [], after: 0 })));
});

test('slow calls among others that are answered do not open the circuit', async () => {
  const directory = aDirectory(never);

  for (let count = 0; count < 10; count += 1) {
    const slow = directory.ask();
    await vi.advanceTimersByTimeAsync(BUDGET_MS);
    await slow;
    directory.asked.mockResolvedValueOnce([]);
    expect(await directory.ask()).toEqual({ found: [], after: 0 });
  }

  expect(directory.onOpen).not.toHaveBeenCalled();
});

test('errors do not open the circuit: each call fails by itself', async () => {
  const refusal = new UnavailableError('Refused');
  const directory = aDirectory(() => Promise.reject(refusal));

  for (let count = 0; count < 10; count += 1) expect(await directory.ask()).toEqual({ error: refusal, after: 0 });

  expect(directory.asked).toHaveBeenCalledTimes(10);
  expect(directory.onOpen).not.toHaveBeenCalled();
});

test('requests with many calls to a slow directory do not open the circuit, nor keep others from it', async () => {
  vi.useRealTimers();
  const proxy = await aDirectoryProxy();
  const pool = openPool({ url: proxy.url, poolSize: 10, onIdleError: () => {}, patienceMs: BUDGET_MS + 100 });
  onTestFinished(() => pool.end());
  const onOpen = vi.fn();
  const breaker = directoryBreaker(onOpen);
  const request = () =>
    observeDirectory(cacheUsers(openDirectory(pool)), {
      onCall: () => {},
      deadline: performance.now() + 7_500,
      breaker,
      budgetMs: BUDGET_MS,
    });
  await request().ping();
  proxy.delayAnswers(100);

  const heavy = Array.from({ length: 8 }, () => {
    const { findByHandles } = request();
    return Array.from({ length: 15 }, (_, index) => findByHandles([`person_${index}`]));
  });
  const others = await Promise.allSettled(Array.from({ length: 4 }, () => request().findByHandles(['bayko'])));
  const outcomes = await Promise.allSettled(heavy.flat());

  expect(others.map(({ status }) => status)).toEqual(Array(4).fill('fulfilled'));
  expect(outcomes.map(({ status }) => status)).toContain('rejected');
  expect(onOpen).not.toHaveBeenCalled();
  await expect(request().ping()).resolves.toBeUndefined();
});

test('when the circuit opens the idle connections are given up, so that the next call has a new one', async () => {
  vi.useRealTimers();
  const proxy = await aDirectoryProxy();
  const pool = openPool({ url: proxy.url, poolSize: 5, onIdleError: () => {}, patienceMs: BUDGET_MS + 100 });
  onTestFinished(() => pool.end());
  const directory = cacheUsers(openDirectory(pool));
  const breaker = directoryBreaker(() => giveUpIdle(pool));
  const request = () =>
    observeDirectory(directory, {
      onCall: () => {},
      deadline: performance.now() + 7_500,
      breaker,
      budgetMs: BUDGET_MS,
    });
  const clients = await Promise.all(Array.from({ length: 5 }, () => pool.connect()));
  for (const client of clients) client.release();

  proxy.swallow();
  const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => request().findByHandles(['bayko'])));
  await proxy.recover();

  expect(outcomes.map(({ status }) => status)).toEqual(Array(5).fill('rejected'));
  await expect(directory.ping()).resolves.toBeUndefined();
});
