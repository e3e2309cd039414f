import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Call } from '../../src/calls.ts';
import { UnavailableError } from '../../src/errors.ts';
import { DirectoryTimeoutError, directoryBreaker } from '../../src/users/breaker.ts';
import { observeDirectory } from '../../src/users/observe.ts';
import type { CachedDirectory } from '../../src/users/user-cache.ts';

const ANN = { id: 'ann', handle: 'ann', displayName: 'Ann' };

/** A request's directory, whose answers take so many milliseconds, with a budget of 700. */
function aRequest(answerMs: number, leftMs = 5_000) {
  const calls: Call[] = [];
  const find = () => new Promise((resolve) => setTimeout(() => resolve([ANN]), answerMs));
  const cached = (id: string) => (id === ANN.id ? ANN : undefined);
  const directory = observeDirectory(
    { cached, findByIds: find, findByHandles: find, findBySubject: find, ping: find } as unknown as CachedDirectory,
    {
      onCall: (call) => calls.push(call),
      deadline: performance.now() + leftMs,
      breaker: directoryBreaker(),
      budgetMs: 700,
    },
  );
  return { calls, directory };
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Waits for a call, and lets the time pass. @returns what came of it, and after how many milliseconds */
async function timed(call: Promise<unknown>): Promise<[unknown, number]> {
  const startedAt = performance.now();
  const ended = call.then(
    () => ['answered', performance.now() - startedAt] as [unknown, number],
    (error) => [error.constructor, performance.now() - startedAt] as [unknown, number],
  );
  await vi.runAllTimersAsync();
  return ended;
}

test('the calls of a request share its time budget', async () => {
  const { directory } = aRequest(300);

  const outcomes = [
    await timed(directory.findBySubject('ann')),
    await timed(directory.findByHandles(['ann'])),
    await timed(directory.findByIds(['ann'])),
    await timed(directory.findByIds(['ann'])),
  ];

  expect(outcomes).toEqual([
    ['answered', 300],
    ['answered', 300],
    [UnavailableError, 100],
    [UnavailableError, 0],
  ]);
});

test('a call that had all of the time budget tells that the directory does not answer', async () => {
  const { directory } = aRequest(1_000);

  expect(await timed(directory.findByIds(['ann']))).toEqual([DirectoryTimeoutError, 700]);
});

test('calls at the same time follow each other, and the time between calls does not count', async () => {
  const { calls, directory } = aRequest(200);

  const outcomes = timed(Promise.allSettled(['ann', 'ben'].map((handle) => directory.findByHandles([handle]))));
  await vi.runAllTimersAsync();
  vi.advanceTimersByTime(2_000);

  expect((await outcomes)[1]).toBe(400);
  expect(calls).toHaveLength(2);
  expect(await timed(directory.findByIds(['ann']))).toEqual(['answered', 200]);
  expect(await timed(directory.findByIds(['ann']))).toEqual([UnavailableError, 100]);
});

test('a call is given up when the request’s time is over, and none is made after that', async () => {
  const { calls, directory } = aRequest(300, 100);

  const outcomes = [await timed(directory.findByIds(['ann'])), await timed(directory.findByIds(['ann']))];

  expect(outcomes).toEqual([
    [UnavailableError, 100],
    [UnavailableError, 0],
  ]);
  expect(calls).toHaveLength(2);
});

test('each call is reported, and users from the cache are not', async () => {
  const { calls, directory } = aRequest(500);

  const known = directory.cached(ANN.id);
  await timed(directory.findByIds(['ann']));
  await timed(directory.findByHandles(['ann']));

  expect(known).toBe(ANN);
  expect(calls).toEqual([
    { operation: 'findByIds', startedAt: expect.any(Number), durationMs: 500, error: undefined },
    { operation: 'findByHandles', startedAt: expect.any(Number), durationMs: 200, error: 'Error' },
  ]);
});
