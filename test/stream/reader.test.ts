import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { CheckpointTable } from '../../src/stream/checkpoint-table.ts';
import { type Checkpoint, Checkpoints } from '../../src/stream/checkpoints.ts';
import { workUnderLease } from '../../src/stream/lease.ts';
import { readStream } from '../../src/stream/reader.ts';
import { DEFAULT_PACE, type Pace } from '../../src/stream/shard-reader.ts';
import type { StreamRecord } from '../../src/stream/shards.ts';
import { aCheckpointTable, holdCalls, sameTable } from '../support/checkpoint-table.ts';
import { aFakeStream, type FakeStreams, type StreamOperation } from '../support/fake-streams.ts';

const PACE = { busyMs: 5, idleMs: 10, backoffMs: 5, maxBackoffMs: 20 };
/** Short to wait for where a test waits for looks, long for a busy machine. */
const LEASE_MS = 2_000;
/** A lease that no test outlives. */
const LONG_LEASE_MS = 600_000;
/** The time between two lists of the shards. */
const LOOK_MS = 100;

/** Processes a batch. The signal is aborted once the lease is lost. */
type Process = (records: readonly StreamRecord[], lost: AbortSignal) => Promise<void>;

/** A reader under way, with what it told so far. */
interface Reader {
  /** Batches that were done, each as its sequence numbers. */
  readonly batches: string[][];
  /** The sequence numbers of all records that were done, in the order in which they were. */
  readonly done: () => string[];
  /** The number of times that records were lost. */
  readonly losses: () => number;
  /** The number of times that the list of shards was noted. */
  readonly listed: () => number;
  /** When the oldest record that waits was written, by shard. */
  readonly waiting: ReadonlyMap<string, number>;
  readonly logs: { readonly details: Record<string, unknown>; readonly message: string }[];
  /** The way in which the last reading of the stream ended. */
  readonly end: () => 'stopped' | 'gone' | undefined;
  readonly stopped: Promise<void>;
  stop(): Promise<void>;
}

/** Starts a reader that reads the stream whenever it has the lease. */
function startReader(
  fake: FakeStreams,
  table: CheckpointTable,
  {
    owner = 'reader',
    leaseMs = LEASE_MS,
    pace = PACE,
    process = async () => {},
    settle = async () => {},
    isNew = true,
  }: {
    owner?: string;
    leaseMs?: number;
    pace?: Pace;
    process?: Process;
    /** Settles a batch, while the next ones are processed. */
    settle?: (records: readonly StreamRecord[]) => Promise<void>;
    isNew?: boolean;
  } = {},
): Reader {
  const stopping = new AbortController();
  const batches: string[][] = [];
  const waiting = new Map<string, number>();
  const logs: Reader['logs'] = [];
  let losses = 0;
  let listed = 0;
  let end: 'stopped' | 'gone' | undefined;
  const log = (details: object, message: string) => logs.push({ details: { ...details }, message });
  const lease = { table, owner, leaseMs, takesOver: false, signal: stopping.signal, log: { info: log, warn: log } };
  const stopped = workUnderLease(lease, async (term, lost) => {
    end = await readStream({
      client: fake.client,
      streamArn: fake.streamArn,
      checkpoints: new Checkpoints(table, fake.streamArn, term),
      isNew,
      pace,
      lookMs: LOOK_MS,
      signal: stopping.signal,
      lost,
      process: async (records) => {
        await process(records, lost);
        batches.push(records.map(sequenceNumberOf));
        return { settled: settle(records) };
      },
      onLoss: async () => {
        losses += 1;
      },
      onListed: async () => {
        listed += 1;
      },
      log: { info: log, warn: log },
      watch: {
        onBatch: () => {},
        onCaughtUp: () => {},
        onWaiting: (shardId, since) => {
          if (since === undefined) waiting.delete(shardId);
          else waiting.set(shardId, since);
        },
        onLeft: (shardId) => waiting.delete(shardId),
      },
    });
    if (end === 'gone') stopping.abort();
  });
  const stop = () => {
    stopping.abort();
    return stopped;
  };
  onTestFinished(stop);
  return {
    batches,
    done: () => batches.flat(),
    losses: () => losses,
    listed: () => listed,
    waiting,
    logs,
    end: () => end,
    stopped,
    stop,
  };
}

function sequenceNumberOf(record: StreamRecord): string {
  return record.dynamodb?.SequenceNumber ?? '';
}

function until<Result>(condition: () => Result | Promise<Result>): Promise<Result> {
  return vi.waitFor(condition, { timeout: 15_000, interval: 10 });
}

async function checkpointsOf(fake: FakeStreams, table: CheckpointTable): Promise<Checkpoint[]> {
  return new Checkpoints(table, fake.streamArn, 0).list();
}

async function checkpointOf(fake: FakeStreams, table: CheckpointTable, shardId: string) {
  return (await checkpointsOf(fake, table)).find((each) => each.shardId === shardId);
}

/** An earlier worker got this far with the shard, and left it. */
async function readBefore(fake: FakeStreams, table: CheckpointTable, shardId: string, checkpoint?: string) {
  const earlier = new Checkpoints(table, fake.streamArn, 1);
  await earlier.claim(shardId);
  if (checkpoint !== undefined) await earlier.save(shardId, checkpoint);
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
  const [fake, table] = [await aFakeStream(), await aCheckpointTable()];
  fake.recordsPerPage = 2;
  const before = fake.addShard('a', 5);

  const reader = startReader(fake, table);
  await until(() => expect(reader.done()).toEqual(before));
  const after = fake.append('a', 3);
  await until(() => expect(reader.done()).toEqual([...before, ...after]));

  await until(async () => expect(await checkpointOf(fake, table, 'a')).toMatchObject({ checkpoint: after.at(-1) }));
});

test('the children of a shard that splits while it is read come after its last record', async () => {
  const [fake, table] = [await aFakeStream(), await aCheckpointTable()];
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
  const [fake, table] = [await aFakeStream(), await aCheckpointTable()];
  fake.addShard('other', 0);
  const ofParent = fake.addShard('parent', 2, { closed: true });
  const ofChild = fake.addShard('child', 2, { parentId: 'parent' });
  const slow = sameTable(table);
  const held = holdCalls(slow, (_, input) => 'Key' in input && (input.Key as { sk: string }).sk === 'other');
  held.hold();

  const reader = startReader(fake, slow, { leaseMs: LONG_LEASE_MS });
  onTestFinished(held.letGo);
  await until(() => expect(held.waiting()).toBe(1));
  await until(() => expect(reader.logs.map(({ message }) => message)).toContain('shard left'));
  held.letGo();
  await until(() => expect(reader.done()).toHaveLength(4));

  expect(reader.done()).toEqual([...ofParent, ...ofChild]);
});

test('shards that split again and again, and change hands: nothing is lost, repeated or out of order', async () => {
  const [fake, table] = [await aFakeStream(), await aCheckpointTable()];
  fake.recordsPerPage = 3;
  fake.shardsPerPage = 2;
  const done: string[] = [];
  const process: Process = async (records) => {
    done.push(...records.map(sequenceNumberOf));
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

test('while the shards cannot be listed, records may wait', async () => {
  const [fake, table] = [await aFakeStream(), await aCheckpointTable()];
  const written = fake.addShard('a', 1);
  const reader = startReader(fake, table);
  await until(() => expect(reader.done()).toEqual(written));
  expect(reader.waiting.has('all')).toBe(false);
  fake.throttle('DescribeStream', 'AccessDeniedException', 40);

  await until(() => expect(reader.waiting.get('all')).toBeLessThanOrEqual(Date.now()));
  fake.throttle('DescribeStream', 'AccessDeniedException', 0);

  await until(() => expect(reader.waiting.has('all')).toBe(false));
}, 120_000);

test('all pages of DescribeStream are read before it is decided which shards may be read', async () => {
  const [fake, table] = [await aFakeStream(), await aCheckpointTable()];
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
  const [fake, table] = [await aFakeStream(), await aCheckpointTable()];
  fake.addShard('parent', 2, { closed: true });
  const written = fake.addShard('child', 3, { parentId: 'parent' });
  fake.deleteShard('parent');

  const reader = startReader(fake, table);
  await until(() => expect(reader.done()).toHaveLength(3));

  expect(reader.done()).toEqual(written);
});

test('a parent that is deleted while its child waits makes way for it', async () => {
  const [fake, table] = [await aFakeStream(), await aCheckpointTable()];
  const ofParent = fake.addShard('parent', 2);
  const ofChild = fake.addShard('child', 2, { parentId: 'parent' });

  const reader = startReader(fake, table);
  await until(() => expect(reader.done()).toEqual(ofParent));
  fake.deleteShard('parent');
  await until(() => expect(reader.done()).toHaveLength(4));

  expect(reader.done()).toEqual([...ofParent, ...ofChild]);
});

test('a child is not read while its parent is open', async () => {
  const [fake, table] = [await aFakeStream(), await aCheckpointTable()];
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
  const [fake, table] = [await aFakeStream(), await aCheckpointTable()];
  const written = fake.addShard('a', 3, { closed: true });
  fake.emptyPages('a', 20);

  const reader = startReader(fake, table);
  await until(async () => expect(await checkpointOf(fake, table, 'a')).toMatchObject({ finished: true }));

  expect(reader.done()).toEqual(written);
  expect(fake.callsOf('GetRecords', 'a')).toHaveLength(21);
});

test('an expired iterator is renewed from the last record that is done: nothing is lost or repeated', async () => {
  const [fake, table] = [await aFakeStream(), await aCheckpointTable()];
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
  const [fake, table] = [await aFakeStream(), await aCheckpointTable()];
  fake.recordsPerPage = 2;
  const written = fake.addShard('a', 6, { closed: true });

  const reader = startReader(fake, table, {
    process: async () => {
      fake.expireIterators();
    },
  });
  await until(async () => expect(await checkpointOf(fake, table, 'a')).toMatchObject({ finished: true }));

  expect(reader.done()).toEqual(written);
});

test('records lost before they were read are told of once; then the shard is read from the horizon', async () => {
  const [fake, table] = [await aFakeStream(), await aCheckpointTable()];
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
  const [fake, table] = [await aFakeStream(), await aCheckpointTable()];
  fake.recordsPerPage = 2;
  const written = fake.addShard('a', 6, { closed: true });
  let batches = 0;

  const reader = startReader(fake, table, {
    process: async () => {
      batches += 1;
      if (batches === 1) fake.trim('a', written[3] ?? '');
    },
  });
  await until(async () => expect(await checkpointOf(fake, table, 'a')).toMatchObject({ finished: true }));

  expect(reader.done()).toEqual([...written.slice(0, 2), ...written.slice(4)]);
  expect(reader.losses()).toBe(1);
});

test('the stream is noted once its shards are listed, and not before', async () => {
  const [fake, table] = [await aFakeStream(), await aCheckpointTable()];
  fake.addShard('a', 3);
  fake.throttle('DescribeStream', 'LimitExceededException', Number.POSITIVE_INFINITY);

  const reader = startReader(fake, table);
  await until(() => expect(fake.callsOf('DescribeStream').length).toBeGreaterThan(2));
  const before = reader.listed();
  fake.throttle('DescribeStream', 'LimitExceededException', 0);
  await until(() => expect(reader.listed()).toBe(1));
  const looks = fake.callsOf('DescribeStream').length;
  await until(() => expect(fake.callsOf('DescribeStream').length).toBeGreaterThan(looks + 2));

  expect([before, reader.listed()]).toEqual([0, 1]);
});

test('a shard that vanished before it was read to its end is told of once, and its lease forgotten', async () => {
  const [fake, table] = [await aFakeStream(), await aCheckpointTable()];
  await readBefore(fake, table, 'vanished', '100000000000000000000');
  const written = fake.addShard('a', 2);

  const reader = startReader(fake, table);
  await until(async () => expect((await checkpointsOf(fake, table)).map(({ shardId }) => shardId)).toEqual(['a']));
  const looks = fake.callsOf('DescribeStream').length;
  await until(() => expect(fake.callsOf('DescribeStream').length).toBeGreaterThan(looks + 2));

  expect(reader.losses()).toBe(1);
  await until(() => expect(reader.done()).toEqual(written));
});

test('a shard that vanished after it was read to its end is forgotten without a word', async () => {
  const [fake, table] = [await aFakeStream(), await aCheckpointTable()];
  fake.addShard('a', 2, { closed: true });
  fake.addShard('b', 2, { parentId: 'a' });

  const reader = startReader(fake, table);
  await until(async () => expect(await checkpointOf(fake, table, 'a')).toMatchObject({ finished: true }));
  fake.deleteShard('a');
  await until(async () => expect((await checkpointsOf(fake, table)).map(({ shardId }) => shardId)).toEqual(['b']));

  expect(reader.losses()).toBe(0);
});

test('a shard that vanishes while it is read, with records unread, is told of and its lease forgotten', async () => {
  const [fake, table] = [await aFakeStream(), await aCheckpointTable()];
  fake.recordsPerPage = 2;
  const written = fake.addShard('vanishing', 4, { closed: true });

  const reader = startReader(fake, table, {
    process: async () => {
      fake.deleteShard('vanishing');
    },
  });
  await until(() => expect(reader.done()).toEqual(written.slice(0, 2)));
  await until(async () => expect(await checkpointsOf(fake, table)).toEqual([]));

  expect(reader.losses()).toBe(1);
});

const OPERATIONS: readonly StreamOperation[] = ['DescribeStream', 'GetShardIterator', 'GetRecords'];
const REFUSALS = ['ProvisionedThroughputExceededException', 'LimitExceededException', 'ThrottlingException'];

test.each(OPERATIONS.flatMap((operation) => REFUSALS.map((refusal) => [operation, refusal] as const)))(
  '%s that fails with %s is tried again, and nothing is lost',
  async (operation, refusal) => {
    const [fake, table] = [await aFakeStream(), await aCheckpointTable()];
    fake.recordsPerPage = 2;
    const ofParent = fake.addShard('parent', 3, { closed: true });
    const ofChild = fake.addShard('child', 3, { parentId: 'parent', closed: true });
    fake.throttle(operation, refusal, 3);

    const reader = startReader(fake, table);
    await until(() => expect(reader.done()).toHaveLength(6));

    expect(reader.done()).toEqual([...ofParent, ...ofChild]);
    const warnings = reader.logs.filter(({ message }) => message.endsWith('trying again'));
    // A page of shards is tried again by itself.
    const count = operation === 'DescribeStream' ? 0 : 3;
    expect(warnings.map(({ details }) => String(details['err']))).toEqual(
      Array.from({ length: count }, () => expect.stringContaining(refusal)),
    );
  },
);

test('throttling in the midst of a shard does not repeat what is done', async () => {
  const [fake, table] = [await aFakeStream(), await aCheckpointTable()];
  fake.recordsPerPage = 2;
  const written = fake.addShard('a', 6, { closed: true });

  const reader = startReader(fake, table, {
    process: async () => {
      fake.throttle('GetRecords', 'ProvisionedThroughputExceededException', 2);
    },
  });
  await until(async () => expect(await checkpointOf(fake, table, 'a')).toMatchObject({ finished: true }));

  expect(reader.done()).toEqual(written);
});

test('a shard has ended when there is no next iterator, not when it has an ending sequence number', async () => {
  const [fake, table] = [await aFakeStream(), await aCheckpointTable()];
  const before = fake.addShard('open', 2, { showsEnd: true });
  const ofChild = fake.addShard('child', 2, { parentId: 'open' });

  const reader = startReader(fake, table);
  await until(() => expect(reader.done()).toEqual(before));
  const reads = fake.callsOf('GetRecords', 'open').length;
  await until(() => expect(fake.callsOf('GetRecords', 'open').length).toBeGreaterThan(reads + 10));
  const whileOpen = await checkpointOf(fake, table, 'open');
  const after = fake.append('open', 2);
  await until(() => expect(reader.done()).toEqual([...before, ...after]));
  fake.close('open');
  await until(() => expect(reader.done()).toHaveLength(6));

  expect(whileOpen).toMatchObject({ finished: false });
  expect(reader.done().slice(4)).toEqual(ofChild);
  expect(await checkpointOf(fake, table, 'open')).toMatchObject({ finished: true });
});

test('a batch whose processing fails comes again, and nothing after it is checkpointed before', async () => {
  const [fake, table] = [await aFakeStream(), await aCheckpointTable()];
  fake.recordsPerPage = 2;
  const written = fake.addShard('a', 6, { closed: true });
  const attempts: string[][] = [];

  startReader(fake, table, {
    process: async (records) => {
      attempts.push(records.map(sequenceNumberOf));
      if (attempts.length === 2) throw new Error('once');
      const checkpoint = (await checkpointOf(fake, table, 'a'))?.checkpoint;
      expect(checkpoint === undefined || checkpoint < sequenceNumberOf(records[0] ?? {})).toBe(true);
    },
  });
  await until(async () => expect(await checkpointOf(fake, table, 'a')).toMatchObject({ finished: true }));

  const [one, two, three] = [written.slice(0, 2), written.slice(2, 4), written.slice(4)];
  expect(attempts).toEqual([one, two, two, three]);
});

test('a batch that does not settle holds up its checkpoint, and not the batches after it', async () => {
  const [fake, table] = [await aFakeStream(), await aCheckpointTable()];
  fake.recordsPerPage = 2;
  const written = fake.addShard('a', 8, { closed: true });
  const gate = aGate();

  const reader = startReader(fake, table, {
    settle: (records) =>
      records.some((each) => sequenceNumberOf(each) === written[2]) ? gate.open : Promise.resolve(),
  });
  await until(() => expect(reader.done()).toEqual(written));
  await until(async () => expect(await checkpointOf(fake, table, 'a')).toMatchObject({ checkpoint: written[1] }));
  const before = await checkpointOf(fake, table, 'a');
  gate.letGo();
  await until(async () => expect(await checkpointOf(fake, table, 'a')).toMatchObject({ finished: true }));

  expect(before).toMatchObject({ checkpoint: written[1], finished: false });
  expect(await checkpointOf(fake, table, 'a')).toMatchObject({ checkpoint: written.at(-1) });
});

test('a shard is read ahead of a batch that does not settle for at most 200 batches', async () => {
  const [fake, table] = [await aFakeStream(), await aCheckpointTable()];
  fake.recordsPerPage = 1;
  const written = fake.addShard('a', 230, { closed: true });
  const gate = aGate();

  const reader = startReader(fake, table, { settle: () => gate.open });
  await until(() => expect(reader.done()).toHaveLength(200));
  const reads = fake.callsOf('DescribeStream').length;
  await until(() => expect(fake.callsOf('DescribeStream').length).toBeGreaterThan(reads + 3));
  const ahead = reader.done().length;
  gate.letGo();

  await until(() => expect(reader.done()).toEqual(written));
  expect(ahead).toBe(200);
});

test('a shard that an earlier worker claimed and never checkpointed may have lost records', async () => {
  const [fake, table] = [await aFakeStream(), await aCheckpointTable()];
  const [, , third = '', ...kept] = fake.addShard('a', 5);
  await readBefore(fake, table, 'a');
  fake.trim('a', third);

  const reader = startReader(fake, table);
  await until(() => expect(reader.done()).toEqual(kept));

  expect(reader.losses()).toBe(1);
});

test('a checkpoint that was deleted by hand is a loss, and the first record of a new child is none', async () => {
  const [fake, table] = [await aFakeStream(), await aCheckpointTable()];
  fake.addShard('a', 2);
  fake.addShard('b', 2);
  const first = startReader(fake, table);
  await until(() => expect(first.done()).toHaveLength(4));
  fake.split('b', ['left', 'right']);
  fake.append('left', 1);
  await until(() => expect(first.done()).toHaveLength(5));
  await first.stop();
  await new Checkpoints(table, fake.streamArn, 1).forget('a');

  const second = startReader(fake, table, { owner: 'second', isNew: false });
  await until(() => expect(second.losses()).toBe(1));

  expect(first.losses()).toBe(0);
});

test('the checkpoint of a child that was deleted by hand is a loss, though its parent is listed and finished', async () => {
  const [fake, table] = [await aFakeStream(), await aCheckpointTable()];
  fake.addShard('parent', 2);
  const first = startReader(fake, table);
  await until(() => expect(first.done()).toHaveLength(2));
  fake.split('parent', ['left', 'right']);
  fake.append('left', 1);
  await until(() => expect(first.done()).toHaveLength(3));
  await first.stop();
  await new Checkpoints(table, fake.streamArn, 1).forget('left');

  const second = startReader(fake, table, { owner: 'second', isNew: false });
  await until(() => expect(second.losses()).toBe(1));

  expect(first.losses()).toBe(0);
});

test('a worker that starts again at once repairs nothing, though its shard is empty', async () => {
  const [fake, table] = [await aFakeStream(), await aCheckpointTable()];
  fake.addShard('a', 0);
  const first = startReader(fake, table);
  await until(async () => expect((await checkpointOf(fake, table, 'a'))?.caughtUpAt).toBeGreaterThan(0));
  await first.stop();

  const second = startReader(fake, table, { owner: 'second', isNew: false });
  await until(() => expect(fake.callsOf('GetRecords').length).toBeGreaterThan(5));

  expect([first.losses(), second.losses()]).toEqual([0, 0]);
});

test('a shard that is listed and cannot be read is looked at no faster than others, and is one loss', async () => {
  const [fake, table] = [await aFakeStream(), await aCheckpointTable()];
  fake.addShard('gone', 1);
  fake.throttle('GetShardIterator', 'ResourceNotFoundException', Number.POSITIVE_INFINITY);

  const reader = startReader(fake, table, { isNew: false });
  await until(() => expect(fake.callsOf('GetShardIterator').length).toBeGreaterThan(3));

  const times = fake.callsOf('GetShardIterator').map(({ at }) => at);
  const waits = times.slice(1).map((at, index) => at - (times[index] ?? 0));
  expect(Math.min(...waits)).toBeGreaterThan(LOOK_MS / 2);
  expect(reader.losses()).toBe(1);
});

test('a checkpoint that cannot be read counts as lost, and the other shards go on', async () => {
  const [fake, table] = [await aFakeStream(), await aCheckpointTable()];
  const written = fake.addShard('a', 2);
  const [done = '', ...others] = fake.addShard('b', 2);
  written.push(...others);
  await readBefore(fake, table, 'b', done);
  const Item = { pk: fake.streamArn, sk: 'a', term: 0, checkpoint: 7 };
  await table.client.send(new PutCommand({ TableName: table.name, Item }));

  const reader = startReader(fake, table, { isNew: false });
  await until(() => expect(reader.done().toSorted()).toEqual(written));

  expect(reader.losses()).toBe(1);
});

test('a shard that an earlier worker found empty within a day has lost nothing', async () => {
  const [fake, table] = [await aFakeStream(), await aCheckpointTable()];
  const written = fake.addShard('a', 2);
  const earlier = new Checkpoints(table, fake.streamArn, 1);
  await earlier.claim('a');
  await earlier.caughtUp('a', Date.now() - 22 * 3_600_000);

  const reader = startReader(fake, table);
  await until(() => expect(reader.done()).toEqual(written));

  expect(reader.losses()).toBe(0);
});

test('2,000 listed shards are read page by page, although DescribeStream is throttled', async () => {
  const [fake, table] = [await aFakeStream(), await aCheckpointTable()];
  for (let shard = 0; shard < 2_000; shard += 1) {
    const id = `old-${String(shard).padStart(4, '0')}`;
    // None of them may be read: each waits for the one before, and the first for the live shard.
    fake.addShard(id, 0, { closed: true, parentId: shard > 0 ? `old-${String(shard - 1).padStart(4, '0')}` : 'live' });
  }
  const earlier = new Checkpoints(table, fake.streamArn, 1);
  await earlier.claim('old-1999');
  await earlier.finish('old-1999');
  const written = fake.addShard('live', 3, { parentId: 'old-1999' });
  fake.throttle('DescribeStream', 'LimitExceededException', 7);

  const reader = startReader(fake, table);
  await until(() => expect(reader.done()).toEqual(written));

  const starts = fake.callsOf('DescribeStream').map(({ input }) => input['ExclusiveStartShardId']);
  // No page that was read is read again because another one was throttled.
  expect(starts.filter((start) => start === undefined).length).toBeLessThanOrEqual(8);
});

test('a shard whose processing takes its time holds up no other', async () => {
  const [fake, table] = [await aFakeStream(), await aCheckpointTable()];
  fake.addShard('slow', 2);
  const written = fake.addShard('quick', 4, { closed: true });
  const gate = aGate();

  const reader = startReader(fake, table, {
    process: async (records) => {
      const isSlow = records.some(({ dynamodb }) => dynamodb?.Keys?.['pk']?.S === 'slow');
      if (isSlow) await gate.open;
    },
  });
  await until(async () => expect(await checkpointOf(fake, table, 'quick')).toMatchObject({ finished: true }));

  expect(reader.done()).toEqual(written);
  gate.letGo();
});

test('a worker that stops gives its lease up: another goes on at once, and only the batch under way comes again', async () => {
  const [fake, table] = [await aFakeStream(), await aCheckpointTable()];
  fake.recordsPerPage = 2;
  const written = fake.addShard('a', 6);
  let batches = 0;
  const first = startReader(fake, table, {
    owner: 'first',
    leaseMs: LONG_LEASE_MS,
    process: async () => {
      batches += 1;
      if (batches === 2) throw new Error('given up');
    },
    pace: { ...PACE, backoffMs: 60_000, maxBackoffMs: 60_000 },
  });
  await until(() => expect(batches).toBe(2));

  await first.stop();
  const second = startReader(fake, table, { owner: 'second', leaseMs: LONG_LEASE_MS });
  await until(() => expect(second.done()).toHaveLength(4));

  expect(first.end()).toBe('stopped');
  expect(first.done()).toEqual(written.slice(0, 2));
  expect(second.done()).toEqual(written.slice(2));
});

test('a worker that is stopped before it began reads nothing', async () => {
  const [fake, table] = [await aFakeStream(), await aCheckpointTable()];
  fake.addShard('a', 2);

  const end = await readStream({
    client: fake.client,
    streamArn: fake.streamArn,
    checkpoints: new Checkpoints(table, fake.streamArn, 1),
    process: async () => ({ settled: Promise.resolve() }),
    onLoss: async () => {},
    log: { info: () => {}, warn: () => {} },
    signal: AbortSignal.abort(),
    lost: new AbortController().signal,
  });

  expect(end).toBe('stopped');
  expect(fake.calls).toEqual([]);
});

test('a second worker stands by, and takes over from one that froze, whose late checkpoint is refused', async () => {
  const [fake, table] = [await aFakeStream(), await aCheckpointTable()];
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
    },
  });
  onTestFinished(() => {
    frozen.letGo();
    gate.letGo();
  });
  await until(() => expect(batches).toBe(2));

  const second = startReader(fake, table, { owner: 'second' });
  await until(() => expect(second.done()).toHaveLength(8 - first.done().length));
  await until(async () => expect(await checkpointOf(fake, table, 'a')).toMatchObject({ checkpoint: written.at(-1) }));
  frozen.letGo();
  gate.letGo();
  await until(() =>
    expect(first.logs.map(({ message }) => message)).toContain('another worker is active, standing by'),
  );

  expect(second.done().slice(-4)).toEqual(written.slice(4));
  expect(await checkpointOf(fake, table, 'a')).toMatchObject({ checkpoint: written.at(-1) });
  const more = fake.append('a', 2);
  await until(() => expect(second.done().slice(-2)).toEqual(more));
  expect(first.done()).not.toContain(more[0]);
});

test('reading ends when the stream is gone', async () => {
  const [fake, table] = [await aFakeStream(), await aCheckpointTable()];
  const written = fake.addShard('a', 2);
  const reader = startReader(fake, table);
  await until(() => expect(reader.done()).toEqual(written));

  fake.deleteStream();

  await reader.stopped;
  expect(reader.end()).toBe('gone');
});

test('a checkpoint table that is missing is not taken for a stream that is gone', async () => {
  const fake = await aFakeStream();
  fake.addShard('a', 2);

  const reader = startReader(fake, sameTable({ name: 'missing' }));
  await until(() => {
    expect(reader.logs.filter(({ message }) => message.endsWith('trying again')).length).toBeGreaterThan(1);
  });

  expect(reader.end()).toBeUndefined();
});

test('at its usual pace a reader asks for the records of a shard at most five times a second', async () => {
  const [fake, table] = [await aFakeStream(), await aCheckpointTable()];
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

describe('records that may have been trimmed before a shard was read for the first time are a loss', () => {
  const afterHours = (hours: number) => {
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    vi.setSystemTime(Date.now() + hours * 3_600_000);
  };

  test.each([
    [1, 0],
    [30, 1],
  ])('if the shards could not be listed for %i hours: %i', async (hours, losses) => {
    const fake = await aFakeStream();
    const written = fake.addShard('a', 6);
    fake.throttle('DescribeStream', 'AccessDeniedException', Number.POSITIVE_INFINITY);
    const reader = startReader(fake, await aCheckpointTable());
    await until(() => expect(fake.calls.map(({ operation }) => operation)).toContain('DescribeStream'));
    afterHours(hours);
    fake.throttle('DescribeStream', 'AccessDeniedException', 0);
    await until(() => expect(reader.done()).toEqual(written));

    expect(reader.losses()).toBe(losses);
  });

  test.each([
    [1, 0],
    [30, 1],
  ])('if a shard that was found could not be read for %i hours: %i', async (hours, losses) => {
    const fake = await aFakeStream();
    const written = fake.addShard('a', 6);
    fake.throttle('GetRecords', 'AccessDeniedException', Number.POSITIVE_INFINITY);
    const reader = startReader(fake, await aCheckpointTable(), { leaseMs: LONG_LEASE_MS });
    await until(() => expect(fake.calls.map(({ operation }) => operation)).toContain('GetRecords'));
    afterHours(hours);
    fake.throttle('GetRecords', 'AccessDeniedException', 0);
    await until(() => expect(reader.done()).toEqual(written));

    expect(reader.losses()).toBe(losses);
  });

  const isRead = ({ operation }: { readonly operation: string }) => operation === 'GetRecords';

  test.each([
    [1, 0],
    [26, 1],
  ])('if the parent’s last batch took %i hours to settle: %i', async (hours, losses) => {
    const fake = await aFakeStream();
    const ofParent = fake.addShard('parent', 2);
    let letGo = () => {};
    const gate = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const reader = startReader(fake, await aCheckpointTable(), { settle: () => gate });
    await until(() => expect(reader.done()).toEqual(ofParent));
    fake.close('parent');
    // An open shard is read every 10 ms.
    await until(() => expect(performance.now() - (fake.calls.findLast(isRead)?.at ?? 0)).toBeGreaterThan(200));
    const ofChild = fake.addShard('child', 6, { parentId: 'parent' });
    afterHours(hours);
    letGo();
    await until(() => expect(reader.done()).toEqual([...ofParent, ...ofChild]));

    expect(reader.losses()).toBe(losses);
  });
});
