import { randomUUID } from 'node:crypto';
import { DeleteTableCommand, type StreamViewType, UpdateTableCommand } from '@aws-sdk/client-dynamodb';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { expect, test, vi } from 'vitest';
import type { User } from '../src/model.ts';
import { checkpointTable } from '../src/stream/checkpoint-table.ts';
import { listDeadLetters } from '../src/stream/dead-letters.ts';
import { createTableIfMissing } from '../src/table/definition.ts';
import { messageItem, profileItem } from '../src/table/items.ts';
import { getSummary } from '../src/table/summaries.ts';
import type { Table } from '../src/table/table.ts';
import { runCommand, targetOf } from './support/command-line.ts';
import { withFault } from './support/faulty-engine.ts';
import { groupIdOf, putMessages, sendAs, users } from './support/groups.ts';
import { streamArnOf } from './support/stream.ts';
import { setSummary } from './support/summaries.ts';
import { aTable } from './support/table.ts';
import { startWorker, useCheckpoints, type WorkerProcess } from './support/worker.ts';

function hasProcessed(worker: WorkerProcess): boolean {
  return worker.log().some(({ msg }) => msg === 'batch done');
}

/** Switches the table's stream off, or on with a view type. */
async function switchStream({ client, name }: Table, StreamViewType: StreamViewType | undefined): Promise<void> {
  const StreamSpecification = { StreamEnabled: StreamViewType !== undefined, StreamViewType };
  await client.send(new UpdateTableCommand({ TableName: name, StreamSpecification }));
}

test('of two workers one works and one stands by, and goes on within 15 s when the first is killed', async () => {
  const table = await aTable();
  await useCheckpoints(table);
  const members = users(2) as [User, User];
  const messageGroupId = groupIdOf(members);
  await sendAs(table, members, members[0], 'first');
  const arrives = (sequence: number, timeout: number) =>
    vi.waitFor(
      async () => expect((await getSummary(table, members[1].id, messageGroupId))?.lastSequence).toBe(sequence),
      timeout,
    );

  const first = startWorker(table, 9);
  await vi.waitFor(() => expect(hasProcessed(first)).toBe(true), 20_000);
  const second = startWorker(table, 9);
  await vi.waitFor(
    () => expect(second.log().map(({ msg }) => msg)).toContain('another worker is active, standing by'),
    20_000,
  );
  await sendAs(table, members, members[0], 'second');
  await arrives(2, 5_000);
  expect(hasProcessed(second)).toBe(false);
  await first.kill();
  await sendAs(table, members, members[0], 'third');

  await arrives(3, 15_000);
  await vi.waitFor(() => expect(hasProcessed(second)).toBe(true), 5_000);
  expect(await second.stop()).toBe(0);
}, 60_000);

test('a worker that is asked to stop hands over at once', async () => {
  const table = await aTable();
  await useCheckpoints(table);
  const members = users(2) as [User, User];
  await sendAs(table, members, members[0], 'first');
  const first = startWorker(table, 60);
  await vi.waitFor(() => expect(hasProcessed(first)).toBe(true), 20_000);

  expect(await first.stop()).toBe(0);
  const second = startWorker(table, 60);
  await sendAs(table, members, members[0], 'second');

  await vi.waitFor(() => expect(hasProcessed(second)).toBe(true), 20_000);
  const batches = second.log().filter(({ msg }) => msg === 'batch done');
  // Nothing that the first had done comes again: the second message, and the summaries that it moves.
  expect(batches.reduce((sum, { records }) => sum + Number(records), 0)).toBeLessThanOrEqual(3);
}, 60_000);

test('one record of 1,000 without a profile: 999 are applied, and the dead letter is replayed once its cause is gone', async () => {
  const table = await aTable();
  await useCheckpoints(table);
  const members = users(2) as [User, User];
  const [ann, ben] = members;
  const messageGroupId = groupIdOf(members);
  await sendAs(table, members, ann, 'first');
  await putMessages(table, messageGroupId, ann, 2, 998);
  const orphan = users(2) as [User, User];
  const orphanId = groupIdOf(orphan);
  const lost = {
    id: randomUUID(),
    sequence: 1,
    senderId: orphan[0].id,
    body: 'a secret text',
    createdAt: '2026-03-01T09:30:00.000Z',
  };
  await table.client.send(new PutCommand({ TableName: table.name, Item: messageItem(orphanId, lost) }));
  await putMessages(table, messageGroupId, ann, 999, 1000);

  const worker = startWorker(table, 9);
  await vi.waitFor(
    async () => expect((await getSummary(table, ben.id, messageGroupId))?.lastSequence).toBe(1000),
    20_000,
  );
  const streamArn = await streamArnOf(table);
  const letters = await vi.waitFor(async () => {
    const kept = await listDeadLetters(checkpointTable(table), streamArn);
    expect(kept).toHaveLength(1);
    return kept;
  }, 20_000);
  const tooEarly = await runCommand(targetOf(table), 'dead-letters', 'replay');
  await table.client.send(
    new PutCommand({
      TableName: table.name,
      Item: profileItem({
        id: orphanId,
        kind: 'DIRECT',
        memberIds: orphan.map(({ id }) => id).sort(),
        createdAt: lost.createdAt,
      }),
    }),
  );
  const inTime = await runCommand(targetOf(table), 'dead-letters', 'replay');

  expect(letters).toMatchObject([
    {
      reason: expect.stringContaining('has no profile'),
      itemKey: { pk: `GRP#${orphanId}`, sk: 'MSG#000000000001' },
    },
  ]);
  expect(JSON.stringify(letters)).not.toContain(lost.body);
  expect(worker.log().filter(({ msg }) => msg === 'dead letter')).toHaveLength(1);
  expect([tooEarly.code, inTime.code]).toEqual([1, 0]);
  expect(await listDeadLetters(checkpointTable(table), streamArn)).toEqual([]);
  expect(await getSummary(table, orphan[1].id, orphanId)).toMatchObject({ lastMessage: lost });
}, 60_000);

test('a worker whose checkpoint is older than the stream rebuilds the summaries from the logs', async () => {
  const table = await aTable();
  await useCheckpoints(table);
  const members = users(2) as [User, User];
  const messageGroupId = groupIdOf(members);
  await sendAs(table, members, members[0], 'first');
  const first = startWorker(table, 1);
  await vi.waitFor(() => expect(hasProcessed(first)).toBe(true), 20_000);
  await first.stop();
  const right = await getSummary(table, members[1].id, messageGroupId);
  if (!right) throw new Error('A member has a summary');
  // No record can mend this: the join only moves forward.
  await setSummary(table, members[1].id, messageGroupId, { lastSequence: 99 });

  const endpoint = await withFault('GetShardIterator', ({ ShardIteratorType }) =>
    ShardIteratorType === 'AFTER_SEQUENCE_NUMBER' ? 'TrimmedDataAccessException' : undefined,
  );
  const second = startWorker(table, 1, { endpoint });

  await vi.waitFor(async () => expect(await getSummary(table, members[1].id, messageGroupId)).toEqual(right), 20_000);
  await vi.waitFor(() => expect(second.log().map(({ msg }) => msg)).toContain('summaries repaired'), 20_000);
}, 60_000);

test('a first worker, and one whose checkpoints are gone, repairs all summaries', async () => {
  const table = await aTable();
  await useCheckpoints(table);
  const members = users(2) as [User, User];
  const messageGroupId = groupIdOf(members);
  await sendAs(table, members, members[0], 'first');
  const right = await getSummary(table, members[1].id, messageGroupId);
  await setSummary(table, members[1].id, messageGroupId, { lastSequence: 99 });

  const worker = startWorker(table, 9);

  await vi.waitFor(async () => expect(await getSummary(table, members[1].id, messageGroupId)).toEqual(right), 20_000);
  await vi.waitFor(() => expect(worker.log().map(({ msg }) => msg)).toContain('summaries repaired'), 20_000);
}, 60_000);

test('a stream without new images is an error that says so, and is left for the next one', async () => {
  const table = await aTable();
  await useCheckpoints(table);
  const members = users(2) as [User, User];
  await sendAs(table, members, members[0], 'first');
  await switchStream(table, undefined);
  await switchStream(table, 'KEYS_ONLY');
  await putMessages(table, groupIdOf(members), members[0], 2, 2);

  const worker = startWorker(table, 9);
  const says = (part: string) => () =>
    expect(worker.log().map(({ msg }) => msg)).toContainEqual(expect.stringContaining(part));
  await vi.waitFor(says('Set its view type to NEW_IMAGE'), 20_000);
  expect((await getSummary(table, members[1].id, groupIdOf(members)))?.lastSequence).toBe(1);
  await switchStream(table, undefined);
  await switchStream(table, 'NEW_IMAGE');

  await vi.waitFor(says('summaries repaired'), 30_000);
  expect((await getSummary(table, members[1].id, groupIdOf(members)))?.lastSequence).toBe(2);
}, 90_000);

test('a stream that is switched off and on is a gap: the message that was sent meanwhile reaches the summaries', async () => {
  const table = await aTable();
  await useCheckpoints(table);
  const members = users(2) as [User, User];
  const messageGroupId = groupIdOf(members);
  await sendAs(table, members, members[0], 'first');
  const worker = startWorker(table, 9);
  await vi.waitFor(() => expect(worker.log().map(({ msg }) => msg)).toContain('summaries repaired'), 20_000);

  await switchStream(table, undefined);
  await sendAs(table, members, members[0], 'meanwhile');
  await switchStream(table, 'NEW_IMAGE');

  await vi.waitFor(
    async () => expect((await getSummary(table, members[1].id, messageGroupId))?.lastSequence).toBe(2),
    30_000,
  );
  await vi.waitFor(
    () => expect(worker.log().filter(({ msg }) => msg === 'summaries repaired').length).toBeGreaterThan(1),
    20_000,
  );
}, 90_000);

test('nor do they after "ddb drop" and "ddb schema-load" within the same minute, into the same group', async () => {
  const table = await aTable();
  await useCheckpoints(table);
  const members = users(2) as [User, User];
  for (const body of ['one', 'two', 'three']) await sendAs(table, members, members[0], body);
  const running = startWorker(table, 9);
  await vi.waitFor(() => expect(hasProcessed(running)).toBe(true), 20_000);

  await runCommand(targetOf(table), 'ddb', 'drop');
  await runCommand(targetOf(table), 'ddb', 'schema-load');
  await sendAs(table, members, members[0], 'of the next table');
  await running.stop();
  const worker = startWorker(table, 9);
  await vi.waitFor(() => expect(hasProcessed(worker)).toBe(true), 20_000);
  await vi.waitFor(() => expect(worker.log().map(({ msg }) => msg)).toContain('summaries repaired'), 20_000);

  expect(await getSummary(table, members[1].id, groupIdOf(members))).toMatchObject({
    lastSequence: 1,
    lastMessage: { body: 'of the next table' },
  });
}, 60_000);

test('records of a dropped table do not reach the summaries of the next table of its name', async () => {
  const table = await aTable();
  await useCheckpoints(table);
  const members = users(2) as [User, User];
  const messageGroupId = groupIdOf(members);
  for (const body of ['one', 'two', 'three']) await sendAs(table, members, members[0], body);
  await table.client.send(new DeleteTableCommand({ TableName: table.name }));
  const droppedAt = Date.now();
  // The engine keeps the second in which a record was written.
  await vi.waitFor(() => expect(Math.floor(Date.now() / 1_000)).toBeGreaterThan(Math.floor(droppedAt / 1_000)), 5_000);
  await createTableIfMissing(table);
  await sendAs(table, members, members[0], 'of the next table');

  const worker = startWorker(table, 9);
  await vi.waitFor(() => expect(hasProcessed(worker)).toBe(true), 20_000);
  await vi.waitFor(() => expect(worker.log().map(({ msg }) => msg)).toContain('summaries repaired'), 20_000);

  expect(await getSummary(table, members[1].id, messageGroupId)).toMatchObject({
    lastSequence: 1,
    lastMessage: { body: 'of the next table' },
  });
}, 60_000);
