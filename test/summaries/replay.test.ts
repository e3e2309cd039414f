import { randomUUID } from 'node:crypto';
import { GetCommand } from '@aws-sdk/lib-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { markMessageGroupRead } from '../../src/messaging/mark-message-group-read.ts';
import type { Messaging } from '../../src/messaging/messaging.ts';
import type { Message } from '../../src/model.ts';
import { applyRecords, type TableRecord } from '../../src/summaries/apply.ts';
import { changesOf } from '../../src/summaries/changes.ts';
import { appendMessage, startMessageGroup } from '../../src/table/appends.ts';
import { messageItem, storedMessage, summaryItem } from '../../src/table/items.ts';
import type { Key } from '../../src/table/keys.ts';
import type { Table } from '../../src/table/table.ts';
import { aTable } from '../support/table.ts';

const MEMBERS = 3;

/** Who sent each message of a log, by the number of the member. */
const senders = fc.array(fc.nat(MEMBERS - 1), { minLength: 1, maxLength: 25 });

/** What happens, in order: batches of messages by their place in the log, and marks of a member up to some place. */
function happenings(log: readonly number[]) {
  const everything = log.map((_, index) => index);
  const batch = fc.array(fc.nat(log.length - 1), { minLength: 1, maxLength: 10 });
  const mark = fc.record({ member: fc.nat(MEMBERS - 1), sequence: fc.nat(log.length) });
  return fc
    .tuple(
      // Everything comes at least once, in any order and cut anywhere; then repetitions and marks in between.
      fc.shuffledSubarray(everything, { minLength: log.length }).chain(cutAnywhere),
      fc.array(batch, { maxLength: 5 }),
      fc.array(mark, { maxLength: 6 }),
    )
    .chain(([batches, repetitions, marks]) => {
      const all = [...batches, ...repetitions].map((messages) => ({ messages, mark: undefined }));
      const rest = marks.map((each) => ({ messages: undefined, mark: each }));
      return fc.shuffledSubarray([...all, ...rest], { minLength: all.length + rest.length });
    });
}

function cutAnywhere(order: readonly number[]) {
  return fc.array(fc.boolean(), { minLength: order.length, maxLength: order.length }).map((cuts) => {
    const batches: number[][] = [[]];
    order.forEach((index, at) => {
      if (cuts[at] && at > 0) batches.push([]);
      batches.at(-1)?.push(index);
    });
    return batches;
  });
}

const runs = senders.chain((log) => fc.record({ log: fc.constant(log), happenings: happenings(log) }));

function messagesOf(log: readonly number[], memberIds: readonly string[]): Message[] {
  return log.map((member, index) => ({
    id: randomUUID(),
    sequence: index + 1,
    senderId: memberIds[member] ?? '',
    body: `message ${index + 1}`,
    createdAt: new Date(Date.parse('2026-03-01T09:30:00.000Z') + index * 500).toISOString(),
  }));
}

/** The state of a member's summary in the end, whatever happened on the way. */
function finalSummary(memberIds: string[], messages: Message[], member: number, marks: number[]) {
  const lastMessage = messages.at(-1);
  if (!lastMessage) throw new Error('A log has messages');
  const sent = messages.filter(({ senderId }) => senderId === memberIds[member]).map(({ sequence }) => sequence);
  return { lastMessage, readSequence: Math.max(0, ...sent, ...marks) };
}

function marksOf(all: readonly { mark: { member: number; sequence: number } | undefined }[], member: number): number[] {
  return all.flatMap(({ mark }) => (mark?.member === member ? [mark.sequence] : []));
}

const KEYS = { sequenceNumber: '1', itemKey: { pk: '', sk: '' } };

test('any order, repetition and cutting of a log, with marks in between, means the same for the summaries', () => {
  fc.assert(
    fc.property(runs, ({ log, happenings }) => {
      const memberIds = Array.from({ length: MEMBERS }, () => randomUUID()).sort();
      const messages = messagesOf(log, memberIds);
      const [first] = messages;
      const summaries = memberIds.map(() => ({ lastMessage: first, readSequence: 0 }));

      for (const { messages: batch = [], mark } of happenings) {
        const logged = batch.flatMap((index) => messages[index] ?? []);
        for (const { newest, sentUpTo } of changesOf(
          logged.map((message) => ({ messageGroupId: 'g', ...storedMessage(message), source: KEYS })),
        )) {
          summaries.forEach((summary, member) => {
            if (newest.message.sequence > (summary.lastMessage?.sequence ?? 0)) summary.lastMessage = newest.message;
            summary.readSequence = Math.max(summary.readSequence, sentUpTo.get(memberIds[member] ?? '') ?? 0);
          });
        }
        const marked = mark && summaries[mark.member];
        if (marked) marked.readSequence = Math.max(marked.readSequence, mark.sequence);
      }

      summaries.forEach((summary, member) => {
        expect(summary).toEqual(finalSummary(memberIds, messages, member, marksOf(happenings, member)));
      });
    }),
    { numRuns: 500 },
  );
});

async function rawSummary(table: Table, key: { pk: string; sk: string }): Promise<string> {
  const Key = { pk: key.pk, sk: key.sk };
  const { Item = {} } = await table.client.send(new GetCommand({ TableName: table.name, Key, ConsistentRead: true }));
  return inOrder(Item);
}

/** The item as text that depends on nothing but what is in it. */
function inOrder(item: object): string {
  return JSON.stringify(item, (_, value) =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}

test('the same on the engine: the summaries end byte-identical', { timeout: 60_000 }, async () => {
  const table = await aTable();
  const messaging: Messaging = {
    table,
    findUsersByHandle: async () => [],
    findUsersById: async () => [],
    now: Date.now,
  };

  await fc.assert(
    fc.asyncProperty(runs, async ({ log, happenings }) => {
      const memberIds = Array.from({ length: MEMBERS }, () => randomUUID()).sort();
      const messageGroupId = randomUUID();
      const messages = messagesOf(log, memberIds);
      const [first] = messages;
      if (!first) throw new Error('A log has messages');
      const profile = { id: messageGroupId, kind: 'GROUP', memberIds, createdAt: first.createdAt } as const;
      await startMessageGroup(table, profile, first, undefined);
      for (const message of messages.slice(1))
        expect(await appendMessage(table, messageGroupId, message)).toMatchObject({ outcome: 'appended' });
      const records = messages.map(
        (message): TableRecord => ({
          dynamodb: { NewImage: marshall(messageItem(messageGroupId, message)) },
        }),
      );

      for (const { messages: batch, mark } of happenings) {
        if (batch)
          expect(
            await applyRecords(
              table,
              batch.flatMap((index) => records[index] ?? []),
            ),
          ).toMatchObject({ failed: [], dead: [] });
        if (mark) {
          const id = memberIds[mark.member] ?? '';
          const viewer = { id, handle: 'someone', displayName: 'Someone' };
          const marked = await markMessageGroupRead(messaging, viewer, { messageGroupId, sequence: mark.sequence });
          expect(marked).not.toHaveProperty('userErrors');
        }
      }

      for (const [member, userId] of memberIds.entries()) {
        const { lastMessage, readSequence } = finalSummary(memberIds, messages, member, marksOf(happenings, member));
        const item = unmarshall(summaryItem(userId, profile, storedMessage(lastMessage), readSequence));
        expect(await rawSummary(table, item as Key)).toBe(inOrder(item));
      }
    }),
    { numRuns: 60 },
  );
});
