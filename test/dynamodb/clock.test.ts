import { describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  type Answer,
  aWarmDynamoDb,
  fail,
  HTTP_CLIENTS,
  isFast,
  OUTPUT,
  QUERY,
  scriptedEngine,
  signedAt,
  succeed,
} from './support.ts';

const MINUTE_MS = 60_000;

/** Milliseconds that a reply takes, however busy the machine, and the second that its `Date` is cut to. */
const SLOW_MS = 10_000;

/** Tells a clock that is this far ahead of the machine's. */
function telling(aheadMs: number, answer: Answer = succeed): Answer {
  return (attempt) => {
    attempt.outgoing.setHeader('date', new Date(Date.now() + aheadMs).toUTCString());
    answer(attempt);
  };
}

/** Also refuses signatures of 5 minutes before or after that clock, as AWS does. */
function strict(aheadMs: number): Answer {
  return (attempt) => {
    const isFar = Math.abs(signedAt(attempt) - Date.now() - aheadMs) > 5 * MINUTE_MS;
    telling(aheadMs, isFar ? fail('InvalidSignatureException') : succeed)(attempt);
  };
}

describe.each(HTTP_CLIENTS)('over %s', (_, http) => {
  describe.each([
    ['10 minutes ahead', 10 * MINUTE_MS],
    ['10 minutes behind', -10 * MINUTE_MS],
    ['a day ahead', 24 * 60 * MINUTE_MS],
  ])('DynamoDB’s clock is %s of the machine’s:', (_, aheadMs) => {
    test.each([
      ['by refused signatures', strict],
      ['by replies', telling],
    ])('it is learned %s, for the time and for all signatures that follow', async (_, answer) => {
      const engine = await scriptedEngine();
      const dynamodb = await aWarmDynamoDb(engine, http());
      expect(Math.abs(dynamodb.now() - Date.now())).toBeLessThan(SLOW_MS);
      engine.answer(answer(aheadMs));

      // Calls side by side were all signed by the wrong clock.
      const outputs = await Promise.all(Array.from({ length: 10 }, () => dynamodb.call('Query', QUERY)));

      expect(outputs.map(({ Items }) => Items)).toEqual(Array(10).fill(OUTPUT.Items));
      expect(Math.abs(dynamodb.now() - Date.now() - aheadMs)).toBeLessThan(SLOW_MS);
      engine.attempts.length = 0;
      await dynamodb.call('Query', QUERY);
      await dynamodb.call('PutItem', { TableName: 'messages', Item: {} });
      expect(engine.attempts.map(isFast)).toEqual([true, false]);
      for (const attempt of engine.attempts)
        expect(Math.abs(signedAt(attempt) - Date.now() - aheadMs)).toBeLessThan(SLOW_MS);
    });
  });

  test('a clock that is put right is believed again', async () => {
    const engine = await scriptedEngine(telling(10 * MINUTE_MS));
    const dynamodb = await aWarmDynamoDb(engine, http());
    expect(Math.abs(dynamodb.now() - Date.now() - 10 * MINUTE_MS)).toBeLessThan(SLOW_MS);

    engine.answer(telling(0));
    await dynamodb.call('Query', QUERY);

    expect(Math.abs(dynamodb.now() - Date.now())).toBeLessThan(SLOW_MS);
  });
});

test('the machine’s time holds while the clocks are close', async () => {
  const engine = await scriptedEngine(telling(15_000));
  const dynamodb = await aWarmDynamoDb(engine);
  vi.useFakeTimers({ toFake: ['Date'] });
  onTestFinished(() => void vi.useRealTimers());

  expect(dynamodb.now()).toBe(Date.now());
});

test('a reply of a cache, or without a date, tells no time', async () => {
  const engine = await scriptedEngine();
  const dynamodb = await aWarmDynamoDb(engine);

  for (const headers of [
    { age: '600', date: new Date(Date.now() - 10 * MINUTE_MS).toUTCString() },
    { date: 'never' },
  ]) {
    engine.answer((attempt) => {
      for (const [name, value] of Object.entries(headers)) attempt.outgoing.setHeader(name, value);
      succeed(attempt);
    });
    await dynamodb.call('Query', QUERY);
  }

  expect(Math.abs(dynamodb.now() - Date.now())).toBeLessThan(SLOW_MS);
  expect(engine.attempts.map(isFast)).toEqual([true, true]);
});
