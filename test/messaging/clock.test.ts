import { expect, onTestFinished, test, vi } from 'vitest';
import { createMessage } from '../../src/messaging/create-message.ts';
import type { User } from '../../src/model.ts';
import type { Table } from '../../src/table/table.ts';
import { keepSecret } from '../logs/collect.ts';
import { MESSAGE_BODY } from '../logs/search.ts';
import { users } from '../support/groups.ts';
import { aTable } from '../support/table.ts';

const HOUR_MS = 3_600_000;

/** Milliseconds that a send takes, however busy the machine. */
const SLOW_MS = 20_000;

/** Sets this machine's clock ahead, or right again by 0. DynamoDB's clock stays as it is. */
function setAhead(hours: number): void {
  vi.useRealTimers();
  if (hours !== 0) vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + hours * HOUR_MS });
}

async function sendTo(table: Table, sender: User, recipient: User, body: string, clientMessageId?: string) {
  keepSecret(MESSAGE_BODY, body);
  const messaging = {
    table,
    findUsersByHandle: async () => [recipient],
    findUsersById: async () => [],
    now: table.now,
  };
  const input = { to: { recipientHandles: [recipient.handle] }, body, clientMessageId };
  const result = await createMessage(messaging, sender, input);
  if ('userErrors' in result) throw new Error(JSON.stringify(result.userErrors));
  return result;
}

test.each([24, -24])('messages of a server whose clock is %i hours ahead have the right time', async (hours) => {
  const [table, [ann, ben]] = [await aTable(), users(2) as [User, User]];
  onTestFinished(() => void vi.useRealTimers());
  const startedAt = Date.now();

  setAhead(hours);
  const first = await sendTo(table, ann, ben, 'hello');
  const second = await sendTo(table, ben, ann, 'how are you?');
  setAhead(0);
  const third = await sendTo(table, ann, ben, 'well');

  const times = [first, second, third].map(({ message }) => Date.parse(message.createdAt));
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  for (const time of times) expect(Math.abs(time - startedAt)).toBeLessThan(SLOW_MS);
});

test('a clientMessageId holds on a server whose clock is 25 hours ahead', async () => {
  const [table, [ann, ben]] = [await aTable(), users(2) as [User, User]];
  onTestFinished(() => void vi.useRealTimers());
  await sendTo(table, ann, ben, 'hello');
  const sent = await sendTo(table, ann, ben, 'once', 'my-id');

  setAhead(25);
  const again = await sendTo(table, ann, ben, 'once', 'my-id');

  expect(again).toMatchObject({ deduplicated: true, message: { id: sent.message.id, sequence: 2 } });
});
