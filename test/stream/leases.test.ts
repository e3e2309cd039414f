import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  compareSequenceNumbers,
  type DeadLetter,
  forgetDeadLetter,
  keepDeadLetter,
  listDeadLetters,
} from '../../src/stream/dead-letters.ts';
import { type Lease, Leases, type LeaseTable, LeaseWatch } from '../../src/stream/leases.ts';
import { aLeaseTable } from '../support/lease-table.ts';

const STREAM = 'arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/1';

/** An owner who took the shard, and another who may take it over. */
async function anOwnerAndAnother(shardId: string): Promise<{ table: LeaseTable; owner: Leases; other: Leases }> {
  const table = await aLeaseTable();
  const owner = new Leases(table, STREAM, 'owner');
  expect(await owner.take(shardId, undefined)).toBeDefined();
  return { table, owner, other: new Leases(table, STREAM, 'other') };
}

async function leaseOf(leases: Leases, shardId: string): Promise<Lease | undefined> {
  return (await leases.list()).find((lease) => lease.shardId === shardId);
}

test('of twenty who take a new shard at once, one gets it', async () => {
  const table = await aLeaseTable();
  const crowd = Array.from({ length: 20 }, (_, index) => new Leases(table, STREAM, `owner-${index}`));

  const taken = await Promise.all(crowd.map((leases) => leases.take('shard', undefined)));

  expect(taken.filter(Boolean)).toHaveLength(1);
  expect(await crowd[0]?.list()).toMatchObject([{ owner: `owner-${taken.findIndex(Boolean)}`, counter: 1 }]);
});

test('of twenty who take over the same lease at once, one gets it, with its checkpoint', async () => {
  const { table, owner } = await anOwnerAndAnother('shard');
  await owner.checkpoint('shard', '7');
  const seen = await leaseOf(owner, 'shard');
  const crowd = Array.from({ length: 20 }, (_, index) => new Leases(table, STREAM, `owner-${index}`));

  const taken = await Promise.all(crowd.map((leases) => leases.take('shard', seen)));

  expect(taken.filter(Boolean)).toHaveLength(1);
  expect(await owner.list()).toMatchObject([
    { owner: `owner-${taken.findIndex(Boolean)}`, counter: 2, checkpoint: '7', finished: false },
  ]);
});

test('a lease that was renewed since it was seen is not taken', async () => {
  const { owner, other } = await anOwnerAndAnother('shard');
  const seen = await leaseOf(other, 'shard');

  await owner.renew('shard');
  const taken = await other.take('shard', seen);

  expect(taken).toBeUndefined();
  expect(await leaseOf(other, 'shard')).toMatchObject({ owner: 'owner' });
});

test('a shard that was read to its end since it was seen is not taken', async () => {
  const { owner, other } = await anOwnerAndAnother('shard');
  const seen = await leaseOf(other, 'shard');

  await owner.finish('shard');
  const taken = [await owner.take('shard', seen), await other.take('shard', seen)];

  expect(taken).toEqual([undefined, undefined]);
  expect(await leaseOf(owner, 'shard')).toMatchObject({ owner: undefined, finished: true });
});

test('an owner renews, checkpoints and finishes; the shard is then nobody’s', async () => {
  const { owner } = await anOwnerAndAnother('shard');

  const held = [await owner.renew('shard'), await owner.checkpoint('shard', '5'), await owner.finish('shard')];
  const lease = await leaseOf(owner, 'shard');

  expect(held).toEqual([true, true, true]);
  expect(lease).toMatchObject({ owner: undefined, checkpoint: '5', finished: true });
  expect(lease && owner.isMine(lease)).toBe(false);
});

test.each([
  ['renew', (leases: Leases) => leases.renew('shard')],
  ['checkpoint', (leases: Leases) => leases.checkpoint('shard', '3')],
  ['finish', (leases: Leases) => leases.finish('shard')],
  ['release', (leases: Leases) => leases.release('shard')],
])('%s by an owner who lost the shard is refused and changes nothing', async (_, operation) => {
  const { owner, other } = await anOwnerAndAnother('shard');
  await owner.checkpoint('shard', '5');
  await other.take('shard', await leaseOf(other, 'shard'));
  const before = await owner.list();

  const held = await operation(owner);

  expect(held).toBe(false);
  expect(await owner.list()).toEqual(before);
  expect(before).toMatchObject([{ owner: 'other', checkpoint: '5' }]);
});

test.each([
  ['renew', (leases: Leases) => leases.renew('shard')],
  ['checkpoint', (leases: Leases) => leases.checkpoint('shard', '3')],
  ['finish', (leases: Leases) => leases.finish('shard')],
  ['release', (leases: Leases) => leases.release('shard')],
])('%s of a shard that was forgotten is refused and does not bring it back', async (_, operation) => {
  const { owner } = await anOwnerAndAnother('shard');
  await owner.forget('shard');

  const held = await operation(owner);

  expect(held).toBe(false);
  expect(await owner.list()).toEqual([]);
});

test('a released shard can be taken at once, and keeps its checkpoint', async () => {
  const { owner, other } = await anOwnerAndAnother('shard');
  await owner.checkpoint('shard', '5');

  const released = await owner.release('shard');
  const lease = await leaseOf(other, 'shard');
  const isFree = lease && new LeaseWatch(60_000).isFree(lease, 0);
  const taken = await other.take('shard', lease);

  expect([released, isFree]).toEqual([true, true]);
  expect(taken).toMatchObject({ owner: 'other', checkpoint: '5' });
  expect(await leaseOf(other, 'shard')).toMatchObject({ owner: 'other', checkpoint: '5', finished: false });
});

test('a lease that was released and taken since it was seen is not taken on what was seen', async () => {
  const { table, owner, other } = await anOwnerAndAnother('shard');
  const late = new Leases(table, STREAM, 'late');
  const seen = await leaseOf(late, 'shard');

  await owner.release('shard');
  await other.take('shard', await leaseOf(other, 'shard'));
  const taken = await late.take('shard', seen);

  expect(taken).toBeUndefined();
});

test('the leases of another stream are others', async () => {
  const { table, owner } = await anOwnerAndAnother('shard');
  await owner.checkpoint('shard', '5');
  const elsewhere = new Leases(table, STREAM.replace(/1$/, '2'), 'owner');

  const before = await elsewhere.list();
  const taken = await elsewhere.take('shard', undefined);
  await elsewhere.forget('shard');

  expect(before).toEqual([]);
  expect(taken).toMatchObject({ owner: 'owner', checkpoint: undefined });
  expect(await owner.list()).toMatchObject([{ shardId: 'shard', checkpoint: '5' }]);
});

function aLease(lease: Partial<Lease>): Lease {
  return { shardId: 'shard', owner: 'owner', counter: 1, checkpoint: undefined, finished: false, ...lease };
}

test('a lease without an owner is free at first sight', () => {
  expect(new LeaseWatch(1_000).isFree(aLease({ owner: undefined }), 0)).toBe(true);
});

test('a lease is free when its counter stood still for its duration, not before', () => {
  const watch = new LeaseWatch(1_000);

  const looks = [500, 900, 1_499, 1_500, 2_000].map((now) => watch.isFree(aLease({}), now));

  expect(looks).toEqual([false, false, false, true, true]);
});

test('a counter that moves begins the duration anew', () => {
  const watch = new LeaseWatch(1_000);

  const looks = [
    watch.isFree(aLease({ counter: 1 }), 0),
    watch.isFree(aLease({ counter: 2 }), 999),
    watch.isFree(aLease({ counter: 2 }), 1_998),
    watch.isFree(aLease({ counter: 2 }), 1_999),
  ];

  expect(looks).toEqual([false, false, false, true]);
});

test('a lease seen for the first time is not free, however late that is', () => {
  expect(new LeaseWatch(1_000).isFree(aLease({}), 1_000_000)).toBe(false);
});

test('a lease that moves is never free, and each shard is watched by itself', () => {
  const watch = new LeaseWatch(1_000);
  const still = aLease({ shardId: 'still' });

  const looks = [0, 1_000, 2_000].map((now, counter) => [
    watch.isFree(aLease({ shardId: 'moving', counter }), now),
    watch.isFree(still, now),
  ]);

  expect(looks).toEqual([
    [false, false],
    [false, true],
    [false, true],
  ]);
});

function aLetter(letter: Partial<DeadLetter> = {}): DeadLetter {
  return {
    sequenceNumber: '100000000000000000001',
    record: { eventID: 'event', dynamodb: { SequenceNumber: '100000000000000000001' } },
    reason: 'malformed',
    attempts: 1,
    setAsideAt: '2026-03-01T09:30:00.000Z',
    ...letter,
  };
}

test('a dead letter that is kept twice is there once, as it was kept last', async () => {
  const table = await aLeaseTable();

  await keepDeadLetter(table, STREAM, aLetter({ attempts: 1 }));
  await keepDeadLetter(table, STREAM, aLetter({ attempts: 2 }));

  expect(await listDeadLetters(table, STREAM)).toEqual([aLetter({ attempts: 2 })]);
});

test('a dead letter holds the whole record, binary values and dates too', async () => {
  const table = await aLeaseTable();
  const binary = Uint8Array.from([0, 1, 127, 128, 255]);
  const record: DeadLetter['record'] = {
    eventID: 'event',
    eventName: 'INSERT',
    dynamodb: {
      ApproximateCreationDateTime: new Date('2026-03-01T09:30:00.000Z'),
      Keys: { pk: { S: 'GRP#1' }, sk: { B: binary } },
      NewImage: {
        text: { S: 'ünï\u0000' },
        number: { N: '12345678901234567890' },
        binary: { B: binary },
        buffer: { B: new Uint8Array() },
        binaries: { BS: [binary, Uint8Array.from([1])] },
        base64: { S: 'AAEC' },
        nested: { M: { base64: { S: 'AAEC' }, list: { L: [{ B: binary }, { NULL: true }, { BOOL: false }] } } },
        createdAt: { S: '2026-03-01T09:30:00.000Z' },
      },
      SequenceNumber: '100000000000000000001',
      SizeBytes: 7,
    },
  };

  await keepDeadLetter(table, STREAM, aLetter({ record }));

  expect(await listDeadLetters(table, STREAM)).toStrictEqual([aLetter({ record })]);
});

test('a binary value that came as a Buffer is kept as its bytes', async () => {
  const table = await aLeaseTable();
  const record = { dynamodb: { NewImage: { binary: { B: Buffer.from([1, 2, 255]) } } } };

  await keepDeadLetter(table, STREAM, aLetter({ record }));
  const [letter] = await listDeadLetters(table, STREAM);

  expect(letter?.record.dynamodb?.NewImage?.['binary']?.B).toStrictEqual(Uint8Array.from([1, 2, 255]));
});

test('dead letters are listed in the order of their sequence numbers as numbers', async () => {
  const table = await aLeaseTable();
  const ordered = ['9', '10', '99', '100000000000000000000', '100000000000000000001', '1000000000000000000000'];

  for (const sequenceNumber of [...ordered].sort()) await keepDeadLetter(table, STREAM, aLetter({ sequenceNumber }));

  const letters = await listDeadLetters(table, STREAM);
  expect(letters.map(({ sequenceNumber }) => sequenceNumber)).toEqual(ordered);
});

test('dead letters are a stream’s own, are no leases, and can be forgotten one by one', async () => {
  const table = await aLeaseTable();
  await keepDeadLetter(table, STREAM, aLetter({ sequenceNumber: '9' }));
  await keepDeadLetter(table, STREAM, aLetter({ sequenceNumber: '10' }));

  await forgetDeadLetter(table, STREAM, '9');

  expect(await listDeadLetters(table, STREAM)).toMatchObject([{ sequenceNumber: '10' }]);
  expect(await listDeadLetters(table, `${STREAM}${randomUUID()}`)).toEqual([]);
  expect(await new Leases(table, STREAM, 'owner').list()).toEqual([]);
});

test('sequence numbers of up to 40 digits compare as numbers, padded or not', () => {
  const max = 10n ** 40n - 1n;

  fc.assert(
    fc.property(fc.bigInt(0n, max), fc.bigInt(0n, max), fc.boolean(), (a, b, padded) => {
      const left = padded ? String(a).padStart(40, '0') : String(a);

      expect(Math.sign(compareSequenceNumbers(left, String(b)))).toBe(a === b ? 0 : a < b ? -1 : 1);
    }),
  );
});
