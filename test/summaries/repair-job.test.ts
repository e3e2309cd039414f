import { setTimeout as delay } from 'node:timers/promises';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { expect, test, vi } from 'vitest';
import type { User } from '../../src/model.ts';
import { checkpointTable } from '../../src/stream/checkpoint-table.ts';
import { Checkpoints } from '../../src/stream/checkpoints.ts';
import { readStream } from '../../src/stream/reader.ts';
import { listParked, ParkedWork } from '../../src/summaries/parked-work.ts';
import { repairPart, requestRepair } from '../../src/summaries/repair-job.ts';
import { getSummary } from '../../src/table/summaries.ts';
import type { Table } from '../../src/table/table.ts';
import { holdCalls, sameTable } from '../support/checkpoint-table.ts';
import { aFakeStream } from '../support/fake-streams.ts';
import { failUpdates, timeout } from '../support/faults.ts';
import { groupIdOf, sendAs, users } from '../support/groups.ts';
import { setSummary, spoilProfile } from '../support/summaries.ts';
import { aTable } from '../support/table.ts';
import { useCheckpoints } from '../support/worker.ts';

/** A table that gives out its groups one at a time, and pairs whose second summary is wrong. */
async function aDamagedTable(count: number) {
  const table = await aTable();
  await useCheckpoints(table);
  const pairs = Array.from({ length: count }, () => users(2) as [User, User]);
  for (const members of pairs) {
    await sendAs(table, members, members[0], 'one');
    await setSummary(table, members[1].id, groupIdOf(members), { lastSequence: 99 });
  }
  let scans = 0;
  const slow = {
    ...table,
    call: (...[operation, input, limits]: Parameters<typeof table.call>) => {
      if (operation !== 'Scan') return table.call(operation, input, limits);
      scans += 1;
      return table.call('Scan', { ...(input as object), TableName: table.name, Limit: 4 }, limits);
    },
  } as Table;
  const logs: string[] = [];
  const log = { info: () => {}, warn: (_: object, message: string) => logs.push(message) };
  const wrong = async () => {
    const found = await Promise.all(pairs.map((members) => getSummary(table, members[1].id, groupIdOf(members))));
    return found.filter((summary) => summary?.lastSequence === 99).length;
  };
  const store = checkpointTable(table);
  const part = () => repairPart({ store, table: slow, parked: new ParkedWork(store, log), log });
  return { table, store, pairs, logs, wrong, part, scans: () => scans };
}

test('a repair is done part by part, goes on after a restart, and ends', async () => {
  const { store, logs, wrong, part } = await aDamagedTable(5);
  await requestRepair(store, 'a test');

  const left: number[] = [];
  // Each part could be another worker's: nothing but the table tells it where to go on.
  while (await part()) left.push(await wrong());

  expect(left.length).toBeGreaterThan(3);
  expect(left).toEqual(left.toSorted((a, b) => b - a));
  expect(await wrong()).toBe(0);
  expect(logs).toEqual(['all summaries are compared with the logs', 'summaries repaired']);
  expect(await part()).toBe(false);
});

test('requests are one repair, and a new one begins it again', async () => {
  const { store, wrong, part, pairs, table } = await aDamagedTable(3);
  for (let request = 0; request < 6; request += 1) await requestRepair(store, `shard ${request}`);
  while ((await wrong()) > 0) await part();
  const [members] = pairs;
  if (!members) throw new Error('There are pairs');
  await setSummary(table, members[1].id, groupIdOf(members), { lastSequence: 99 });

  await requestRepair(store, 'once more');
  while (await part());

  expect(await wrong()).toBe(0);
});

test('six shards that were trimmed are one repair', async () => {
  const { store, logs, wrong, part } = await aDamagedTable(1);
  const fake = await aFakeStream();
  const checkpoints = new Checkpoints(store, fake.streamArn, 1);
  const shards = ['a', 'b', 'c', 'd', 'e', 'f'];
  for (const shard of shards) {
    const [first = '', ...others] = fake.addShard(shard, 3, { closed: true });
    await checkpoints.claim(shard);
    await checkpoints.save(shard, first);
    fake.trim(shard, others[0] ?? '');
  }
  const stop = new AbortController();
  const reasons: string[] = [];
  const reading = readStream({
    client: fake.client,
    streamArn: fake.streamArn,
    checkpoints,
    process: async () => ({ settled: Promise.resolve() }),
    onLoss: async (reason) => {
      reasons.push(reason);
      await requestRepair(store, reason);
    },
    log: { info: () => {}, warn: () => {} },
    signal: stop.signal,
    lost: new AbortController().signal,
  });
  await vi.waitFor(
    async () => expect((await checkpoints.list()).filter(({ finished }) => finished)).toHaveLength(6),
    10_000,
  );

  stop.abort();
  await reading;

  while (await part());

  expect(reasons).toHaveLength(6);
  expect(await wrong()).toBe(0);
  expect(logs).toEqual(['all summaries are compared with the logs', 'summaries repaired']);
});

test('a repair goes past a group that fails again and again, parks it, and repairs the others', async () => {
  const { store, wrong, pairs, logs, table } = await aDamagedTable(3);
  const stuckId = groupIdOf(pairs[0] ?? []);
  const stuck = {
    ...table,
    call: (...[operation, input, limits]: Parameters<typeof table.call>) =>
      operation === 'Query' && JSON.stringify(input).includes(stuckId)
        ? Promise.reject(new Error('never'))
        : table.call(operation, input, limits),
  } as Table;
  const log = { info: () => {}, warn: (_: object, message: string) => logs.push(message) };
  const parked = new ParkedWork(store, log);
  await requestRepair(store, 'a test');

  while (await repairPart({ store, table: stuck, parked, log }));

  expect(await wrong()).toBe(1);
  expect((await listParked(store)).map(({ messageGroupId }) => messageGroupId)).toEqual([stuckId]);
  expect(logs).toContain('found while summaries were repaired');
  expect(await parked.attempt(table)).toBe(1);
  expect(await wrong()).toBe(0);
});

test('a paused old worker moves no repair back', async () => {
  const { table, store, part } = await aDamagedTable(3);
  const old = sameTable(store);
  const held = holdCalls(old, (operation) => operation.startsWith('Update'));
  const log = { info: () => {}, warn: () => {} };
  await requestRepair(store, 'a test');
  held.hold();
  const paused = repairPart({ store: old, table, parked: new ParkedWork(old, log), log });
  await vi.waitFor(() => expect(held.waiting()).toBe(1), 5_000);
  while (await part());

  held.letGo();
  await paused;

  expect(await part()).toBe(false);
});

test('a repair goes past a group that cannot be read, and reports it', async () => {
  const { store, wrong, part, pairs, logs, table } = await aDamagedTable(3);
  await spoilProfile(table, groupIdOf(pairs[0] ?? []));
  await requestRepair(store, 'a test');

  while (await part());

  expect(await wrong()).toBe(1);
  expect(logs.filter((message) => message === 'found while summaries were repaired')).toHaveLength(1);
});

test('a repair in an outage parks nothing, and repairs everything afterwards', async () => {
  const { table, store, part, wrong } = await aDamagedTable(3);
  const log = { info: () => {}, warn: () => {} };
  const failing = failUpdates(table, () => true);
  await requestRepair(store, 'a test');

  await expect(repairPart({ store, table: failing, parked: new ParkedWork(store, log), log })).rejects.toThrow();

  expect(await listParked(store)).toEqual([]);
  while (await part());
  expect(await wrong()).toBe(0);
});

test('a repair whose state cannot be read begins again', async () => {
  const { store, part, wrong } = await aDamagedTable(2);
  const Item = { pk: 'REPAIR', sk: 'SUMMARIES', version: 7, isDone: 'no' };
  await store.client.send(new PutCommand({ TableName: store.name, Item }));

  while (await part());

  expect(await wrong()).toBe(0);
});

test('a repair that fails in an outage of writes is one repair at a time', async () => {
  const table = await aTable();
  await useCheckpoints(table);
  const pairs = Array.from({ length: 60 }, () => users(2) as [User, User]);
  for (const members of pairs) {
    await sendAs(table, members, members[0], 'one');
    await setSummary(table, members[1].id, groupIdOf(members), { lastSequence: 99 });
  }
  const store = checkpointTable(table);
  const log = { info: () => {}, warn: () => {} };
  let [underWay, most] = [0, 0];
  // Reads succeed, and writes get no answer for 300 ms (10 s for a real call).
  const failing = {
    ...table,
    call: async (...[operation, input, limits]: Parameters<typeof table.call>) => {
      if (operation !== 'UpdateItem') return table.call(operation, input, limits);
      if (JSON.stringify(input).includes('HEALTH')) throw timeout();
      underWay += 1;
      most = Math.max(most, underWay);
      await delay(300);
      underWay -= 1;
      throw timeout();
    },
  } as Table;
  await requestRepair(store, 'a test');
  const part = () => repairPart({ store, table: failing, parked: new ParkedWork(store, log), log });

  for (let attempt = 0; attempt < 3; attempt += 1) {
    await expect(part()).rejects.toThrow();
    expect(underWay).toBe(0);
  }

  // A part compares 4 groups at once.
  expect(most).toBeLessThanOrEqual(4);
});
