import { DeleteCommand, GetCommand } from '@aws-sdk/lib-dynamodb';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NotFoundError } from '../../src/errors.ts';
import { createMessage } from '../../src/messaging/create-message.ts';
import { getMessageGroup } from '../../src/messaging/get-message-group.ts';
import { listMessageGroups } from '../../src/messaging/list-message-groups.ts';
import { listMessages } from '../../src/messaging/list-messages.ts';
import { markMessageGroupRead } from '../../src/messaging/mark-message-group-read.ts';
import type { Messaging } from '../../src/messaging/messaging.ts';
import { type User, unreadCount } from '../../src/model.ts';
import { messageKey, profileKey, sentBeforeKey, summaryKey } from '../../src/table/keys.ts';
import { observeCalls, type Table } from '../../src/table/table.ts';
import { timeout } from '../support/faults.ts';
import { groupIdOf, putMessages, sendAs, users } from '../support/groups.ts';
import { deleteMessages, setAttributes, spoilMessages, spoilProfile } from '../support/summaries.ts';
import { aTable } from '../support/table.ts';

/** A pair whose log has messages 1 to `length`. */
async function aPair(table: Table, length: number) {
  const members = users(2) as [User, User];
  const [ann, ben] = members;
  await sendAs(table, members, ann, '1');
  const messageGroupId = groupIdOf(members);
  if (length > 1) await putMessages(table, messageGroupId, ann, 2, length);
  const messaging: Messaging = {
    table,
    findUsersByHandle: async () => [],
    findUsersById: async (ids) => members.filter(({ id }) => ids.includes(id)),
    now: Date.now,
  };
  return { ann, ben, messageGroupId, messaging };
}

type Pair = Awaited<ReturnType<typeof aPair>>;

/** Walks towards older from the newest page, with pages of these sizes in turn. Returns the numbers of each page. */
async function walkOlder({ messaging, ben, messageGroupId }: Pair, sizes: readonly number[]) {
  const pages: number[][] = [];
  let after: string | null = null;
  for (let page = 0; page < 200; page += 1) {
    const { edges, hasNextPage } = await listMessages(messaging, ben, {
      messageGroupId,
      first: sizes[page % sizes.length] ?? 1,
      after,
    });
    pages.push(edges.map(({ node }) => node.sequence));
    expect(edges.length > 0 || !hasNextPage).toBe(true);
    if (!hasNextPage) return pages;
    after = edges.at(-1)?.cursor ?? null;
  }
  throw new Error('The walk does not end');
}

/** Polls from the cursor of a message on, until nothing is new. */
async function poll({ messaging, ben, messageGroupId }: Pair, from: string, sizes: readonly number[]) {
  const numbers: number[] = [];
  let before = from;
  for (let page = 0; page < 200; page += 1) {
    const { edges, hasPreviousPage } = await listMessages(messaging, ben, {
      messageGroupId,
      last: sizes[page % sizes.length] ?? 1,
      before,
    });
    numbers.push(...edges.map(({ node }) => node.sequence).reverse());
    expect(edges.length > 0 || !hasPreviousPage).toBe(true);
    if (edges.length === 0) return numbers;
    before = edges[0]?.cursor ?? before;
  }
  throw new Error('The polls do not end');
}

test('any log with missing and unreadable numbers is walked and polled whole: each readable message once, in order', async () => {
  const table = await aTable();
  const sizes = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 4 });
  const numbers = fc.integer({ min: 2, max: 24 }).chain((length) =>
    fc.record({
      length: fc.constant(length),
      missing: fc.uniqueArray(fc.integer({ min: 1, max: length }), { maxLength: length - 1 }),
      spoilt: fc.uniqueArray(fc.integer({ min: 1, max: length }), { maxLength: 6 }),
    }),
  );
  await fc.assert(
    fc.asyncProperty(numbers, sizes, async ({ length, missing, spoilt }, pageSizes) => {
      const pair = await aPair(table, length);
      const first = await listMessages(pair.messaging, pair.ben, { messageGroupId: pair.messageGroupId, first: 100 });
      await spoilMessages(table, pair.messageGroupId, ...spoilt);
      await deleteMessages(table, pair.messageGroupId, ...missing);
      const readable = Array.from({ length }, (_, index) => index + 1).filter(
        (number) => !missing.includes(number) && !spoilt.includes(number),
      );

      expect((await walkOlder(pair, pageSizes)).flat()).toEqual(readable.toReversed());
      const cursor = first.edges.find(({ node }) => node.sequence === 1)?.cursor ?? '';
      expect(await poll(pair, cursor, pageSizes)).toEqual(readable.filter((number) => number > 1));
    }),
    { numRuns: 40 },
  );
}, 120_000);

describe.each([
  ['at the start', [1, 2]],
  ['in the middle', [4, 5]],
  ['at the end', [8]],
  ['everywhere but once', [1, 2, 3, 4, 6, 7, 8]],
])('a log with numbers missing %s', (_, missing) => {
  test('takes messages, shows them, counts them and is marked as read', async () => {
    const table = await aTable();
    const pair = await aPair(table, 8);
    const { ann, ben, messaging, messageGroupId } = pair;
    await deleteMessages(table, messageGroupId, ...missing);
    const left = [1, 2, 3, 4, 5, 6, 7, 8].filter((number) => !missing.includes(number));
    const newest = Math.max(...left);

    const before = await getMessageGroup(messaging, ben, messageGroupId);
    const sent = await createMessage(messaging, ben, {
      to: { messageGroupId },
      body: 'by id',
      clientMessageId: 'once',
    });
    const again = await createMessage(messaging, ben, {
      to: { messageGroupId },
      body: 'by id',
      clientMessageId: 'once',
    });
    const byId = await createMessage(messaging, ann, { to: { recipientIds: [ben.id] }, body: 'by recipient' });
    const after = await getMessageGroup(messaging, ben, messageGroupId);
    const marked = await markMessageGroupRead(messaging, ben, { messageGroupId, sequence: newest + 2 });

    expect(before.lastSequence).toBe(newest);
    expect(sent).toMatchObject({ message: { sequence: newest + 1 }, deduplicated: false });
    expect(again).toMatchObject({ message: { sequence: newest + 1 }, deduplicated: true });
    expect(byId).toMatchObject({ message: { sequence: newest + 2 } });
    expect(unreadCount(after.lastSequence, after.readSequence)).toBe(1);
    expect(marked).toMatchObject({ messageGroup: { readSequence: newest + 2 } });
    expect((await walkOlder(pair, [3])).flat()).toEqual([newest + 2, newest + 1, ...left.toReversed()]);
  });
});

test.each(['by id', 'by recipient'])(
  "a log that lost all its messages takes a message %s, and the sender's inbox shows it",
  async (way) => {
    const table = await aTable();
    const { ann, ben, messaging, messageGroupId } = await aPair(table, 3);
    await deleteMessages(table, messageGroupId, 1, 2, 3);
    // The summaries are as of message 1.
    const to = way === 'by id' ? { messageGroupId } : { recipientIds: [ben.id] };

    const sent = await createMessage(messaging, ann, { to, body: 'anew' });
    const inbox = await listMessageGroups(messaging, ann, {});
    const page = await listMessages(messaging, ben, { messageGroupId });

    expect(sent).toMatchObject({ message: { sequence: 2 }, messageGroup: { lastSequence: 2 } });
    expect(inbox.edges[0]?.node.lastMessage.body).toBe('anew');
    expect(page).toMatchObject({ edges: [{ node: { body: 'anew' } }], hasNextPage: false });
  },
);

test('a log of which no message can be read takes a message after its last number', async () => {
  const table = await aTable();
  const { ann, ben, messaging, messageGroupId } = await aPair(table, 3);
  await spoilMessages(table, messageGroupId, 1, 2, 3);

  const sent = await createMessage(messaging, ann, { to: { recipientIds: [ben.id] }, body: 'four' });

  expect(sent).toMatchObject({ message: { sequence: 4 } });
});

test('a message that was deleted by hand is not found when it is sent again', async () => {
  const table = await aTable();
  const { ann, messaging, messageGroupId } = await aPair(table, 1);
  const input = { to: { messageGroupId }, body: 'two', clientMessageId: 'once' };
  await createMessage(messaging, ann, input);
  await deleteMessages(table, messageGroupId, 2);

  await expect(createMessage(messaging, ann, input)).rejects.toThrow(
    new NotFoundError('The message that was sent with this clientMessageId is missing or cannot be read.'),
  );
});

describe('a number that a GraphQL Int cannot hold', () => {
  test.each([3_000_000_000, 999_999_999_999])(
    'as that of a message (%d) hides none of the messages after it',
    async (number) => {
      const table = await aTable();
      const pair = await aPair(table, 2);
      const { ann, ben, messaging, messageGroupId } = pair;
      await spoilMessages(table, messageGroupId, number);

      const sent = await createMessage(messaging, ann, { to: { recipientIds: [ben.id] }, body: 'three' });

      expect(sent).toMatchObject({ message: { sequence: 3 }, messageGroup: { lastSequence: 3 } });
      expect((await walkOlder(pair, [2])).flat()).toEqual([3, 2, 1]);
    },
  );

  test.each(['lastSequence', 'readSequence'])('as %s of a summary leaves that summary out', async (name) => {
    const table = await aTable();
    const { ben, messaging, messageGroupId } = await aPair(table, 1);
    await setAttributes(table, summaryKey(ben.id, messageGroupId), { [name]: 3_000_000_000 });

    expect(await listMessageGroups(messaging, ben, {})).toMatchObject({ edges: [], hasNextPage: false });
  });
});

describe('an item that cannot be read', () => {
  test('as the newest message leaves sends, marks and the group working', async () => {
    const table = await aTable();
    const { ann, ben, messaging, messageGroupId } = await aPair(table, 3);
    await spoilMessages(table, messageGroupId, 4);

    const group = await getMessageGroup(messaging, ben, messageGroupId);
    const marked = await markMessageGroupRead(messaging, ben, { messageGroupId, sequence: 4 });
    const byId = await createMessage(messaging, ben, { to: { messageGroupId }, body: 'five' });
    const byRecipient = await createMessage(messaging, ann, { to: { recipientIds: [ben.id] }, body: 'six' });

    expect(group).toMatchObject({ lastSequence: 4, lastMessage: { sequence: 3 } });
    expect(marked).toMatchObject({ messageGroup: { readSequence: 4 } });
    expect(byId).toMatchObject({ message: { sequence: 5 } });
    expect(byRecipient).toMatchObject({ message: { sequence: 6 } });
  });

  test('that appears at the number of a message on its way is passed', async () => {
    const table = await aTable();
    const { ben, messaging, messageGroupId } = await aPair(table, 3);
    let isSpoilt = false;
    const racing: Table = {
      ...table,
      call: async (operation, input, limits) => {
        if (operation === 'PutItem' && !isSpoilt) {
          isSpoilt = true;
          await spoilMessages(table, messageGroupId, 4);
        }
        return table.call(operation, input, limits);
      },
    } as Table;

    const sent = await createMessage({ ...messaging, table: racing }, ben, { to: { messageGroupId }, body: 'five' });

    expect(sent).toMatchObject({ message: { sequence: 5 } });
  });

  test('in an inbox is left out, whatever the size of the page, and the list goes on', async () => {
    const table = await aTable();
    const [ben, ...others] = users(6) as [User, ...User[]];
    const ids: string[] = [];
    for (const other of others) {
      await sendAs(table, [ben, other], other, 'hello');
      ids.unshift(groupIdOf([ben, other]));
    }
    const spoilt = [ids[0], ids[2], ids[3]].map(String);
    for (const id of spoilt) await setAttributes(table, summaryKey(ben.id, id), { lastMessage: 'none' });
    const messaging: Messaging = {
      table,
      findUsersByHandle: async () => [],
      findUsersById: async () => [],
      now: Date.now,
    };

    const seen: string[] = [];
    let after: string | null = null;
    do {
      const page: Awaited<ReturnType<typeof listMessageGroups>> = await listMessageGroups(messaging, ben, {
        first: 1,
        after,
      });
      expect(page.edges.length > 0 || !page.hasNextPage).toBe(true);
      seen.push(...page.edges.map(({ node }) => node.id));
      after = page.hasNextPage ? (page.edges.at(-1)?.cursor ?? null) : null;
    } while (after !== null);

    expect(seen).toEqual([ids[1], ids[4]]);
  });
});

test('optional attributes may be absent, and unknown ones are passed over', async () => {
  const table = await aTable();
  const { ben, messaging, messageGroupId } = await aPair(table, 2);
  await setAttributes(table, messageKey(messageGroupId, 2), {
    revision: 3,
    editedAt: '2026-03-01T09:30:00.000Z',
    mood: { of: 'a later version' },
  });

  const { edges } = await listMessages(messaging, ben, { messageGroupId });

  expect(edges.map(({ node }) => [node.sequence, node.revision, node.editedAt])).toEqual([
    [2, 3, '2026-03-01T09:30:00.000Z'],
    [1, undefined, undefined],
  ]);
});

test.each([
  ['are gone', deleteMessages],
  ['cannot be read', spoilMessages],
])('a group whose messages all %s is shown as in the summary, and takes marks', async (_, damage) => {
  const table = await aTable();
  const { ben, messaging, messageGroupId } = await aPair(table, 1);
  await damage(table, messageGroupId, 1);

  const group = await getMessageGroup(messaging, ben, messageGroupId);
  const marked = await markMessageGroupRead(messaging, ben, { messageGroupId, sequence: 1 });

  expect(group).toMatchObject({ lastSequence: 1, readSequence: 0, lastMessage: { body: '1' } });
  expect(marked).toMatchObject({ messageGroup: { lastSequence: 1, readSequence: 1 } });
});

test('a mark in a summary that cannot be read is no success', async () => {
  const table = await aTable();
  const { ben, messaging, messageGroupId } = await aPair(table, 2);
  await setAttributes(table, summaryKey(ben.id, messageGroupId), { readSequence: 'none' });

  expect(await markMessageGroupRead(messaging, ben, { messageGroupId, sequence: 2 })).toMatchObject({
    userErrors: [{ code: 'MESSAGE_GROUP_NOT_FOUND' }],
  });
});

test('a record of a repeated send that cannot be read is told, and nothing is sent twice', async () => {
  const table = await aTable();
  const { ann, messaging, messageGroupId } = await aPair(table, 1);
  const input = { to: { messageGroupId }, body: 'two', clientMessageId: 'once' };
  await createMessage(messaging, ann, input);
  await setAttributes(table, sentBeforeKey(messageGroupId, ann.id, 'once'), { messageId: 'none' });

  await expect(createMessage(messaging, ann, input)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  expect(await listMessages(messaging, ann, { messageGroupId })).toMatchObject({
    edges: [{ node: { sequence: 2 } }, { node: { sequence: 1 } }],
  });
});

test('a mark that is repeated is a success, though the rest of the summary cannot be read', async () => {
  const table = await aTable();
  const { ben, messaging, messageGroupId } = await aPair(table, 2);
  await setAttributes(table, summaryKey(ben.id, messageGroupId), { lastMessage: 'none' });

  const first = await markMessageGroupRead(messaging, ben, { messageGroupId, sequence: 2 });
  const again = await markMessageGroupRead(messaging, ben, { messageGroupId, sequence: 2 });

  expect(first).toMatchObject({ messageGroup: { readSequence: 2 } });
  expect(again).toEqual(first);
});

test('a message that took the number of a deleted one is not taken for it when that is sent again', async () => {
  const table = await aTable();
  const { ann, ben, messaging, messageGroupId } = await aPair(table, 1);
  const input = { to: { messageGroupId }, body: 'from ann', clientMessageId: 'once' };
  await createMessage(messaging, ann, input);
  await deleteMessages(table, messageGroupId, 2);
  await createMessage(messaging, ben, { to: { messageGroupId }, body: 'from ben' });

  await expect(createMessage(messaging, ann, input)).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('a message that is sent again keeps the attributes of a later version in its sender’s summary', async () => {
  const table = await aTable();
  const { ann, messaging, messageGroupId } = await aPair(table, 1);
  const input = { to: { messageGroupId }, body: 'two', clientMessageId: 'once' };
  const withoutSummaries = {
    ...table,
    call: (...args: Parameters<Table['call']>) =>
      args[0] === 'UpdateItem' ? Promise.reject(timeout()) : table.call(...args),
  } as Table;
  await createMessage({ ...messaging, table: withoutSummaries }, ann, input);
  await setAttributes(table, messageKey(messageGroupId, 2), { mood: 'of a later version' });

  await createMessage(messaging, ann, input);

  const Key = summaryKey(ann.id, messageGroupId);
  const { Item } = await table.client.send(new GetCommand({ TableName: table.name, Key, ConsistentRead: true }));
  expect(Item).toMatchObject({ lastSequence: 2, lastMessage: { mood: 'of a later version' } });
});

describe('what is left of a group', () => {
  const remove = (table: Table, Key: { pk: string; sk: string }) =>
    table.client.send(new DeleteCommand({ TableName: table.name, Key }));

  test('without its profile takes messages to its people, after those that are there', async () => {
    const table = await aTable();
    const pair = await aPair(table, 3);
    const { ann, ben, messaging, messageGroupId } = pair;
    await remove(table, profileKey(messageGroupId));

    const sent = await createMessage(messaging, ann, { to: { recipientIds: [ben.id] }, body: 'four' });

    expect(sent).toMatchObject({ message: { sequence: 4 } });
    expect((await walkOlder(pair, [5])).flat()).toEqual([4, 3, 2, 1]);
  });

  test('without its profile knows a message that is sent to its people again', async () => {
    const table = await aTable();
    const { ann, ben, messaging, messageGroupId } = await aPair(table, 1);
    const input = { to: { recipientIds: [ben.id] }, body: 'two', clientMessageId: 'once' };
    await createMessage(messaging, ann, input);
    await remove(table, profileKey(messageGroupId));

    expect(await createMessage(messaging, ann, input)).toMatchObject({
      message: { sequence: 2 },
      messageGroup: { id: messageGroupId, lastSequence: 2 },
      deduplicated: true,
    });
  });

  test('in summaries alone does not move them back', async () => {
    const table = await aTable();
    const { ann, ben, messaging, messageGroupId } = await aPair(table, 1);
    await createMessage(messaging, ann, { to: { messageGroupId }, body: 'two' });
    await remove(table, profileKey(messageGroupId));
    await deleteMessages(table, messageGroupId, 1, 2);

    const sent = await createMessage(messaging, ann, { to: { recipientIds: [ben.id] }, body: 'three' });

    expect(sent).toMatchObject({ message: { sequence: 3 }, messageGroup: { lastSequence: 3 } });
  });

  test('with a profile that cannot be read is told at once', async () => {
    const table = await aTable();
    const { ann, ben, messaging, messageGroupId } = await aPair(table, 1);
    await spoilProfile(table, messageGroupId);
    let calls = 0;
    const counting = observeCalls(table, () => {
      calls += 1;
    });

    await expect(
      createMessage({ ...messaging, table: counting }, ann, { to: { recipientIds: [ben.id] }, body: 'two' }),
    ).rejects.toThrow('The profile of this message group cannot be read.');
    expect(calls).toBeLessThan(12);
  });
});

test('pages and inboxes go on where a Query stops at 1 MB', async () => {
  const table = await aTable();
  const pair = await aPair(table, 9);
  const { ben, messaging, messageGroupId } = pair;
  const { edges } = await listMessages(messaging, ben, { messageGroupId });
  for (let sequence = 1; sequence <= 9; sequence += 1)
    await setAttributes(table, messageKey(messageGroupId, sequence), { later: 'x'.repeat(390_000) });
  const others = users(6);
  for (const other of others) {
    await sendAs(table, [ben, other], other, 'hello');
    await setAttributes(table, summaryKey(ben.id, groupIdOf([ben, other])), { later: 'x'.repeat(390_000) });
  }

  expect((await walkOlder(pair, [20])).flat()).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1]);
  expect(await poll(pair, edges.at(-1)?.cursor ?? '', [20])).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
  const seen: string[] = [];
  let after: string | null = null;
  do {
    const page: Awaited<ReturnType<typeof listMessageGroups>> = await listMessageGroups(messaging, ben, { after });
    seen.push(...page.edges.map(({ node }) => node.id));
    after = page.hasNextPage ? (page.edges.at(-1)?.cursor ?? null) : null;
  } while (after !== null);
  expect(seen).toHaveLength(7);
});

test('a summary at no place that a cursor can name is left out', async () => {
  const table = await aTable();
  const { ben, messaging, messageGroupId } = await aPair(table, 1);
  await setAttributes(table, summaryKey(ben.id, messageGroupId), { activityKey: 'somewhere' });

  expect(await listMessageGroups(messaging, ben, {})).toMatchObject({ edges: [], hasNextPage: false });
});

test('a group of which nothing can be shown is not found', async () => {
  const table = await aTable();
  const { ben, messaging, messageGroupId } = await aPair(table, 1);
  for (const Key of [messageKey(messageGroupId, 1), summaryKey(ben.id, messageGroupId)])
    await table.client.send(new DeleteCommand({ TableName: table.name, Key }));

  await expect(getMessageGroup(messaging, ben, messageGroupId)).rejects.toMatchObject({ code: 'NOT_FOUND' });
});
