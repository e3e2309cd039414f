import { randomUUID } from 'node:crypto';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import { expect, test, vi } from 'vitest';
import type { User } from '../src/model.ts';
import { findStreamArn } from '../src/stream/client.ts';
import { listDeadLetters } from '../src/stream/dead-letters.ts';
import { checkpointTable } from '../src/stream/table.ts';
import { messageItem, profileItem } from '../src/table/items.ts';
import { getSummary } from '../src/table/summaries.ts';
import { runCommand, targetOf } from './support/command-line.ts';
import { withFault } from './support/faulty-engine.ts';
import { groupIdOf, putMessages, sendAs, users } from './support/groups.ts';
import { setSummary } from './support/summaries.ts';
import { aTable } from './support/table.ts';
import { startWorker, useCheckpoints, type WorkerProcess } from './support/worker.ts';

function hasProcessed(worker: WorkerProcess): boolean {
  return worker.log().some(({ msg }) => msg === 'batch done');
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
  await vi.waitFor(() => expect(second.log().some(({ msg }) => msg === 'reading the stream')).toBe(true), 20_000);
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

test('one poison record among 1,000: 999 are applied, and the dead letter is replayed once its cause is gone', async () => {
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
    body: 'lost',
    createdAt: '2026-03-01T09:30:00.000Z',
  };
  await table.client.send(new PutCommand({ TableName: table.name, Item: messageItem(orphanId, lost) }));
  await putMessages(table, messageGroupId, ann, 999, 1000);

  const worker = startWorker(table, 9);
  await vi.waitFor(
    async () => expect((await getSummary(table, ben.id, messageGroupId))?.lastSequence).toBe(1000),
    20_000,
  );
  const streamArn = await findStreamArn(table.client, table.name);
  if (!streamArn) throw new Error('The table has a stream');
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
      attempts: 1,
      record: { eventName: 'INSERT', dynamodb: { NewImage: marshall(messageItem(orphanId, lost)) } },
    },
  ]);
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
  const second = startWorker(table, 1, endpoint);

  await vi.waitFor(async () => expect(await getSummary(table, members[1].id, messageGroupId)).toEqual(right), 20_000);
  await vi.waitFor(() => expect(second.log().map(({ msg }) => msg)).toContain('summaries rebuilt'), 20_000);
}, 60_000);
