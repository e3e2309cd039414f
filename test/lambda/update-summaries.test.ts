import { randomUUID } from 'node:crypto';
import { DeleteCommand } from '@aws-sdk/lib-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import { expect, onTestFinished, test, vi } from 'vitest';
import {
  createRepairSummaries,
  createUpdateSummaries,
  type LambdaEvent,
  type LambdaRecord,
} from '../../src/lambda/handlers.ts';
import type { Message, MessageGroupProfile } from '../../src/model.ts';
import { checkpointTable } from '../../src/stream/checkpoint-table.ts';
import type { DeadLetter } from '../../src/stream/dead-letters.ts';
import { listParked, ParkedWork } from '../../src/summaries/parked-work.ts';
import { appendMessage, startMessageGroup } from '../../src/table/appends.ts';
import { messageItem, storedMessage, summaryItem } from '../../src/table/items.ts';
import { profileKey } from '../../src/table/keys.ts';
import { getSummary } from '../../src/table/summaries.ts';
import type { Table } from '../../src/table/table.ts';
import { failUpdates, timeout } from '../support/faults.ts';
import { setSummary } from '../support/summaries.ts';
import { aTable } from '../support/table.ts';
import { useCheckpoints } from '../support/worker.ts';

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

/** The function on a table, with the dead letters that it sent. */
function aFunction(table: Table, { timeMs = 60_000, parkAfterMs = 30_000, send = async () => {} } = {}) {
  const letters: DeadLetter[] = [];
  const store = checkpointTable(table);
  const handler = createUpdateSummaries({
    table,
    store,
    log: { info: () => {}, warn: () => {} },
    parkAfterMs,
    sendDeadLetter: async (letter) => {
      await send();
      letters.push(letter);
    },
  });
  const invoke = (event: LambdaEvent) => {
    const startedAt = performance.now();
    return handler(event, { getRemainingTimeInMillis: () => timeMs - (performance.now() - startedAt) });
  };
  return { letters, store, invoke };
}

function aRecord(sequenceNumber: string, item: object): LambdaRecord {
  return { dynamodb: { SequenceNumber: sequenceNumber, NewImage: marshall(item) } };
}

function messageRecord(sequenceNumber: string, { profile }: LaggingGroup, message: Message | undefined): LambdaRecord {
  if (!message) throw new Error('No such message');
  return aRecord(sequenceNumber, messageItem(profile.id, message));
}

/** A message's key and a text, and nothing else of a message. */
function unreadable(sequenceNumber: string): LambdaRecord {
  const Keys = { pk: { S: `GRP#${randomUUID()}` }, sk: { S: 'MSG#000000000001' } };
  return { dynamodb: { SequenceNumber: sequenceNumber, Keys, NewImage: { ...Keys, body: { S: 'a secret text' } } } };
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
  await useCheckpoints(table);
  const groups = [await aLaggingGroup(table, 2), await aLaggingGroup(table, 3)];
  const records = groups.flatMap((group) =>
    group.messages.map((message, index) => messageRecord(`${index + 1}`, group, message)),
  );

  const response = await aFunction(table).invoke({ Records: records });

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

test('records that can never be applied go straight to the failure queue with their keys, and all others are applied', async () => {
  const table = await aTable();
  await useCheckpoints(table);
  const [first, second, lost] = [
    await aLaggingGroup(table, 2),
    await aLaggingGroup(table, 1),
    await aLaggingGroup(table),
  ];
  await table.client.send(new DeleteCommand({ TableName: table.name, Key: profileKey(lost.profile.id) }));
  const { letters, invoke } = aFunction(table);

  const response = await invoke({
    Records: [
      messageRecord('101', first, first.messages[0]),
      unreadable('102'),
      messageRecord('103', first, first.messages[1]),
      messageRecord('104', lost, lost.messages[0]),
      messageRecord('105', second, second.messages[0]),
    ],
  });

  expect(response).toEqual(NOTHING_FAILED);
  expect(letters.map(({ sequenceNumber, itemKey, reason }) => [sequenceNumber, itemKey.sk, reason])).toEqual([
    ['102', 'MSG#000000000001', expect.stringContaining('is no message')],
    ['104', '', expect.stringContaining('has no profile')],
  ]);
  expect(JSON.stringify(letters)).not.toContain('secret');
  expect(await lastSequences(table, first)).toEqual([3, 3]);
  expect(await lastSequences(table, second)).toEqual([2, 2]);
});

test('a dead letter that the queue does not take leaves the batch to be tried again', async () => {
  const table = await aTable();
  await useCheckpoints(table);

  const response = await aFunction(table, { send: () => Promise.reject(new Error('no queue')) }).invoke({
    Records: [unreadable('7'), unreadable('8')],
  });

  expect(response).toEqual(failedAt('7'));
});

test('a batch that is tried again sends its dead letters once', async () => {
  const table = await aTable();
  await useCheckpoints(table);
  const group = await aLaggingGroup(table);
  let isFailing = true;
  const failing = failUpdates(table, () => isFailing);
  const { letters, invoke } = aFunction(failing, { timeMs: 6_000 });
  const event = { Records: [unreadable('3'), messageRecord('4', group, group.messages[0])] };

  const during = await invoke(event);
  isFailing = false;
  const after = await invoke(event);

  expect([during, after]).toEqual([failedAt('3'), NOTHING_FAILED]);
  expect(letters.map(({ sequenceNumber }) => sequenceNumber)).toEqual(['3']);
});

test('a table that takes no writes leaves the batch to be tried again when the time is over, and the next try succeeds', async () => {
  const table = await aTable();
  await useCheckpoints(table);
  const group = await aLaggingGroup(table, 2);
  const event = { Records: group.messages.map((message, index) => messageRecord(`${index + 9}`, group, message)) };
  let isFailing = true;
  const failing = failUpdates(table, () => isFailing);

  const during = await aFunction(failing, { timeMs: 7_000, parkAfterMs: 100 }).invoke(event);
  const { store } = aFunction(table);
  const parked = await listParked(store);
  isFailing = false;
  const after = await aFunction(failing).invoke(event);

  expect([during, after]).toEqual([failedAt('9'), NOTHING_FAILED]);
  expect(parked).toEqual([]);
  expect(await lastSequences(table, group)).toEqual([3, 3]);
}, 30_000);

test('a summary that cannot be written while others can is parked, and the scheduled function writes it from its log', async () => {
  const table = await aTable();
  await useCheckpoints(table);
  const group = await aLaggingGroup(table, 2);
  const failing = failUpdates(table, (input) => input.includes(`USR#${group.reader}`));

  const { invoke, store } = aFunction(failing, { parkAfterMs: 200 });
  const response = await invoke({ Records: [messageRecord('1', group, group.messages[0])] });
  const before = [await lastSequences(table, group), (await listParked(store)).map(({ userId }) => userId)];
  const repair = createRepairSummaries({
    table,
    store: checkpointTable(table),
    log: QUIET,
  });
  await repair({}, { getRemainingTimeInMillis: () => 900_000 });

  expect(response).toEqual(NOTHING_FAILED);
  expect(before).toEqual([[2, 1], [group.reader]]);
  expect(await lastSequences(table, group)).toEqual([3, 3]);
  expect(await listParked(store)).toEqual([]);
});

test('a group of which no summary can be written is parked, though its batch holds no other', async () => {
  const table = await aTable();
  await useCheckpoints(table);
  const group = await aLaggingGroup(table, 2);
  const failing = failUpdates(table, (input) => input.includes('USR#'));

  const { invoke, store } = aFunction(failing, { parkAfterMs: 200 });
  const response = await invoke({ Records: [messageRecord('1', group, group.messages[0])] });

  expect(response).toEqual(NOTHING_FAILED);
  expect(await listParked(store)).toHaveLength(2);
});

test('a read of profiles that hangs leaves the batch to be tried again in time, however many groups it has', async () => {
  const table = await aTable();
  await useCheckpoints(table);
  const hanging = {
    ...table,
    call: (...[operation, input, limits]: Parameters<typeof table.call>) =>
      String(operation) === 'BatchGetItem'
        ? new Promise((_, reject) => {
            const ended = () => reject(timeout());
            limits?.signal?.addEventListener('abort', ended);
            setTimeout(ended, Math.max(0, (limits?.deadline ?? 0) - performance.now())).unref();
          })
        : table.call(operation, input, limits),
  } as Table;
  const groups = await Promise.all(Array.from({ length: 20 }, () => aLaggingGroup(table)));
  const startedAt = performance.now();

  const response = await aFunction(hanging, { timeMs: 8_000 }).invoke({
    Records: groups.map((group, index) => messageRecord(`${index + 1}`, group, group.messages[0])),
  });

  expect(response).toEqual(failedAt('1'));
  expect(performance.now() - startedAt).toBeLessThan(8_000);
}, 30_000);

test('a stream that no function reads is not noted as read: after 23 hours all summaries are repaired', async () => {
  const table = await aTable();
  await useCheckpoints(table);
  const { profile, reader } = await aLaggingGroup(table, 1);
  const repair = createRepairSummaries({ table, store: checkpointTable(table), log: QUIET });
  const time = { getRemainingTimeInMillis: () => 900_000 };
  await repair({}, time);
  await setSummary(table, reader, profile.id, { lastSequence: 1 });
  vi.useFakeTimers({ toFake: ['Date'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });

  const seen: (number | undefined)[] = [];
  for (let hour = 1; hour <= 24; hour += 1) {
    vi.setSystemTime(Date.now() + 3_600_000);
    await repair({}, time);
    seen.push((await getSummary(table, reader, profile.id, { consistent: true }))?.lastSequence);
  }

  expect(seen).toEqual([...Array(22).fill(1), 2, 2]);
}, 30_000);

const QUIET = { info: () => {}, warn: () => {} };

test('records that the service discarded request a repair, which the schedule does', async () => {
  const table = await aTable();
  await useCheckpoints(table);
  const { profile, reader } = await aLaggingGroup(table, 1);
  const store = checkpointTable(table);
  const repair = createRepairSummaries({ table, store, log: QUIET });
  const time = { getRemainingTimeInMillis: () => 900_000 };
  // The repair of a first run.
  await repair({}, time);
  await setSummary(table, reader, profile.id, { lastSequence: 1 });

  await repair({}, time);
  const before = await getSummary(table, reader, profile.id, { consistent: true });
  await repair({ Records: [{ eventSource: 'aws:sqs' }] }, time);
  const requested = await getSummary(table, reader, profile.id, { consistent: true });
  await repair({}, time);

  expect([before?.lastSequence, requested?.lastSequence]).toEqual([1, 1]);
  expect(await getSummary(table, reader, profile.id, { consistent: true })).toMatchObject({ lastSequence: 2 });
});

test('parked summaries are written between the parts of a long repair', async () => {
  const table = await aTable();
  await useCheckpoints(table);
  const groups = [await aLaggingGroup(table), await aLaggingGroup(table), await aLaggingGroup(table)];
  const store = checkpointTable(table);
  const parked: number[] = [];
  const slow = {
    ...table,
    call: async (...[operation, input, limits]: Parameters<typeof table.call>) => {
      if (operation !== 'Scan') return table.call(operation, input, limits);
      parked.push((await listParked(store)).length);
      const [group] = groups;
      if (group && parked.length < 3) await new ParkedWork(store, QUIET).park(group.profile.id, group.reader);
      return table.call('Scan', { ...(input as object), TableName: table.name, Limit: 4 }, limits);
    },
  } as Table;

  await createRepairSummaries({ table: slow, store, log: QUIET })({}, { getRemainingTimeInMillis: () => 900_000 });

  expect(parked.length).toBeGreaterThan(2);
  expect(Math.max(...parked)).toBe(0);
  expect(await listParked(store)).toEqual([]);
});

test.each([
  ['an empty batch', { Records: [] }],
  ['an event without a batch', {}],
])('%s fails nowhere', async (_, event) => {
  const table = await aTable();

  expect(await aFunction(table).invoke(event)).toEqual(NOTHING_FAILED);
});

test('records of other items, and of removals, fail nowhere and change nothing', async () => {
  const table = await aTable();
  const { profile, sender, reader, messages } = await aLaggingGroup(table);
  const [lastMessage] = messages;
  if (!lastMessage) throw new Error('No message');

  await useCheckpoints(table);

  const response = await aFunction(table).invoke({
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
