import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { UnavailableError } from '../../src/errors.ts';
import { type Directory, openDirectory } from '../../src/users/directory.ts';
import { giveUpIdle, openPool } from '../../src/users/pool.ts';
import { leaveAloneWhileSilent } from '../../src/users/silence.ts';
import { aDirectoryProxy } from '../support/directory-proxy.ts';

const PATIENCE_MS = 700;

const calls: [string, (directory: Directory) => Promise<unknown>][] = [
  ['findByIds', ({ findByIds }) => findByIds(['id'])],
  ['findByHandles', ({ findByHandles }) => findByHandles(['handle'])],
  ['findBySubject', ({ findBySubject }) => findBySubject('subject')],
];

/** A directory that answers as it is told, and is silent where that is never. */
function aDirectory(answer: () => Promise<unknown>) {
  const asked = vi.fn(answer);
  const onSilence = vi.fn();
  const directory = leaveAloneWhileSilent(
    { findByIds: asked, findByHandles: asked, findBySubject: asked, ping: asked } as unknown as Directory,
    { patienceMs: PATIENCE_MS, onSilence },
  );
  return { asked, onSilence, directory };
}

const never = () => new Promise(() => {});

/** How a call ended, and after how many milliseconds. */
async function outcome(call: Promise<unknown>): Promise<{ after: number; error?: unknown; found?: unknown }> {
  const startedAt = performance.now();
  const ended = await call.then(
    (found) => ({ found }),
    (error) => ({ error }),
  );
  return { ...ended, after: performance.now() - startedAt };
}

const UNAVAILABLE = expect.any(UnavailableError);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

test.each(calls)('%s is waited for so long, and the next call not at all', async (_, call) => {
  const { asked, onSilence, directory } = aDirectory(never);

  const first = outcome(call(directory));
  await vi.advanceTimersByTimeAsync(PATIENCE_MS);
  const second = outcome(call(directory));

  expect(await first).toEqual({ error: UNAVAILABLE, after: PATIENCE_MS });
  expect(await second).toEqual({ error: UNAVAILABLE, after: 0 });
  expect(asked).toHaveBeenCalledTimes(1);
  expect(onSilence).toHaveBeenCalledTimes(1);
});

test('a silent directory is asked once a second, and by everybody again once it has answered', async () => {
  const { asked, onSilence, directory } = aDirectory(never);
  const call = () => outcome(directory.findByIds(['id']));
  void call();
  await vi.advanceTimersByTimeAsync(PATIENCE_MS);

  for (let tenths = 0; tenths < 25; tenths += 1) {
    void call();
    await vi.advanceTimersByTimeAsync(100);
  }
  const askedWhileSilent = asked.mock.calls.length;
  asked.mockResolvedValue([]);
  await vi.advanceTimersByTimeAsync(1_000);
  const answers = [await call(), await call(), await call()];

  expect(askedWhileSilent).toBe(1 + 2);
  expect(answers).toEqual([1, 2, 3].map(() => ({ found: [], after: 0 })));
  expect(onSilence).toHaveBeenCalledTimes(1);
});

test('who waits in vain where others are answered does not make the directory silent', async () => {
  const { asked, onSilence, directory } = aDirectory(never);

  const slow = outcome(directory.findByIds(['slow']));
  await vi.advanceTimersByTimeAsync(PATIENCE_MS / 2);
  asked.mockResolvedValue([]);
  await directory.findByIds(['quick']);
  await vi.advanceTimersByTimeAsync(PATIENCE_MS / 2);

  expect(await slow).toEqual({ error: UNAVAILABLE, after: PATIENCE_MS });
  expect(await outcome(directory.findByIds(['next']))).toEqual({ found: [], after: 0 });
  expect(onSilence).not.toHaveBeenCalled();
});

test('a directory that refuses is not silent: each call is refused by itself', async () => {
  const refusal = new UnavailableError('Refused');
  const { asked, onSilence, directory } = aDirectory(() => Promise.reject(refusal));

  const outcomes = [await outcome(directory.findByIds(['id'])), await outcome(directory.findByIds(['id']))];

  expect(outcomes).toEqual([1, 2].map(() => ({ error: refusal, after: 0 })));
  expect(asked).toHaveBeenCalledTimes(2);
  expect(onSilence).not.toHaveBeenCalled();
});

test('a check of health asks a silent directory at any time, and its answer ends the silence', async () => {
  const { asked, directory } = aDirectory(never);
  void outcome(directory.findByIds(['id']));
  await vi.advanceTimersByTimeAsync(PATIENCE_MS);

  asked.mockResolvedValue([]);
  const before = await outcome(directory.findByIds(['id']));
  await directory.ping();

  expect(before).toEqual({ error: UNAVAILABLE, after: 0 });
  expect(await outcome(directory.findByIds(['id']))).toEqual({ found: [], after: 0 });
});

test('when one connection is dead the idle ones are given up, so that the next call has a new one', async () => {
  vi.useRealTimers();
  const proxy = await aDirectoryProxy();
  const pool = openPool({ url: proxy.url, poolSize: 4, onIdleError: () => {}, patienceMs: PATIENCE_MS + 100 });
  onTestFinished(() => pool.end());
  const directory = leaveAloneWhileSilent(openDirectory(pool), {
    patienceMs: PATIENCE_MS,
    onSilence: () => giveUpIdle(pool),
  });
  const clients = await Promise.all(Array.from({ length: 4 }, () => pool.connect()));
  for (const client of clients) client.release();

  proxy.swallow();
  await expect(directory.findByHandles(['bayko'])).rejects.toThrow(UnavailableError);
  await proxy.recover();

  await expect(directory.ping()).resolves.toBeUndefined();
});
