import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { CheckpointTable } from '../../src/stream/checkpoint-table.ts';
import { Checkpoints } from '../../src/stream/checkpoints.ts';
import { workUnderLease } from '../../src/stream/lease.ts';
import { aCheckpointTable, holdCalls, sameTable } from '../support/checkpoint-table.ts';
import { injectFaults, timeout } from '../support/faults.ts';

const LEASE_MS = 2_000;
const LONG_LEASE_MS = 600_000;

/** A worker, and the terms in which it was active. */
function aWorker(table: CheckpointTable, owner: string, { leaseMs = LEASE_MS, takesOver = false } = {}) {
  const stopping = new AbortController();
  const terms: number[] = [];
  const ended: number[] = [];
  const logs: string[] = [];
  const log = (_: object, message: string) => logs.push(message);
  const stopped = workUnderLease(
    { table, owner, leaseMs, takesOver, signal: stopping.signal, log: { info: log, warn: log } },
    async (term, lost) => {
      terms.push(term);
      await new Promise<void>((resolve) => {
        for (const signal of [lost, stopping.signal]) signal.addEventListener('abort', () => resolve(), { once: true });
      });
      ended.push(term);
    },
  );
  const stop = () => {
    stopping.abort();
    return stopped;
  };
  onTestFinished(stop);
  return { terms, ended, logs, stop };
}

function until(condition: () => void | Promise<void>): Promise<void> {
  return vi.waitFor(condition, { timeout: 15_000, interval: 10 });
}

async function holderOf({ client, name }: CheckpointTable): Promise<unknown> {
  const { Item } = await client.send(
    new GetCommand({ TableName: name, Key: { pk: 'LEASE', sk: 'WORKER' }, ConsistentRead: true }),
  );
  return Item?.['owner'];
}

test('a worker whose taking of the lease got no reply does not wait for itself', async () => {
  const table = await aCheckpointTable();
  const own = sameTable(table);
  injectFaults(own).loseReply('UpdateItem', 1);

  const worker = aWorker(own, 'ann', { leaseMs: 9_000 });

  await vi.waitFor(() => expect(worker.terms).toHaveLength(1), 6_000);
}, 20_000);

test.each([
  ['is deleted', undefined],
  ['has no counter', { owner: 'x', term: 3 }],
  ['has a counter below 0', { owner: 'x', term: 3, counter: -1 }],
  ['has a number for an owner', { owner: 7, term: 3, counter: 1 }],
  ['has a text for a term', { owner: 'x', term: '3', counter: 1 }],
])('a lease that %s is taken with a term that is later than all checkpoints’', async (_, lease) => {
  const table = await aCheckpointTable();
  const checkpoints = new Checkpoints(table, 'arn', 41);
  await checkpoints.claim('a');
  if (lease)
    await table.client.send(new PutCommand({ TableName: table.name, Item: { pk: 'LEASE', sk: 'WORKER', ...lease } }));

  const worker = aWorker(table, 'ann', { leaseMs: 900 });
  await until(() => expect(worker.terms).toHaveLength(1));

  expect(await new Checkpoints(table, 'arn', worker.terms[0] ?? 0).claim('a')).not.toBe('lost');
});

test('of several workers one is active, and the others stand by while it renews its lease', async () => {
  const table = await aCheckpointTable();
  const first = aWorker(table, 'first', { leaseMs: 300 });
  await until(() => expect(first.terms).toHaveLength(1));
  let reads = 0;
  const counted = sameTable(table, (operation) => {
    if (operation === 'GetItem') reads += 1;
  });

  const second = aWorker(counted, 'second', { leaseMs: 300 });
  // Twelve looks take more than twice the lease.
  await until(() => expect(reads).toBeGreaterThan(12));

  expect([first.ended, second.terms]).toEqual([[], []]);
  expect(second.logs).toEqual(['another worker is active, standing by']);
});

test('a clean stop hands the lease over at once', async () => {
  const table = await aCheckpointTable();
  const first = aWorker(table, 'first', { leaseMs: LONG_LEASE_MS });
  await until(() => expect(first.terms).toHaveLength(1));

  await first.stop();
  const second = aWorker(table, 'second', { leaseMs: LONG_LEASE_MS });

  await until(() => expect(second.terms).toEqual([(first.terms[0] ?? 0) + 1]));
});

test('a worker that knows that no other lives takes the lease of a dead one at once', async () => {
  const table = await aCheckpointTable();
  const dead = sameTable(table);
  const first = aWorker(dead, 'first', { leaseMs: LONG_LEASE_MS });
  await until(() => expect(first.terms).toHaveLength(1));

  const second = aWorker(table, 'second', { leaseMs: LONG_LEASE_MS, takesOver: true });

  await until(() => expect(second.terms).toEqual([(first.terms[0] ?? 0) + 1]));
});

test('the lease of a worker that died is taken over within one and a half of its duration', async () => {
  const table = await aCheckpointTable();
  const dead = sameTable(table);
  const held = holdCalls(dead);
  const first = aWorker(dead, 'first');
  await until(() => expect(first.terms).toHaveLength(1));
  held.hold();

  const second = aWorker(table, 'second');

  await until(() => expect(second.terms).toEqual([(first.terms[0] ?? 0) + 1]));
  // A worker that cannot renew the lease ends before another may have it.
  expect(first.ended).toEqual(first.terms);
  held.letGo();
});

test.each([
  ['fail', (table: CheckpointTable) => injectFaults(table).fail('UpdateItem', Number.POSITIVE_INFINITY, timeout)],
  ['get no answer', (table: CheckpointTable) => holdCalls(table, (operation) => operation === 'UpdateItem').hold()],
])('a worker whose renewals %s ends its work in time', async (_, breakTable) => {
  const table = await aCheckpointTable();
  const broken = sameTable(table);
  const worker = aWorker(broken, 'worker');
  await until(() => expect(worker.terms).toHaveLength(1));

  breakTable(broken);

  await until(() => expect(worker.ended).toEqual(worker.terms));
  expect(worker.logs).toContain('the lease is lost');
});

test('two workers that begin at the same time do not both get the lease', async () => {
  const table = await aCheckpointTable();

  const workers = Array.from({ length: 5 }, (_, number) => aWorker(sameTable(table), `worker ${number}`));
  await until(async () => expect(await holderOf(table)).toMatch(/^worker/));
  await until(() => expect(workers.flatMap(({ terms }) => terms)).toHaveLength(1));
  await until(() =>
    expect(workers.filter(({ logs }) => logs.includes('another worker is active, standing by'))).toHaveLength(4),
  );

  expect(workers.flatMap(({ terms }) => terms)).toHaveLength(1);
});

test('checkpoints of a term are refused once a later term has claimed the shard', async () => {
  const table = await aCheckpointTable();
  const [early, late] = [new Checkpoints(table, 'arn', 1), new Checkpoints(table, 'arn', 2)];

  const before = [await early.claim('a'), await early.save('a', '10')];
  const claimed = await late.claim('a');
  const after = [
    await early.save('a', '11'),
    await early.finish('a'),
    await early.caughtUp('a', 1),
    await early.claim('a'),
  ];
  await late.save('a', '20');

  expect(before).toEqual([undefined, true]);
  expect(claimed).toMatchObject({ shardId: 'a', checkpoint: '10', finished: false });
  expect(after).toEqual([false, false, false, 'lost']);
  expect(await late.list()).toEqual([{ shardId: 'a', checkpoint: '20', finished: false, caughtUpAt: undefined }]);
});
