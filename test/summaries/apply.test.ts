import { randomUUID } from 'node:crypto';
import { DeleteCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import { expect, test } from 'vitest';
import type { Message, User } from '../../src/model.ts';
import { applyRecords, type TableRecord } from '../../src/summaries/apply.ts';
import { messageItem } from '../../src/table/items.ts';
import { profileKey, summaryKey } from '../../src/table/keys.ts';
import { advanceReadSequence, getSummary } from '../../src/table/summaries.ts';
import type { EngineCall, Table } from '../../src/table/table.ts';
import { timeout } from '../support/faults.ts';
import { groupIdOf, sendAs, users } from '../support/groups.ts';
import { aTable } from '../support/table.ts';

function aMessage(senderId: string, sequence: number): Message {
  return { id: randomUUID(), sequence, senderId, body: 'short', createdAt: '2126-03-01T09:30:00.000Z' };
}

function recordOf(messageGroupId: string, message: Message): TableRecord {
  return { dynamodb: { NewImage: marshall(messageItem(messageGroupId, message)) } };
}

/** A pair with message 1, and another message, which is not in the log. */
async function aPair(more: object = {}) {
  const table = await aTable();
  const [ann, ben] = users(2) as [User, User];
  await sendAs(table, [ann, ben], ann, 'one');
  const messageGroupId = groupIdOf([ann, ben]);
  const record = (sk: string, attributes: object = {}): TableRecord => ({
    dynamodb: {
      NewImage: marshall({ ...messageItem(messageGroupId, aMessage(ann.id, 2)), ...more, ...attributes, sk }),
    },
  });
  const lastSequence = async () =>
    (await getSummary(table, ben.id, messageGroupId, { consistent: true }))?.lastSequence;
  return { table, ann, ben, messageGroupId, record, lastSequence };
}

test.each([
  ['another sequence than its sort key', 'MSG#000000000002', { sequence: 9007199254740991 }],
  ['a sort key without a number', 'MSG#000000000002#note', {}],
])('a message with %s is a dead letter, and moves no summary', async (_, sk, attributes) => {
  const { table, record, lastSequence } = await aPair();

  const { dead, failed } = await applyRecords(table, [record(sk, attributes)]);

  expect([dead.length, failed]).toEqual([1, []]);
  expect(await lastSequence()).toBe(1);
});

test('the summaries of one person that hang delay those of others by one deadline', async () => {
  const table = await aTable();
  const [ben, ...others] = users(71) as [User, ...User[]];
  const records: TableRecord[] = [];
  for (const other of others) {
    await sendAs(table, [ben, other], other, 'one');
    records.push(recordOf(groupIdOf([ben, other]), aMessage(other.id, 2)));
  }
  let hanging = 0;
  const hangs = {
    ...table,
    call: async (...args: Parameters<Table['call']>) => {
      if (args[0] !== 'UpdateItem' || !JSON.stringify(args[1]).includes(`USR#${ben.id}`)) return table.call(...args);
      hanging += 1;
      await new Promise((resolve) => setTimeout(resolve, 50));
      throw timeout();
    },
  } as Table;

  const { failed } = await applyRecords(hangs, records);

  expect(failed).toHaveLength(70);
  expect(hanging).toBeLessThanOrEqual(32);
}, 60_000);

/** The keys of a record that has none. */
const KEYS = { sequenceNumber: '0', itemKey: { pk: '', sk: '' } };

test('revision 0 is no revision, also where the summary is missing', async () => {
  const { table, ben, messageGroupId, record, lastSequence } = await aPair({ revision: 0 });
  await table.client.send(new DeleteCommand({ TableName: table.name, Key: summaryKey(ben.id, messageGroupId) }));

  const { failed } = await applyRecords(table, [record('MSG#000000000002')]);

  expect(failed).toEqual([]);
  expect(await lastSequence()).toBe(2);
});

test('a missing summary is made only if the profile is in the table, whatever was cached', async () => {
  const { table, ann, ben, messageGroupId, record, lastSequence } = await aPair();
  await applyRecords(table, [record('MSG#000000000002')]);
  const keys = [profileKey(messageGroupId), ...[ann, ben].map(({ id }) => summaryKey(id, messageGroupId))];
  for (const Key of keys) await table.client.send(new DeleteCommand({ TableName: table.name, Key }));

  const { dead, failed } = await applyRecords(table, [record('MSG#000000000002')]);

  expect([failed, new Set(dead.map(({ reason }) => reason))]).toEqual([
    [],
    new Set([`Group ${messageGroupId} has no profile that can be read`]),
  ]);
  expect(await lastSequence()).toBeUndefined();
});

test('E: a batch of 500 messages of one group costs one BatchGetItem and one update of 3 WCU for each member', async () => {
  const calls: EngineCall[] = [];
  const table = await aTable((call) => calls.push(call));
  const [ann, ben, cyd] = users(3) as [User, User, User];
  const members = [ann, ben, cyd];
  const messageGroupId = groupIdOf(members);
  await sendAs(table, members, ann, 'hello');
  const records = Array.from({ length: 500 }, (_, index) =>
    recordOf(messageGroupId, aMessage(index % 2 ? ann.id : ben.id, index + 2)),
  );
  calls.length = 0;

  const { failed, dead } = await applyRecords(table, records);

  expect([failed, dead]).toEqual([[], []]);
  expect(calls.map(({ operation, capacityUnits }) => `${operation} ${capacityUnits}`).sort()).toEqual([
    'BatchGetItem 0.5',
    'UpdateItem 3',
    'UpdateItem 3',
    'UpdateItem 3',
  ]);
  const summaries = await Promise.all(members.map(({ id }) => getSummary(table, id, messageGroupId)));
  expect(summaries.map((summary) => [summary?.lastSequence, summary?.readSequence])).toEqual([
    [501, 501],
    [501, 500],
    [501, 0],
  ]);
});

test('a reader ahead of the worker stays ahead, at one update more', async () => {
  const calls: EngineCall[] = [];
  const table = await aTable((call) => calls.push(call));
  const members = users(2) as [User, User];
  const [ann] = members;
  const messageGroupId = groupIdOf(members);
  await sendAs(table, members, ann, 'hello');
  await advanceReadSequence(table, ann.id, messageGroupId, 5);
  calls.length = 0;

  await applyRecords(table, [recordOf(messageGroupId, aMessage(ann.id, 3))]);

  expect(await getSummary(table, ann.id, messageGroupId)).toMatchObject({ lastSequence: 3, readSequence: 5 });
  expect(calls.filter(({ operation }) => operation === 'UpdateItem')).toHaveLength(3);
});

test('a summary that is missing is made again', async () => {
  const table = await aTable();
  const members = users(2) as [User, User];
  const [ann, ben] = members;
  const messageGroupId = groupIdOf(members);
  await sendAs(table, members, ann, 'hello');
  await table.client.send(new DeleteCommand({ TableName: table.name, Key: summaryKey(ben.id, messageGroupId) }));

  const { failed, dead } = await applyRecords(table, [recordOf(messageGroupId, aMessage(ann.id, 2))]);

  expect([failed, dead]).toEqual([[], []]);
  expect(await getSummary(table, ben.id, messageGroupId)).toMatchObject({ lastSequence: 2, readSequence: 0 });
});

test('records that can never be applied are told from those beside them, with a reason', async () => {
  const table = await aTable();
  const members = users(2) as [User, User];
  const messageGroupId = groupIdOf(members);
  await sendAs(table, members, members[0], 'hello');
  const good = recordOf(messageGroupId, aMessage(members[0].id, 2));
  const malformed = { dynamodb: { NewImage: { ...good.dynamodb?.NewImage, sequence: { S: 'two' } } } };
  const orphan = recordOf(randomUUID(), aMessage(members[0].id, 1));

  const { failed, dead } = await applyRecords(table, [malformed, good, orphan]);

  expect(failed).toEqual([]);
  expect(dead).toEqual([
    { ...KEYS, reason: expect.stringContaining('is no message') },
    { ...KEYS, reason: expect.stringContaining('has no profile') },
  ]);
  expect(await getSummary(table, members[1].id, messageGroupId)).toMatchObject({ lastSequence: 2 });
});

test('a malformed profile stops its own group alone', async () => {
  const table = await aTable();
  const [ann, ben, cyd] = users(3) as [User, User, User];
  const [broken, sound] = [
    [ann, ben],
    [ann, cyd],
  ];
  for (const members of [broken, sound]) await sendAs(table, members as User[], ann, 'hello');
  const [brokenId, soundId] = [groupIdOf(broken as User[]), groupIdOf(sound as User[])];
  await table.client.send(
    new PutCommand({ TableName: table.name, Item: { ...profileKey(brokenId), memberIds: 'nobody' } }),
  );
  const records = [recordOf(brokenId, aMessage(ann.id, 2)), recordOf(soundId, aMessage(ann.id, 2))];

  const { failed, dead } = await applyRecords(table, records);

  expect(failed).toEqual([]);
  expect(dead).toEqual([{ ...KEYS, reason: expect.stringContaining('has no profile that can be read') }]);
  expect(await getSummary(table, cyd.id, soundId)).toMatchObject({ lastSequence: 2 });
});

test.each([
  ['a timeout', timeout],
  ['AccessDenied', () => Object.assign(new Error('no'), { name: 'AccessDeniedException' })],
  ['an error of ours', () => new TypeError('undefined is not a function')],
])('a write that fails with %s is no dead letter, and stops no other member', async (_, error) => {
  const table = await aTable();
  const members = users(2) as [User, User];
  const messageGroupId = groupIdOf(members);
  await sendAs(table, members, members[0], 'hello');
  const { call } = table;
  const failing = {
    ...table,
    call: (...[operation, input, limits]: Parameters<typeof call>) => {
      const isBens = JSON.stringify(input).includes(`USR#${members[1].id}`);
      return operation === 'UpdateItem' && isBens ? Promise.reject(error()) : call(operation, input, limits);
    },
  } as Table;

  const { written, failed, dead } = await applyRecords(failing, [recordOf(messageGroupId, aMessage(members[0].id, 2))]);

  expect([written, dead]).toEqual([1, []]);
  expect(failed).toMatchObject([{ userId: members[1].id, change: { messageGroupId } }]);
});

test('a profile that cannot be read now leaves its group to be retried, and no other', async () => {
  const table = await aTable();
  const [ann, ben, cyd] = users(3) as [User, User, User];
  const groups = [[ann, ben] as [User, User], [ann, cyd] as [User, User]] as const;
  for (const members of groups) await sendAs(table, members, ann, 'hello');
  const [hot, cold] = groups.map((members) => groupIdOf(members)) as [string, string];
  const { call } = table;
  const failing = {
    ...table,
    call: (...[operation, input, limits]: Parameters<typeof call>) =>
      JSON.stringify(input).includes(`GRP#${hot}`) && operation.startsWith('BatchGet')
        ? Promise.reject(timeout())
        : call(operation, input, limits),
  } as Table;

  const { failed, dead } = await applyRecords(failing, [
    recordOf(hot, aMessage(ann.id, 2)),
    recordOf(cold, aMessage(ann.id, 2)),
  ]);

  expect(dead).toEqual([]);
  expect(failed).toMatchObject([{ userId: undefined, change: { messageGroupId: hot } }]);
  expect(await getSummary(table, cyd.id, cold)).toMatchObject({ lastSequence: 2 });
});

test('a record of a group that lost its profile is one dead letter, however many members the group has', async () => {
  const table = await aTable();
  const members = users(20);
  const [ann] = members as [User, ...User[]];
  const messageGroupId = groupIdOf(members);
  await sendAs(table, members, ann, 'hello');
  await applyRecords(table, [recordOf(messageGroupId, aMessage(ann.id, 2))]);
  for (const { id } of members)
    await table.client.send(new DeleteCommand({ TableName: table.name, Key: summaryKey(id, messageGroupId) }));
  await table.client.send(new DeleteCommand({ TableName: table.name, Key: profileKey(messageGroupId) }));

  const { dead } = await applyRecords(table, [recordOf(messageGroupId, aMessage(ann.id, 3))]);

  expect(dead).toHaveLength(1);
});
