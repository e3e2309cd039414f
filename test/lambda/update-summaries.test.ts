import { randomUUID } from 'node:crypto';
import { DeleteCommand } from '@aws-sdk/lib-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createUpdateSummaries, type LambdaEvent, type LambdaRecord } from '../../src/lambda/handlers.ts';
import type { Message, MessageGroupProfile } from '../../src/model.ts';
import { appendMessage, startMessageGroup } from '../../src/table/appends.ts';
import { messageItem, storedMessage, summaryItem } from '../../src/table/items.ts';
import { profileKey } from '../../src/table/keys.ts';
import { getSummary } from '../../src/table/summaries.ts';
import type { Table } from '../../src/table/table.ts';
import { injectFaults, timeout } from '../support/faults.ts';
import { aTable } from '../support/table.ts';

const NOTHING_FAILED = { batchItemFailures: [] };

/** A group whose log has messages 1 and up; the summaries were left at message 1. */
interface LaggingGroup {
  readonly profile: MessageGroupProfile;
  readonly sender: string;
  readonly reader: string;
  /** Without the first, which the summaries have. */
  readonly messages: readonly Message[];
}

async function aLaggingGroup(table: Table, count = 1): Promise<LaggingGroup> {
  const memberIds = [randomUUID(), randomUUID()].sort();
  const [sender = '', reader = ''] = memberIds;
  const createdAt = '2026-03-01T09:30:00.000Z';
  const profile = { id: randomUUID(), kind: 'DIRECT', memberIds, createdAt } as const;
  const message = (sequence: number): Message => {
    return { id: randomUUID(), sequence, senderId: sender, body: `${sequence}`, createdAt };
  };
  await startMessageGroup(table, profile, message(1), undefined);
  const messages = Array.from({ length: count }, (_, index) => message(index + 2));
  for (const each of messages) await appendMessage(table, profile.id, each);
  return { profile, sender, reader, messages };
}

function handlerOf(table: Table): (event: LambdaEvent) => ReturnType<ReturnType<typeof createUpdateSummaries>> {
  return createUpdateSummaries(table, { warn: () => {} });
}

function aRecord(sequenceNumber: string, item: object): LambdaRecord {
  return { dynamodb: { SequenceNumber: sequenceNumber, NewImage: marshall(item) } };
}

function messageRecord(sequenceNumber: string, { profile }: LaggingGroup, message: Message | undefined): LambdaRecord {
  if (!message) throw new Error('No such message');
  return aRecord(sequenceNumber, messageItem(profile.id, message));
}

/** A message's key, and nothing else of a message. */
function poison(sequenceNumber: string): LambdaRecord {
  return aRecord(sequenceNumber, { pk: `GRP#${randomUUID()}`, sk: 'MSG#000000000001' });
}

function failedAt(sequenceNumber: string) {
  return { batchItemFailures: [{ itemIdentifier: sequenceNumber }] };
}

async function lastSequences(table: Table, { profile, sender, reader }: LaggingGroup): Promise<unknown[]> {
  const summaries = [sender, reader].map((id) => getSummary(table, id, profile.id, { consistent: true }));
  return (await Promise.all(summaries)).map((summary) => summary?.lastSequence);
}

test('a batch that succeeds fails nowhere, and every member’s summary is up to date', async () => {
  const table = await aTable();
  const groups = [await aLaggingGroup(table, 2), await aLaggingGroup(table, 3)];
  const records = groups.flatMap((group) =>
    group.messages.map((message, index) => messageRecord(`${index + 1}`, group, message)),
  );

  const response = await handlerOf(table)({ Records: records });

  expect(response).toEqual(NOTHING_FAILED);
  const [{ profile, sender, reader, messages } = await aLaggingGroup(table)] = groups;
  const lastMessage = messages.at(-1);
  expect(await getSummary(table, sender, profile.id)).toMatchObject({ lastMessage, lastSequence: 3, readSequence: 3 });
  expect(await getSummary(table, reader, profile.id)).toMatchObject({ lastMessage, lastSequence: 3, readSequence: 0 });
  expect(await Promise.all(groups.map((group) => lastSequences(table, group)))).toEqual([
    [3, 3],
    [4, 4],
  ]);
});

test('poison in the midst of a batch is where it failed, and all others are applied', async () => {
  const table = await aTable();
  const [first, second] = [await aLaggingGroup(table, 2), await aLaggingGroup(table, 1)];
  const records = [
    messageRecord('101', first, first.messages[0]),
    poison('102'),
    messageRecord('103', first, first.messages[1]),
    poison('104'),
    messageRecord('105', second, second.messages[0]),
  ];

  const response = await handlerOf(table)({ Records: records });

  expect(response).toEqual(failedAt('102'));
  expect(await lastSequences(table, first)).toEqual([3, 3]);
  expect(await lastSequences(table, second)).toEqual([2, 2]);
});

test('a message of a group without a profile fails, and no other', async () => {
  const table = await aTable();
  const [lost, group] = [await aLaggingGroup(table), await aLaggingGroup(table)];
  await table.client.send(new DeleteCommand({ TableName: table.name, Key: profileKey(lost.profile.id) }));

  const response = await handlerOf(table)({
    Records: [messageRecord('7', group, group.messages[0]), messageRecord('8', lost, lost.messages[0])],
  });

  expect(response).toEqual(failedAt('8'));
  expect(await lastSequences(table, group)).toEqual([2, 2]);
});

test('where all fail, it failed at the lowest, whatever the order of the batch', async () => {
  const table = await aTable();

  const response = await handlerOf(table)({ Records: [poison('12'), poison('11'), poison('13')] });

  expect(response).toEqual(failedAt('11'));
});

test('a table that does not answer fails the whole batch from its lowest on, and the next try succeeds', async () => {
  const table = await aTable();
  const group = await aLaggingGroup(table, 2);
  const event = { Records: group.messages.map((message, index) => messageRecord(`${index + 9}`, group, message)) };
  const faults = injectFaults(table);
  const handler = handlerOf(table);

  faults.fail('UpdateItem', Number.POSITIVE_INFINITY, timeout);
  const during = await handler(event);
  faults.fail('UpdateItem', 0, timeout);
  const after = await handler(event);

  expect([during, after]).toEqual([failedAt('9'), NOTHING_FAILED]);
  expect(await lastSequences(table, group)).toEqual([3, 3]);
});

test.each([
  ['an empty batch', { Records: [] }],
  ['an event without a batch', {}],
])('%s fails nowhere', async (_, event) => {
  const table = await aTable();

  expect(await handlerOf(table)(event)).toEqual(NOTHING_FAILED);
});

test('records of other items, and of removals, fail nowhere and change nothing', async () => {
  const table = await aTable();
  const { profile, sender, reader, messages } = await aLaggingGroup(table);
  const [lastMessage] = messages;
  if (!lastMessage) throw new Error('No message');

  const response = await handlerOf(table)({
    Records: [
      aRecord('1', unmarshall(summaryItem(reader, profile, storedMessage(lastMessage), 0))),
      aRecord('2', { ...profileKey(profile.id), ...profile }),
      aRecord('3', { pk: `GRP#${profile.id}`, sk: `DEDUP#${sender}#x`, expiresAt: 1 }),
      { dynamodb: { SequenceNumber: '4' } },
      {},
    ],
  });

  expect(response).toEqual(NOTHING_FAILED);
  const summaries = [sender, reader].map((id) => getSummary(table, id, profile.id, { consistent: true }));
  expect((await Promise.all(summaries)).map((each) => each?.lastSequence)).toEqual([1, 1]);
});

test.each([
  ['9', '10'],
  ['99', '100000000000000000000'],
  ['999999999999999999999', '1000000000000000000000'],
  ['100000000000000000000', '100000000000000000001'],
])('the lowest is the lowest number: %s comes before %s', async (lower, higher) => {
  const table = await aTable();
  const handler = handlerOf(table);

  const responses = [
    await handler({ Records: [poison(lower), poison(higher)] }),
    await handler({ Records: [poison(higher), poison(lower)] }),
  ];

  expect(responses).toEqual([failedAt(lower), failedAt(lower)]);
});

test('whatever fails, the answer is the lowest of what failed: always one of the batch', async () => {
  const table = await aTable();
  const group = await aLaggingGroup(table, 1);
  const handler = handlerOf(table);
  const batch = fc.uniqueArray(
    fc.record({ sequenceNumber: fc.bigInt(0n, 10n ** 21n).map(String), isPoison: fc.boolean() }),
    { selector: ({ sequenceNumber }) => sequenceNumber, maxLength: 12 },
  );

  await fc.assert(
    fc.asyncProperty(batch, async (entries) => {
      const records = entries.map(({ sequenceNumber, isPoison }) =>
        isPoison ? poison(sequenceNumber) : messageRecord(sequenceNumber, group, group.messages[0]),
      );

      const response = await handler({ Records: records });

      const failed = entries.filter(({ isPoison }) => isPoison).map(({ sequenceNumber }) => BigInt(sequenceNumber));
      const lowest = failed.reduce<bigint | undefined>(
        (low, each) => (low !== undefined && low < each ? low : each),
        undefined,
      );
      expect(response).toEqual(lowest === undefined ? NOTHING_FAILED : failedAt(String(lowest)));
    }),
    { numRuns: 50 },
  );
});
