import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { expect, inject, test, vi } from 'vitest';
import type { User } from '../../src/model.ts';
import { checkpointTable } from '../../src/stream/checkpoint-table.ts';
import { listParked } from '../../src/summaries/parked-work.ts';
import { answerWithError, proxyEngine } from '../support/engine-proxy.ts';
import { groupIdOf, sendAs, users } from '../support/groups.ts';
import { streamArnOf } from '../support/stream.ts';
import { aTable } from '../support/table.ts';
import { startWorker, useCheckpoints } from '../support/worker.ts';

/** The limit of the heap with which the worker is deployed. */
const MOST_HEAP = '--max-old-space-size=128';

const GROUPS = 10;
const PAGE = 1_000;

/** With its keys a record has 1 KB, so that a page is as large as DynamoDB makes it. */
const BODY = 'x'.repeat(700);

interface Backlog {
  readonly shards: number;
  readonly pages: number;
  /** Groups of which one summary cannot be written. */
  readonly failing: number;
}

/** Starts the deployed worker on shards that have these pages each. */
async function workThrough({ shards, pages, failing }: Backlog) {
  const table = await aTable();
  await useCheckpoints(table);
  const StreamArn = await streamArnOf(table);
  const people = users(2 * GROUPS);
  const groups = Array.from({ length: GROUPS }, (_, at) => people.slice(2 * at, 2 * at + 2) as [User, User]);
  for (const members of groups) await sendAs(table, members, members[0], 'one');
  const failed = groups.slice(0, failing).map(([, { id }]) => `USR#${id}`);

  const recordOf = (shard: number, at: number) => {
    const members = groups[at % GROUPS] as [User, User];
    const sequence = 2 + at;
    const Keys = { pk: { S: `GRP#${groupIdOf(members)}` }, sk: { S: `MSG#${String(sequence).padStart(12, '0')}` } };
    const message = { id: { S: randomUUID() }, sequence: { N: String(sequence) }, senderId: { S: members[0].id } };
    const NewImage = { ...Keys, ...message, body: { S: BODY }, createdAt: { S: '2026-03-01T09:30:00.000Z' } };
    const SequenceNumber = `${shard + 1}${String(at).padStart(20, '0')}`;
    const ApproximateCreationDateTime = Math.floor(Date.now() / 1_000) + 60;
    return { eventName: 'INSERT', dynamodb: { ApproximateCreationDateTime, Keys, SequenceNumber, NewImage } };
  };
  const answers: Record<string, (input: Record<string, string>) => object> = {
    DescribeStream: () => {
      const SequenceNumberRange = { StartingSequenceNumber: '1' };
      const Shards = Array.from({ length: shards }, (_, at) => ({ ShardId: `shardId-${at}`, SequenceNumberRange }));
      return { StreamDescription: { StreamArn, StreamStatus: 'ENABLED', Shards } };
    },
    GetShardIterator: ({ ShardId = '' }) => ({ ShardIterator: `${ShardId.split('-')[1]}|0` }),
    GetRecords: ({ ShardIterator = '' }) => {
      const [shard = 0, page = 0] = ShardIterator.split('|').map(Number);
      if (page >= pages) return { Records: [], NextShardIterator: ShardIterator };
      const Records = Array.from({ length: PAGE }, (_, at) => recordOf(shard, page * PAGE + at));
      return { Records, NextShardIterator: `${shard}|${page + 1}` };
    },
  };
  const endpoint = await proxyEngine(({ operation, body, outgoing }) => {
    if (operation === 'UpdateItem' && failed.some((each) => body.includes(each)))
      return answerWithError(outgoing, 400, 'ThrottlingException');
    const answer = answers[operation];
    if (!answer) return false;
    const headers = { 'content-type': 'application/x-amz-json-1.0' };
    outgoing.writeHead(200, headers).end(JSON.stringify(answer(JSON.parse(body))));
    return true;
  });
  const modules = [MOST_HEAP, join(inject('bundles').folder, 'app/worker.js')];
  const worker = startWorker(table, 9, { endpoint, modules });
  const batches = () => worker.log().filter(({ msg }) => msg === 'batch done').length;
  return { worker, batches, parked: () => listParked(checkpointTable(table)) };
}

test('a summary that fails while 4 shards are behind costs no memory for each record: it is parked, and the shards go on', async () => {
  const { worker, batches, parked } = await workThrough({ shards: 4, pages: 160, failing: 1 });

  await vi.waitFor(async () => expect(await parked()).toHaveLength(1), { timeout: 90_000, interval: 500 });
  const before = batches();
  await vi.waitFor(() => expect(batches()).toBeGreaterThan(before + 20), { timeout: 60_000, interval: 500 });

  expect(worker.child.exitCode).toBeNull();
}, 180_000);

test('40 shards that are behind are read a few pages at a time', async () => {
  const { worker, batches } = await workThrough({ shards: 40, pages: 3, failing: 0 });

  await vi.waitFor(() => expect(batches()).toBe(120), { timeout: 120_000, interval: 500 });

  expect(worker.child.exitCode).toBeNull();
}, 180_000);
