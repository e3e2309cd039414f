import { setTimeout as delay } from 'node:timers/promises';
import { DeleteCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { Message, User } from '../../src/model.ts';
import { checkpointTable } from '../../src/stream/checkpoint-table.ts';
import type { TableRecord } from '../../src/summaries/apply.ts';
import { listParked, ParkedWork } from '../../src/summaries/parked-work.ts';
import { processRecords } from '../../src/summaries/process.ts';
import { Retries } from '../../src/summaries/retries.ts';
import { messageItem } from '../../src/table/items.ts';
import { profileKey } from '../../src/table/keys.ts';
import { getSummary } from '../../src/table/summaries.ts';
import type { Table } from '../../src/table/table.ts';
import { sameTable } from '../support/checkpoint-table.ts';
import { failUpdates, timeout } from '../support/faults.ts';
import { groupIdOf, putMessages, sendAs, users } from '../support/groups.ts';
import { interceptCalls } from '../support/intercepted-calls.ts';
import { spoilProfile } from '../support/summaries.ts';
import { aTable } from '../support/table.ts';
import { useCheckpoints } from '../support/worker.ts';

const SILENT = { info: () => {}, warn: () => {} };

/** Two groups of one sender, with retries, parked work, and writes that fail as the test says. */
async function aWorld({ parkAfterMs = 30_000 } = {}) {
  const table = await aTable();
  await useCheckpoints(table);
  const [ann, ben, cyd] = users(3) as [User, User, User];
  const groups = [[ann, ben] as [User, User], [ann, cyd] as [User, User]] as const;
  for (const members of groups) await sendAs(table, members, ann, 'one');
  const [first, second] = groups.map((members) => groupIdOf(members)) as [string, string];
  let isFailing: (input: string) => boolean = () => false;
  const failing = failUpdates({ ...table, call: (...args) => table.call(...args) } as Table, (input) =>
    isFailing(input),
  );
  const store = checkpointTable(table);
  const counts: number[] = [];
  const parked = new ParkedWork(store, SILENT, (count) => counts.push(count));
  const stop = new AbortController();
  let retried = 0;
  const onRetry = () => {
    retried += 1;
  };
  const retries = new Retries({ table: failing, parked, signal: stop.signal, onRetry, parkAfterMs });
  const running = retries.run();
  onTestFinished(async () => {
    stop.abort();
    await running;
  });
  const dead: string[] = [];
  const keep = async ({ reason }: { readonly reason: string }) => void dead.push(reason);
  const messageOf = (sequence: number): Message => ({
    id: `6c1f2d0a-4b7e-4a53-9d10-${String(sequence).padStart(12, '0')}`,
    sequence,
    senderId: ann.id,
    body: 'a text',
    createdAt: new Date().toISOString(),
  });
  const recordOf = (id: string, sequence: number): TableRecord => ({
    dynamodb: { NewImage: marshall(messageItem(id, messageOf(sequence))) },
  });
  return {
    table,
    failing,
    store,
    parked,
    counts,
    dead,
    stop,
    groups: { first, second },
    people: { ann, ben, cyd },
    process: (...records: TableRecord[]) => processRecords({ table: failing, retries, keep }, records),
    recordOf,
    retried: () => retried,
    fail: (which: (input: string) => boolean) => {
      isFailing = which;
    },
    lastSequence: async (user: User, id: string) =>
      (await getSummary(table, user.id, id, { consistent: true }))?.lastSequence,
  };
}

test('a write that fails is retried until it succeeds, while the records after it are applied', async () => {
  const world = await aWorld();
  const { groups, people, process, recordOf, fail, lastSequence } = world;
  fail((input) => input.includes(`USR#${people.ben.id}`));
  let isSettled = false;

  const { settled } = await process(recordOf(groups.first, 2), recordOf(groups.second, 2));
  void settled.then(() => {
    isSettled = true;
  });
  const later = await process(recordOf(groups.second, 3));
  await later.settled;

  expect(await lastSequence(people.cyd, groups.second)).toBe(3);
  expect(await lastSequence(people.ann, groups.first)).toBe(2);
  expect(isSettled).toBe(false);
  fail(() => false);
  await settled;
  expect(await lastSequence(people.ben, groups.first)).toBe(2);
  expect(world.dead).toEqual([]);
});

test('writes of one summary are merged while they fail', async () => {
  const { groups, people, process, recordOf, fail, lastSequence, table } = await aWorld();
  await putMessages(table, groups.first, people.ann, 2, 20);
  fail((input) => input.includes(`USR#${people.ben.id}`));
  const batches: Promise<void>[] = [];
  for (let sequence = 2; sequence <= 20; sequence += 1)
    batches.push((await process(recordOf(groups.first, sequence), recordOf(groups.second, sequence))).settled);

  fail(() => false);
  await Promise.all(batches);

  expect(await lastSequence(people.ben, groups.first)).toBe(20);
});

test('a summary that fails for long while others are written is parked, and written from its log once it can be', async () => {
  const world = await aWorld({ parkAfterMs: 200 });
  const { groups, people, process, recordOf, fail, lastSequence, table, store, parked } = world;
  await putMessages(table, groups.first, people.ann, 2, 5);
  fail((input) => input.includes(`USR#${people.ben.id}`));

  const { settled } = await process(recordOf(groups.first, 2), recordOf(groups.second, 2));
  await settled;
  const [item] = await listParked(store);
  // Later records of a parked summary do not wait.
  await (await process(recordOf(groups.first, 3))).settled;
  const [again] = await listParked(store);
  const whileFailing = await parked.attempt(world.failing);
  fail(() => false);
  const done = await parked.attempt(world.failing);

  expect(item).toMatchObject({ messageGroupId: groups.first, userId: people.ben.id });
  expect(JSON.stringify(item)).not.toContain('a text');
  expect(again?.version).not.toBe(item?.version);
  expect([whileFailing, done]).toEqual([0, 1]);
  expect(await lastSequence(people.ben, groups.first)).toBe(5);
  expect(await listParked(store)).toEqual([]);
  expect([Math.max(...world.counts), world.counts.at(-1)]).toEqual([1, 0]);
});

test('nothing is parked while the table takes no writes: after a second, batches wait', async () => {
  const { groups, people, process, recordOf, fail, lastSequence, store } = await aWorld({ parkAfterMs: 50 });
  fail(() => true);
  const batches: Promise<void>[] = [];

  await vi.waitFor(
    async () => {
      const processing = process(recordOf(groups.first, 2));
      batches.push(processing.then(({ settled }) => settled));
      const outcome = await Promise.race([processing.then(() => 'processed'), delay(500, 'waits')]);
      expect(outcome).toBe('waits');
    },
    { timeout: 10_000 },
  );

  expect(await listParked(store)).toEqual([]);
  fail(() => false);
  await Promise.all(batches);
  expect(await lastSequence(people.ben, groups.first)).toBe(2);
});

test('nothing is parked while no summary can be written, though the table takes other writes', async () => {
  const { groups, people, process, recordOf, fail, store, retried } = await aWorld({ parkAfterMs: 50 });
  fail((input) => input.includes('USR#'));
  await process(recordOf(groups.first, 2));
  await vi.waitFor(() => expect(retried()).toBeGreaterThan(2), 10_000);
  const before = await listParked(store);

  fail((input) => input.includes(`USR#${people.ben.id}`));
  await (await process(recordOf(groups.second, 2))).settled;

  expect(before).toEqual([]);
  await vi.waitFor(
    async () => expect((await listParked(store)).map(({ userId }) => userId)).toEqual([people.ben.id]),
    10_000,
  );
});

test('a summary that is parked again just after it was written is known, and written again', async () => {
  const { groups, people, table, store } = await aWorld();
  const other = sameTable(store);
  const parked = new ParkedWork(other, SILENT);
  await parked.park(groups.first, people.ben.id);
  interceptCalls(other.client, async ({ operation }, attempt) => {
    const output = await attempt();
    if (operation === 'DeleteItem') await parked.park(groups.first, people.ben.id);
    return output;
  });

  await parked.attempt(table);

  expect(parked.has(groups.first, people.ben.id)).toBe(true);
  expect(await listParked(store)).toHaveLength(1);
});

test('a parked summary is written directly by the next record, if it can be, and stays parked until its log was read', async () => {
  const { groups, people, process, recordOf, fail, lastSequence, table, store, parked, failing } = await aWorld({
    parkAfterMs: 100,
  });
  await putMessages(table, groups.first, people.ann, 2, 4);
  fail((input) => input.includes(`USR#${people.ben.id}`));
  await (await process(recordOf(groups.first, 2), recordOf(groups.second, 2))).settled;
  const [before] = await listParked(store);

  fail(() => false);
  await (await process(recordOf(groups.first, 3))).settled;
  const direct = await lastSequence(people.ben, groups.first);
  const [after] = await listParked(store);

  expect(direct).toBe(3);
  expect(after?.version).toBe(before?.version);
  expect(await parked.attempt(failing)).toBe(1);
  expect(await lastSequence(people.ben, groups.first)).toBe(4);
});

test('nothing is parked in an outage, though other summaries were written as it began', async () => {
  const { groups, process, recordOf, fail, store, retried, people } = await aWorld({ parkAfterMs: 200 });
  let isOut = false;
  fail((input) => isOut || input.includes(`USR#${people.ben.id}`));

  await process(recordOf(groups.first, 2), recordOf(groups.second, 2));
  isOut = true;
  await vi.waitFor(() => expect(retried()).toBeGreaterThan(2), 10_000);

  expect(await listParked(store)).toEqual([]);
});

test('records of a group that turns out to have no profile are dead letters', async () => {
  const { groups, process, recordOf, table, dead } = await aWorld();
  await table.client.send(new DeleteCommand({ TableName: table.name, Key: profileKey(groups.first) }));
  const { call } = table;
  let reads = 0;
  // Two reads of the profile fail.
  Object.assign(table, {
    call: (...[operation, ...others]: Parameters<typeof call>) => {
      if (String(operation) !== 'BatchGetItem') return call(operation, ...others);
      reads += 1;
      return reads <= 2 ? Promise.reject(timeout()) : call(operation, ...others);
    },
  });

  await (await process(recordOf(groups.first, 2))).settled;

  expect(dead).toEqual([`Group ${groups.first} has no profile that can be read`]);
});

test('a group whose profile cannot be read stays parked, and a group that is parked waits no second time', async () => {
  const { groups, process, recordOf, table, store, parked } = await aWorld({ parkAfterMs: 1_000 });
  await parked.park(groups.first);
  await spoilProfile(table, groups.first);
  const { call } = table;
  Object.assign(table, {
    call: (...[operation, input, limits]: Parameters<typeof call>) =>
      String(operation) === 'BatchGetItem' && JSON.stringify(input).includes(groups.first)
        ? Promise.reject(timeout())
        : call(operation, input, limits),
  });
  const startedAt = performance.now();

  await (await process(recordOf(groups.first, 2))).settled;
  const tookMs = performance.now() - startedAt;

  expect(tookMs).toBeLessThan(1_000);
  expect(await parked.attempt(table)).toBe(0);
  expect((await listParked(store)).map(({ userId }) => userId)).toEqual(['*']);
});

test('a parked summary that hangs delays no other', async () => {
  const { table, store } = await aWorld();
  const parked = new ParkedWork(store, SILENT);
  const people = users(6);
  const [ann, ...others] = people as [User, ...User[]];
  const groups = others.map((other) => [ann, other] as [User, User]);
  for (const members of groups) {
    await sendAs(table, members, ann, 'one');
    await parked.park(groupIdOf(members), members[1].id);
  }
  const healthy = (await listParked(store)).at(-1)?.messageGroupId ?? '';
  const hanging = {
    ...table,
    call: (...[operation, input, limits]: Parameters<typeof table.call>) =>
      JSON.stringify(input).includes(healthy)
        ? table.call(operation, input, limits)
        : delay((limits?.deadline ?? 0) - performance.now()).then(() => Promise.reject(timeout())),
  } as Table;

  const attempting = parked.attempt(hanging);
  await vi.waitFor(async () => expect(await listParked(store)).toHaveLength(4), 1_500);

  expect(await attempting).toBe(1);
});

test('once one summary of a person is parked, the others that failed for as long are parked without another attempt', async () => {
  const { table, store, recordOf } = await aWorld();
  const [ben, ...others] = users(81) as [User, ...User[]];
  for (const other of others) await sendAs(table, [ben, other], other, 'one');
  let hangs = 0;
  const hanging = {
    ...table,
    call: (...[operation, input, limits]: Parameters<typeof table.call>) => {
      if (operation !== 'UpdateItem' || !JSON.stringify(input).includes(`USR#${ben.id}`))
        return table.call(operation, input, limits);
      hangs += 1;
      return delay((limits?.deadline ?? 0) - performance.now()).then(() => Promise.reject(timeout()));
    },
  } as Table;
  const stop = new AbortController();
  const parked = new ParkedWork(store, SILENT);
  const retries = new Retries({ table: hanging, parked, signal: stop.signal, onRetry: () => {}, parkAfterMs: 1_500 });
  const running = retries.run();
  onTestFinished(async () => {
    stop.abort();
    await running;
  });

  const records = others.map((other) => recordOf(groupIdOf([ben, other]), 2));
  await (await processRecords({ table: hanging, retries, keep: async () => {} }, records)).settled;

  expect(await listParked(store)).toHaveLength(80);
  expect(hangs).toBeLessThan(32 + 3 * 8);
}, 60_000);

test('24 summaries that hang delay no other that failed twice', async () => {
  const { table, store, people, groups, recordOf } = await aWorld();
  const big = users(24);
  const [first] = big as [User, ...User[]];
  await sendAs(table, big, first, 'one');
  const bigId = groupIdOf(big);
  let [failures, hangs] = [2, 0];
  const hanging = {
    ...table,
    call: (...[operation, input, limits]: Parameters<typeof table.call>) => {
      const text = JSON.stringify(input);
      const isUpdate = operation === 'UpdateItem';
      // The client ends a call at its deadline, or else after 10 s.
      const leftMs = Math.min(10_000, (limits?.deadline ?? Number.POSITIVE_INFINITY) - performance.now());
      if (isUpdate && text.includes(bigId)) hangs += 1;
      if (isUpdate && text.includes(bigId)) return delay(leftMs).then(() => Promise.reject(timeout()));
      if (isUpdate && text.includes(people.ben.id) && failures-- > 0) return Promise.reject(timeout());
      return table.call(operation, input, limits);
    },
  } as Table;
  const stop = new AbortController();
  const parked = new ParkedWork(store, SILENT);
  const retries = new Retries({ table: hanging, parked, signal: stop.signal, onRetry: () => {} });
  const running = retries.run();
  onTestFinished(async () => {
    stop.abort();
    await running;
  });
  const process = (...records: TableRecord[]) =>
    processRecords({ table: hanging, retries, keep: async () => {} }, records);
  const slow = await process(recordOf(bigId, 2));
  slow.settled.catch(() => {});
  // Some are retried by now.
  await vi.waitFor(() => expect(hangs).toBeGreaterThan(24 + 8), 10_000);

  const { settled } = await process(recordOf(groups.first, 2));

  await expect.poll(() => isDone(settled), { timeout: 3_000 }).toBe(true);
}, 30_000);

/** Tells whether a promise is resolved. */
async function isDone(promise: Promise<void>): Promise<boolean> {
  return Promise.race([promise.then(() => true), delay(0, false)]);
}

test('a parked item that cannot be read is left out, and the others are written', async () => {
  const { groups, people, table, store } = await aWorld();
  const parked = new ParkedWork(store, SILENT);
  await store.client.send(new PutCommand({ TableName: store.name, Item: { pk: 'PARKED', sk: 'a#b', version: 7 } }));
  await parked.park(groups.first, people.ben.id);

  expect(await parked.attempt(table)).toBe(1);
  expect(await listParked(store)).toEqual([]);
});

test('parked work of an earlier worker is loaded, and work that is parked again meanwhile stays', async () => {
  const { groups, people, table, store } = await aWorld();
  const [early, late] = [new ParkedWork(store, SILENT), new ParkedWork(store, SILENT)];
  await early.park(groups.first, people.ben.id);
  await late.load();
  const racing = {
    ...table,
    call: async (...args: Parameters<typeof table.call>) => {
      const result = await table.call(...args);
      if (args[0] === 'GetItem') await early.park(groups.first, people.ben.id);
      return result;
    },
  } as Table;

  const raced = await new ParkedWork(store, SILENT).attempt(racing);

  expect(late.has(groups.first, people.ben.id)).toBe(true);
  expect(late.has(groups.second, people.ben.id)).toBe(false);
  expect(raced).toBe(0);
  expect(await listParked(store)).toHaveLength(1);
  expect(await late.attempt(table)).toBe(1);
  expect(late.has(groups.first, people.ben.id)).toBe(false);
});

test('what is left when the worker stops is given up, so that it comes again', async () => {
  const { groups, process, recordOf, fail, stop, people } = await aWorld();
  fail((input) => input.includes(`USR#${people.ben.id}`));
  const { settled } = await process(recordOf(groups.first, 2), recordOf(groups.second, 2));

  stop.abort();

  await expect(settled).rejects.toThrow();
});
