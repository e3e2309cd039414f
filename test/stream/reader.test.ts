import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { listDeadLetters } from '../../src/stream/dead-letters.ts';
import { type Lease, Leases, type LeaseTable } from '../../src/stream/leases.ts';
import { type Poison, readStream, type StreamReaderOptions } from '../../src/stream/reader.ts';
import { DEFAULT_PACE, type Pace } from '../../src/stream/shard-reader.ts';
import type { StreamRecord } from '../../src/stream/shards.ts';
import { aFakeStream, type FakeStreams, type StreamOperation } from '../support/fake-streams.ts';
import { injectFaults, timeout } from '../support/faults.ts';
import { aLeaseTable, holdCalls, sameTable } from '../support/lease-table.ts';

const PACE = { busyMs: 5, idleMs: 10, backoffMs: 5, maxBackoffMs: 20 };
/** Short to wait for where a test waits for looks, long for a busy machine. */
const LEASE_MS = 2_000;
/** A lease that no test outlives, and nobody looks at a shard twice. */
const LONG_LEASE_MS = 600_000;

type Process = StreamReaderOptions['process'];

/** A reader under way, with what it told so far. */
interface Reader {
  /** Batches that were done, each as its sequence numbers. */
  readonly batches: string[][];
  /** The sequence numbers of all records that were done, in the order in which they were. */
  readonly done: () => string[];
  /** How often it was told that records were lost. */
  readonly losses: () => number;
  readonly logs: { readonly details: Record<string, unknown>; readonly message: string }[];
  readonly ended: Promise<'stopped' | 'gone'>;
  stop(): Promise<'stopped' | 'gone'>;
}

function startReader(
  fake: FakeStreams,
  table: LeaseTable,
  {
    owner = 'reader',
    leaseMs = LEASE_MS,
    pace = PACE,
    process = async () => [],
  }: { owner?: string; leaseMs?: number; pace?: Pace; process?: Process } = {},
): Reader {
  const stopping = new AbortController();
  const batches: string[][] = [];
  const logs: Reader['logs'] = [];
  let losses = 0;
  const log = (details: object, message: string) => logs.push({ details: { ...details }, message });
  const ended = readStream({
    client: fake.client,
    streamArn: fake.streamArn,
    table,
    owner,
    leaseMs,
    pace,
    signal: stopping.signal,
    process: async (records, signal) => {
      const poison = await process(records, signal);
      batches.push(records.map(sequenceNumberOf));
      return poison;
    },
    onTrimmed: async () => {
      losses += 1;
    },
    log: { info: log, warn: log },
  });
  const stop = () => {
    stopping.abort();
    return ended;
  };
  onTestFinished(async () => {
    await stop();
  });
  return { batches, done: () => batches.flat(), losses: () => losses, logs, ended, stop };
}

function sequenceNumberOf(record: StreamRecord): string {
  return record.dynamodb?.SequenceNumber ?? '';
}

function until<Result>(condition: () => Result | Promise<Result>): Promise<Result> {
  return vi.waitFor(condition, { timeout: 15_000, interval: 10 });
}

async function leasesOf(fake: FakeStreams, table: LeaseTable): Promise<Lease[]> {
  return new Leases(table, fake.streamArn, 'nobody').list();
}

async function leaseOf(fake: FakeStreams, table: LeaseTable, shardId: string): Promise<Lease | undefined> {
  return (await leasesOf(fake, table)).find((lease) => lease.shardId === shardId);
}

/** An earlier reader got this far with the shard, and left it. */
async function readBefore(fake: FakeStreams, table: LeaseTable, shardId: string, checkpoint: string): Promise<void> {
  const earlier = new Leases(table, fake.streamArn, 'earlier');
  await earlier.take(shardId, undefined);
  await earlier.checkpoint(shardId, checkpoint);
  await earlier.release(shardId);
}

/** Resolves when the signal is aborted. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Resolves when the test says so, at the latest when it is over. */
function aGate(): { readonly open: Promise<void>; letGo(): void } {
  let letGo = () => {};
  const open = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  onTestFinished(letGo);
  return { open, letGo };
}

test('a shard is read from its first record on, in order, and then as it grows', async () => {
  const [fake, table] = [await aFakeStream(), await aLeaseTable()];
  fake.recordsPerPage = 2;
  const before = fake.addShard('a', 5);

  const reader = startReader(fake, table);
  await until(() => expect(reader.done()).toEqual(before));
  const after = fake.append('a', 3);
  await until(() => expect(reader.done()).toEqual([...before, ...after]));

  await until(async () => expect(await leaseOf(fake, table, 'a')).toMatchObject({ checkpoint: after.at(-1) }));
});

test('the children of a shard that splits while it is read come after its last record', async () => {
  const [fake, table] = [await aFakeStream(), await aLeaseTable()];
  fake.recordsPerPage = 2;
  const before = fake.addShard('parent', 5);

  const reader = startReader(fake, table);
  await until(() => expect(reader.done()).toEqual(before));
  const last = fake.append('parent', 5);
  fake.split('parent', ['left', 'right']);
  const left = fake.append('left', 5);
  const right = fake.append('right', 5);
  await until(() => expect(reader.done()).toHaveLength(20));

  const done = reader.done();
  expect(done.slice(0, 10)).toEqual([...before, ...last]);
  expect(done.filter((each) => left.includes(each))).toEqual(left);
  expect(done.filter((each) => right.includes(each))).toEqual(right);
});

test('a shard that ends makes way for its child at once, also while another shard is being taken', async () => {
  const [fake, table] = [await aFakeStream(), await aLeaseTable()];
  fake.addShard('other', 0);
  const ofParent = fake.addShard('parent', 2, { closed: true });
  const ofChild = fake.addShard('child', 2, { parentId: 'parent' });
  const slow = sameTable(table);
  const held = holdCalls(slow, (_, input) => 'Key' in input && (input.Key as { sk: string }).sk === 'other');
  held.hold();

  const reader = startReader(fake, slow, { leaseMs: LONG_LEASE_MS });
  onTestFinished(held.letGo);
  await until(() => expect(held.waiting()).toBe(1));
  await until(() => expect(reader.logs.map(({ message }) => message)).toContain('shard given up'));
  held.letGo();
  await until(() => expect(reader.done()).toHaveLength(4));

  expect(reader.done()).toEqual([...ofParent, ...ofChild]);
});

test('shards that split again and again, and change hands: nothing is lost, repeated or out of order', async () => {
  const [fake, table] = [await aFakeStream(), await aLeaseTable()];
  fake.recordsPerPage = 3;
  fake.shardsPerPage = 2;
  const done: string[] = [];
  const process: Process = async (records) => {
    done.push(...records.map(sequenceNumberOf));
    return [];
  };
  const shards = new Map([['0', { parentId: '', written: fake.addShard('0', 4) }]]);

  const first = startReader(fake, table, { owner: 'first', process });
  startReader(fake, sameTable(table), { owner: 'second', process });
  for (const shardId of ['0', '00', '01', '001', '010']) {
    await until(() => expect(done).toContain(shards.get(shardId)?.written[0]));
    if (shardId === '01') await first.stop();
    shards.get(shardId)?.written.push(...fake.append(shardId, 4));
    fake.split(shardId, [`${shardId}0`, `${shardId}1`]);
    for (const child of [`${shardId}0`, `${shardId}1`]) {
      shards.set(child, { parentId: shardId, written: fake.append(child, 4) });
    }
  }
  const written = [...shards.values()].flatMap((shard) => shard.written);
  await until(() => expect(done).toEqual(expect.arrayContaining(written)));

  expect([...done].sort()).toEqual([...written].sort());
  for (const { parentId, written: own } of shards.values()) {
    expect(done.filter((each) => own.includes(each))).toEqual(own);
    const parentsLast = shards.get(parentId)?.written.at(-1);
    if (parentsLast) expect(done.indexOf(parentsLast)).toBeLessThan(done.indexOf(own[0] ?? ''));
  }
});

test('all pages of DescribeStream are read before it is decided which shards may be read', async () => {
  const [fake, table] = [await aFakeStream(), await aLeaseTable()];
  fake.shardsPerPage = 2;
  const generations = ['a', 'b', 'c', 'd', 'e'];
  const written = generations.flatMap((id, index) => {
    const parentId = generations[index - 1];
    return fake.addShard(id, 2, { closed: true, ...(parentId && { parentId }) });
  });

  const reader = startReader(fake, table);
  await until(() => expect(reader.done()).toHaveLength(written.length));

  expect(reader.done()).toEqual(written);
  const starts = fake.callsOf('DescribeStream').map(({ input }) => input['ExclusiveStartShardId']);
  expect(starts.slice(0, 3)).toEqual([undefined, 'd', 'b']);
});

test('a shard whose parent is no longer in the stream is read', async () => {
  const [fake, table] = [await aFakeStream(), await aLeaseTable()];
  fake.addShard('parent', 2, { closed: true });
  const written = fake.addShard('child', 3, { parentId: 'parent' });
  fake.deleteShard('parent');

  const reader = startReader(fake, table);
  await until(() => expect(reader.done()).toHaveLength(3));

  expect(reader.done()).toEqual(written);
});

test('a parent that is deleted while its child waits makes way for it', async () => {
  const [fake, table] = [await aFakeStream(), await aLeaseTable()];
  const ofParent = fake.addShard('parent', 2);
  const ofChild = fake.addShard('child', 2, { parentId: 'parent' });

  const reader = startReader(fake, table);
  await until(() => expect(reader.done()).toEqual(ofParent));
  fake.deleteShard('parent');
  await until(() => expect(reader.done()).toHaveLength(4));

  expect(reader.done()).toEqual([...ofParent, ...ofChild]);
});

test('a child is not read while its parent is open', async () => {
  const [fake, table] = [await aFakeStream(), await aLeaseTable()];
  const ofParent = fake.addShard('parent', 2);
  const ofChild = fake.addShard('child', 2, { parentId: 'parent' });

  const reader = startReader(fake, table);
  await until(() => expect(reader.done()).toEqual(ofParent));
  const looks = fake.callsOf('DescribeStream').length;
  await until(() => expect(fake.callsOf('DescribeStream').length).toBeGreaterThan(looks + 3));
  const early = fake.callsOf('GetShardIterator', 'child');
  fake.close('parent');
  await until(() => expect(reader.done()).toHaveLength(4));

  expect(early).toEqual([]);
  expect(reader.done()).toEqual([...ofParent, ...ofChild]);
});

test('empty pages are no end: the records after twenty of them are read', async () => {
  const [fake, table] = [await aFakeStream(), await aLeaseTable()];
  const written = fake.addShard('a', 3, { closed: true });
  fake.emptyPages('a', 20);

  const reader = startReader(fake, table);
  await until(async () => expect(await leaseOf(fake, table, 'a')).toMatchObject({ finished: true }));

  expect(reader.done()).toEqual(written);
  expect(fake.callsOf('GetRecords', 'a')).toHaveLength(21);
});

test('an expired iterator is renewed from the last record that is done: nothing is lost or repeated', async () => {
  const [fake, table] = [await aFakeStream(), await aLeaseTable()];
  const before = fake.addShard('a', 3);

  const reader = startReader(fake, table);
  await until(() => expect(reader.done()).toEqual(before));
  fake.expireIterators();
  const after = fake.append('a', 3);
  await until(() => expect(reader.done().length).toBeGreaterThan(3));

  expect(reader.done()).toEqual([...before, ...after]);
  expect(fake.callsOf('GetShardIterator', 'a').map(({ input }) => input)).toMatchObject([
    { ShardIteratorType: 'TRIM_HORIZON' },
    { ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', SequenceNumber: before.at(-1) },
  ]);
});

test('an iterator that expires while its batch is processed costs nothing', async () => {
  const [fake, table] = [await aFakeStream(), await aLeaseTable()];
  fake.recordsPerPage = 2;
  const written = fake.addShard('a', 6, { closed: true });

  const reader = startReader(fake, table, {
    process: async () => {
      fake.expireIterators();
      return [];
    },
  });
  await until(async () => expect(await leaseOf(fake, table, 'a')).toMatchObject({ finished: true }));

  expect(reader.done()).toEqual(written);
});

test('records lost before they were read are told of once; then the shard is read from the horizon', async () => {
  const [fake, table] = [await aFakeStream(), await aLeaseTable()];
  const [first = '', second = '', third = '', ...kept] = fake.addShard('a', 6);
  await readBefore(fake, table, 'a', first);
  fake.trim('a', third);

  const reader = startReader(fake, table);
  await until(() => expect(reader.done()).toHaveLength(3));
  const more = fake.append('a', 2);
  await until(() => expect(reader.done()).toHaveLength(5));

  expect(reader.done()).toEqual([...kept, ...more]);
  expect(reader.done()).not.toContain(second);
  expect(reader.losses()).toBe(1);
});

test('records that are trimmed while the shard is read are told of too', async () => {
  const [fake, table] = [await aFakeStream(), await aLeaseTable()];
  fake.recordsPerPage = 2;
  const written = fake.addShard('a', 6, { closed: true });
  let batches = 0;

  const reader = startReader(fake, table, {
    process: async () => {
      batches += 1;
      if (batches === 1) fake.trim('a', written[3] ?? '');
      return [];
    },
  });
  await until(async () => expect(await leaseOf(fake, table, 'a')).toMatchObject({ finished: true }));

  expect(reader.done()).toEqual([...written.slice(0, 2), ...written.slice(4)]);
  expect(reader.losses()).toBe(1);
});

test('a shard that vanished before it was read to its end is told of once, and its lease forgotten', async () => {
  const [fake, table] = [await aFakeStream(), await aLeaseTable()];
  await readBefore(fake, table, 'vanished', '100000000000000000000');
  const written = fake.addShard('a', 2);

  const reader = startReader(fake, table);
  await until(async () => expect((await leasesOf(fake, table)).map(({ shardId }) => shardId)).toEqual(['a']));
  const looks = fake.callsOf('DescribeStream').length;
  await until(() => expect(fake.callsOf('DescribeStream').length).toBeGreaterThan(looks + 2));

  expect(reader.losses()).toBe(1);
  await until(() => expect(reader.done()).toEqual(written));
});

test('a shard that vanished after it was read to its end is forgotten without a word', async () => {
  const [fake, table] = [await aFakeStream(), await aLeaseTable()];
  fake.addShard('a', 2, { closed: true });
  fake.addShard('b', 2, { parentId: 'a' });

  const reader = startReader(fake, table);
  await until(async () => expect(await leaseOf(fake, table, 'a')).toMatchObject({ finished: true }));
  fake.deleteShard('a');
  await until(async () => expect((await leasesOf(fake, table)).map(({ shardId }) => shardId)).toEqual(['b']));

  expect(reader.losses()).toBe(0);
});

test('a shard that vanishes while it is read, with records unread, is told of and its lease forgotten', async () => {
  const [fake, table] = [await aFakeStream(), await aLeaseTable()];
  fake.recordsPerPage = 2;
  const written = fake.addShard('vanishing', 4, { closed: true });

  const reader = startReader(fake, table, {
    process: async () => {
      fake.deleteShard('vanishing');
      return [];
    },
  });
  await until(() => expect(reader.done()).toEqual(written.slice(0, 2)));
  await until(async () => expect(await leasesOf(fake, table)).toEqual([]));

  expect(reader.losses()).toBe(1);
});

const OPERATIONS: readonly StreamOperation[] = ['DescribeStream', 'GetShardIterator', 'GetRecords'];
const REFUSALS = ['ProvisionedThroughputExceededException', 'LimitExceededException', 'ThrottlingException'];

test.each(OPERATIONS.flatMap((operation) => REFUSALS.map((refusal) => [operation, refusal] as const)))(
  '%s that fails with %s is tried again, and nothing is lost',
  async (operation, refusal) => {
    const [fake, table] = [await aFakeStream(), await aLeaseTable()];
    fake.recordsPerPage = 2;
    const ofParent = fake.addShard('parent', 3, { closed: true });
    const ofChild = fake.addShard('child', 3, { parentId: 'parent', closed: true });
    fake.throttle(operation, refusal, 3);

    const reader = startReader(fake, table);
    await until(() => expect(reader.done()).toHaveLength(6));

    expect(reader.done()).toEqual([...ofParent, ...ofChild]);
    const warnings = reader.logs.filter(({ message }) => message.endsWith('trying again'));
    expect(warnings.map(({ details }) => String(details['err']))).toEqual(
      Array.from({ length: 3 }, () => expect.stringContaining(refusal)),
    );
  },
);

test('throttling in the midst of a shard does not repeat what is done', async () => {
  const [fake, table] = [await aFakeStream(), await aLeaseTable()];
  fake.recordsPerPage = 2;
  const written = fake.addShard('a', 6, { closed: true });

  const reader = startReader(fake, table, {
    process: async () => {
      fake.throttle('GetRecords', 'ProvisionedThroughputExceededException', 2);
      return [];
    },
  });
  await until(async () => expect(await leaseOf(fake, table, 'a')).toMatchObject({ finished: true }));

  expect(reader.done()).toEqual(written);
});

test('a shard has ended when there is no next iterator, not when it has an ending sequence number', async () => {
  const [fake, table] = [await aFakeStream(), await aLeaseTable()];
  const before = fake.addShard('open', 2, { showsEnd: true });
  const ofChild = fake.addShard('child', 2, { parentId: 'open' });

  const reader = startReader(fake, table);
  await until(() => expect(reader.done()).toEqual(before));
  const reads = fake.callsOf('GetRecords', 'open').length;
  await until(() => expect(fake.callsOf('GetRecords', 'open').length).toBeGreaterThan(reads + 10));
  const whileOpen = await leaseOf(fake, table, 'open');
  const after = fake.append('open', 2);
  await until(() => expect(reader.done()).toEqual([...before, ...after]));
  fake.close('open');
  await until(() => expect(reader.done()).toHaveLength(6));

  expect(whileOpen).toMatchObject({ owner: 'reader', finished: false });
  expect(reader.done().slice(4)).toEqual(ofChild);
  expect(await leaseOf(fake, table, 'open')).toMatchObject({ owner: undefined, finished: true });
});

test('a batch whose processing fails comes again, and nothing after it is checkpointed before', async () => {
  const [fake, table] = [await aFakeStream(), await aLeaseTable()];
  fake.recordsPerPage = 2;
  const written = fake.addShard('a', 6, { closed: true });
  const attempts: { batch: string[]; checkpoint: string | undefined }[] = [];

  startReader(fake, table, {
    process: async (records) => {
      const checkpoint = (await leaseOf(fake, table, 'a'))?.checkpoint;
      attempts.push({ batch: records.map(sequenceNumberOf), checkpoint });
      if (attempts.length === 2) throw new Error('once');
      return [];
    },
  });
  await until(async () => expect(await leaseOf(fake, table, 'a')).toMatchObject({ finished: true }));

  const [one, two, three] = [written.slice(0, 2), written.slice(2, 4), written.slice(4)];
  expect(attempts).toEqual([
    { batch: one, checkpoint: undefined },
    { batch: two, checkpoint: one.at(-1) },
    { batch: two, checkpoint: one.at(-1) },
    { batch: three, checkpoint: two.at(-1) },
  ]);
});

test('a shard whose processing takes its time holds up no other', async () => {
  const [fake, table] = [await aFakeStream(), await aLeaseTable()];
  fake.addShard('slow', 2);
  const written = fake.addShard('quick', 4, { closed: true });
  const gate = aGate();

  const reader = startReader(fake, table, {
    process: async (records, signal) => {
      const isSlow = records.some(({ dynamodb }) => dynamodb?.Keys?.['pk']?.S === 'slow');
      if (isSlow) await Promise.race([gate.open, aborted(signal)]);
      return [];
    },
  });
  await until(async () => expect(await leaseOf(fake, table, 'quick')).toMatchObject({ finished: true }));

  expect(reader.done()).toEqual(written);
});

test('poison is set aside whole, with its reason and attempts, and the shard goes on', async () => {
  const [fake, table] = [await aFakeStream(), await aLeaseTable()];
  const before = fake.addShard('a', 2);
  const poisonous = fake.appendImage('a', { bytes: { B: 'AAH/' }, body: { N: '7' } });
  const after = fake.append('a', 2);
  fake.close('a');
  const poison: Poison[] = [];

  const reader = startReader(fake, table, {
    process: async (records) => {
      const found = records.filter((record) => sequenceNumberOf(record) === poisonous);
      poison.push(...found.map((record) => ({ record, reason: 'the body is no text', attempts: 3 })));
      return poison;
    },
  });
  await until(async () => expect(await leaseOf(fake, table, 'a')).toMatchObject({ finished: true }));

  expect(reader.done()).toEqual([...before, poisonous, ...after]);
  expect(await leaseOf(fake, table, 'a')).toMatchObject({ checkpoint: after.at(-1) });
  const letters = await listDeadLetters(table, fake.streamArn);
  expect(letters).toEqual([
    {
      sequenceNumber: poisonous,
      record: poison[0]?.record,
      reason: 'the body is no text',
      attempts: 3,
      setAsideAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    },
  ]);
  expect(letters[0]?.record.dynamodb).toMatchObject({
    ApproximateCreationDateTime: expect.any(Date),
    NewImage: { pk: { S: 'a' }, bytes: { B: Uint8Array.from([0, 1, 255]) }, body: { N: '7' } },
  });
});

test('poison that can’t be set aside is not passed over: its batch comes again', async () => {
  const [fake, table] = [await aFakeStream(), await aLeaseTable()];
  const written = fake.addShard('a', 2, { closed: true });
  injectFaults(table).fail('PutItem', 1, () => new Error('refused'));

  const reader = startReader(fake, table, {
    process: async (records) => records.map((record) => ({ record, reason: 'poison', attempts: 1 })),
  });
  await until(async () => expect(await leaseOf(fake, table, 'a')).toMatchObject({ finished: true }));

  expect(reader.batches).toEqual([written, written]);
  const letters = await listDeadLetters(table, fake.streamArn);
  expect(letters.map(({ sequenceNumber }) => sequenceNumber)).toEqual(written);
});

test('who stops releases its leases: another goes on at once, and only the batch under way comes again', async () => {
  const [fake, table] = [await aFakeStream(), await aLeaseTable()];
  fake.recordsPerPage = 2;
  const written = fake.addShard('a', 6);
  let batches = 0;
  const first = startReader(fake, table, {
    owner: 'first',
    leaseMs: LONG_LEASE_MS,
    process: async (_, signal) => {
      batches += 1;
      if (batches < 2) return [];
      await aborted(signal);
      throw new Error('given up');
    },
  });
  await until(() => expect(batches).toBe(2));

  const end = await first.stop();
  const released = await leaseOf(fake, table, 'a');
  const second = startReader(fake, table, { owner: 'second', leaseMs: LONG_LEASE_MS });
  await until(() => expect(second.done()).toHaveLength(4));

  expect(end).toBe('stopped');
  expect(released).toMatchObject({ owner: undefined, checkpoint: written[1], finished: false });
  expect(first.done()).toEqual(written.slice(0, 2));
  expect(second.done()).toEqual(written.slice(2));
});

test('who is stopped before it began reads nothing', async () => {
  const [fake, table] = [await aFakeStream(), await aLeaseTable()];
  fake.addShard('a', 2);

  const end = await readStream({
    client: fake.client,
    streamArn: fake.streamArn,
    table,
    owner: 'reader',
    process: async () => [],
    onTrimmed: async () => {},
    log: { info: () => {}, warn: () => {} },
    signal: AbortSignal.abort(),
  });

  expect(end).toBe('stopped');
  expect(fake.calls).toEqual([]);
});

test('who is stopped while it takes a shard stops all the same, and gives the shard up', async () => {
  const [fake, table] = [await aFakeStream(), await aLeaseTable()];
  fake.addShard('a', 0);
  const slow = sameTable(table);
  const held = holdCalls(slow, (operation) => operation === 'UpdateItem');
  held.hold();
  const reader = startReader(fake, slow);
  // Should it not stop, the end of the stream stops it when the test is over.
  onTestFinished(() => fake.deleteShard('a'));
  await until(() => expect(held.waiting()).toBe(1));

  const stopped = reader.stop();
  held.letGo();
  const end = await Promise.race([stopped, delay(10_000, 'still reading', { ref: false })]);

  expect(end).toBe('stopped');
  expect((await leaseOf(fake, table, 'a'))?.owner).toBeUndefined();
});

test('a second reader stands by while the first renews its lease', async () => {
  const [fake, table] = [await aFakeStream(), await aLeaseTable()];
  const before = fake.addShard('a', 2);
  const operations: string[] = [];
  const first = startReader(fake, table, { owner: 'first' });
  await until(() => expect(first.done()).toEqual(before));

  const second = startReader(
    fake,
    sameTable(table, (operation) => operations.push(operation)),
    { owner: 'second' },
  );
  // Six waits between looks are longer than the lease.
  await until(() => expect(operations.filter((operation) => operation === 'Query').length).toBeGreaterThan(6));
  const after = fake.append('a', 2);
  await until(() => expect(first.done()).toEqual([...before, ...after]));

  expect(second.batches).toEqual([]);
  expect(await leaseOf(fake, table, 'a')).toMatchObject({ owner: 'first' });
});

test('a second reader takes over from one that froze, whose late checkpoint is refused', async () => {
  const [fake, table] = [await aFakeStream(), await aLeaseTable()];
  fake.recordsPerPage = 2;
  const written = fake.addShard('a', 8);
  const firstTable = sameTable(table);
  const frozen = holdCalls(firstTable);
  const gate = aGate();
  let batches = 0;
  const first = startReader(fake, firstTable, {
    owner: 'first',
    process: async () => {
      batches += 1;
      if (batches === 2) {
        frozen.hold();
        await gate.open;
      }
      return [];
    },
  });
  onTestFinished(() => {
    frozen.letGo();
    gate.letGo();
  });
  await until(() => expect(batches).toBe(2));

  const second = startReader(fake, table, { owner: 'second' });
  await until(() => expect(second.done()).toHaveLength(6));
  await until(async () => expect(await leaseOf(fake, table, 'a')).toMatchObject({ checkpoint: written.at(-1) }));
  frozen.letGo();
  gate.letGo();
  await until(() => expect(first.logs.map(({ message }) => message)).toContain('shard given up'));

  expect(second.done()).toEqual(written.slice(2));
  expect(first.done()).toEqual(written.slice(0, 4));
  expect(first.logs).toContainEqual({
    details: { shardId: 'a', end: 'stopped', held: false },
    message: 'shard given up',
  });
  expect(await leaseOf(fake, table, 'a')).toMatchObject({ owner: 'second', checkpoint: written.at(-1) });
  const more = fake.append('a', 2);
  await until(() => expect(second.done()).toEqual([...written.slice(2), ...more]));
  expect(first.done()).toHaveLength(4);
});

test('who can’t renew its lease gives its batch up before another may take the shard', async () => {
  const [fake, table] = [await aFakeStream(), await aLeaseTable()];
  fake.addShard('a', 2);
  const broken = sameTable(table);
  let signal: AbortSignal | undefined;
  startReader(fake, broken, {
    process: async (_, held) => {
      signal = held;
      await aborted(held);
      throw new Error('given up');
    },
  });
  await until(() => expect(signal).toBeDefined());

  injectFaults(broken).fail('UpdateItem', Number.POSITIVE_INFINITY, timeout);

  await until(() => expect(signal?.aborted).toBe(true));
});

test('who gets no answer to its renewals gives its batch up before another may take the shard', async () => {
  const [fake, table] = [await aFakeStream(), await aLeaseTable()];
  fake.addShard('a', 2);
  const broken = sameTable(table);
  const held = holdCalls(broken, (operation) => operation === 'UpdateItem');
  let signal: AbortSignal | undefined;
  startReader(fake, broken, {
    process: async (_, given) => {
      signal = given;
      await aborted(given);
      throw new Error('given up');
    },
  });
  onTestFinished(held.letGo);
  await until(() => expect(signal).toBeDefined());

  held.hold();

  await until(() => expect(signal?.aborted).toBe(true));
});

test('reading ends when the stream is gone', async () => {
  const [fake, table] = [await aFakeStream(), await aLeaseTable()];
  const written = fake.addShard('a', 2);
  const reader = startReader(fake, table);
  await until(() => expect(reader.done()).toEqual(written));

  fake.deleteStream();

  expect(await reader.ended).toBe('gone');
});

test('a lease table that is missing is not taken for a stream that is gone', async () => {
  const fake = await aFakeStream();
  fake.addShard('a', 2);

  const reader = startReader(fake, sameTable({ name: 'missing' }));
  const end = await Promise.race([
    reader.ended,
    until(() => {
      expect(reader.logs.filter(({ message }) => message.endsWith('trying again')).length).toBeGreaterThan(1);
      return 'trying again';
    }),
  ]);

  expect(end).toBe('trying again');
});

test('at its usual pace a reader asks for the records of a shard at most five times a second', async () => {
  const [fake, table] = [await aFakeStream(), await aLeaseTable()];
  fake.recordsPerPage = 1;
  fake.addShard('a', 100);
  fake.addShard('b', 100);

  startReader(fake, table, { pace: DEFAULT_PACE });
  await until(() => {
    for (const id of ['a', 'b']) expect(fake.callsOf('GetRecords', id).length).toBeGreaterThan(8);
  });

  for (const id of ['a', 'b']) {
    const times = fake.callsOf('GetRecords', id).map(({ at }) => at);
    // Timers may be some milliseconds early.
    const sixInASecond = times.filter((time, index) => time - (times[index - 5] ?? Number.NEGATIVE_INFINITY) < 990);
    expect(sixInASecond).toEqual([]);
  }
});
