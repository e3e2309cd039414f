import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { operationsAtOnce } from '../../src/http/overload.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Lets operations of these people in, and counts how each ends. */
function enterAll(people: readonly (string | undefined)[], limits: { atOnce: number; perPerson: number }) {
  const enter = operationsAtOnce(limits);
  const running: (() => void)[] = [];
  const refused: string[] = [];
  for (const person of people) {
    enter(person).then(
      (leave) => running.push(leave),
      (error: { code: string }) => refused.push(error.code),
    );
  }
  return { enter, running, refused };
}

const settle = () => vi.advanceTimersByTimeAsync(0);

test('of 50 operations of 50 people 2 run, 10 wait for a second at most, and 38 are refused at once', async () => {
  const people = Array.from({ length: 50 }, (_, index) => `person ${index}`);
  const { enter, running, refused } = enterAll(people, { atOnce: 2, perPerson: 8 });
  await settle();
  expect([running.length, refused.length]).toEqual([2, 38]);

  running[0]?.();
  await settle();
  expect([running.length, refused.length]).toEqual([3, 38]);

  await vi.advanceTimersByTimeAsync(999);
  expect(refused).toHaveLength(38);
  await vi.advanceTimersByTimeAsync(1);
  expect(running).toHaveLength(3);
  expect(refused).toEqual(Array(47).fill('UNAVAILABLE'));

  for (const leave of running) leave();
  await expect(enter('somebody else')).resolves.toBeTypeOf('function');
});

test('of 30 operations of one person 1 runs, 5 wait for a second at most, 24 are refused at once, and others run', async () => {
  const { enter, running, refused } = enterAll(Array(30).fill('ann'), { atOnce: 2, perPerson: 1 });
  await settle();
  expect([running.length, refused.length]).toEqual([1, 24]);
  await expect(enter('ben')).resolves.toBeTypeOf('function');

  await vi.advanceTimersByTimeAsync(1_000);
  expect(running).toHaveLength(1);
  expect(refused).toEqual(Array(29).fill('RATE_LIMITED'));

  running[0]?.();
  await expect(enter('ann')).resolves.toBeTypeOf('function');
});

test('requests without a token count for the process alone', async () => {
  const { running, refused } = enterAll(Array(14).fill(undefined), { atOnce: 2, perPerson: 1 });
  await settle();
  expect([running.length, refused.length]).toEqual([2, 2]);
});

test('an operation that gave up waiting leaves its place in the queue to others', async () => {
  const { enter, running, refused } = enterAll(['ann', 'b', 'c', 'd', 'e', 'f'], { atOnce: 1, perPerson: 1 });
  await vi.advanceTimersByTimeAsync(1_000);
  expect([running.length, refused.length]).toEqual([1, 5]);

  const next = enter('g');
  await vi.advanceTimersByTimeAsync(200);
  running[0]?.();

  await expect(next).resolves.toBeTypeOf('function');
});

test('a person’s operation that gave up waiting leaves its place in the queue to the person’s others', async () => {
  const { enter, running, refused } = enterAll(Array(6).fill('ann'), { atOnce: 9, perPerson: 1 });
  await vi.advanceTimersByTimeAsync(1_000);
  expect([running.length, refused.length]).toEqual([1, 5]);

  const next = enter('ann');
  await vi.advanceTimersByTimeAsync(200);
  running[0]?.();

  await expect(next).resolves.toBeTypeOf('function');
});
