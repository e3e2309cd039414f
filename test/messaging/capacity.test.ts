import { DescribeTableCommand } from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';
import type { Table } from '../../src/table/table.ts';
import { anApi, type TestApi, useApi } from '../support/api.ts';
import { createMessage, listMessages, send, startGroup } from '../support/operations.ts';
import type { Person } from '../support/people.ts';

useApi();

/** What the engine was asked since the last look: each call as `operation units`. */
function callsOf(api: TestApi): string[] {
  return api.calls.splice(0).map(({ operation, capacityUnits }) => `${operation} ${capacityUnits}`);
}

/** Lets the person pass for the group, as the first request of a member does in each process. */
async function letPass(api: TestApi, person: Person, messageGroupId: string): Promise<void> {
  await listMessages(api, person, { messageGroupId, first: 1 });
}

/** Its tables are in a region of its own. */
async function isDynamodbLocal({ client, name }: Table): Promise<boolean> {
  const { Table: table } = await client.send(new DescribeTableCommand({ TableName: name }));
  return table?.TableArn?.startsWith('arn:aws:dynamodb:ddblocal:') ?? false;
}

test('A: a first page of 20 short messages is one Query', async () => {
  const api = await anApi();
  const people = await api.people(2);
  const messageGroupId = await startGroup(api, people);
  for (let count = 0; count < 25; count += 1) await send(api, people[0], { messageGroupId }, 'short');
  callsOf(api);

  await listMessages(api, people[1], { messageGroupId });
  const first = callsOf(api);
  const { edges } = await listMessages(api, people[1], { messageGroupId });

  expect(edges).toHaveLength(20);
  // A member's first request in a process reads the profile before the page.
  expect(first).toEqual(['GetItem 0.5', 'Query 0.5']);
  // The profile and 20 messages of some 190 bytes each: just below 4 KB.
  expect(callsOf(api)).toEqual(['Query 0.5']);
});

test('who started a group reads its first page by one Query', async () => {
  const api = await anApi();
  const people = await api.people(2);
  const messageGroupId = await startGroup(api, people);
  callsOf(api);

  await listMessages(api, people[0], { messageGroupId });

  expect(callsOf(api)).toEqual(['Query 0.5']);
});

test('A: an older page is a Query and a GetItem', async () => {
  const api = await anApi();
  const people = await api.people(2);
  const messageGroupId = await startGroup(api, people);
  await send(api, people[0], { messageGroupId });
  const { startCursor } = (await listMessages(api, people[0], { messageGroupId, first: 1 })).pageInfo;
  await letPass(api, people[1], messageGroupId);
  callsOf(api);

  await listMessages(api, people[1], { messageGroupId, after: startCursor ?? '' });

  expect(callsOf(api).sort()).toEqual(['GetItem 0.5', 'Query 0.5']);
});

test('A’: an idle poll is one Query of 0.5 RCU, and so is one with a few new messages', async () => {
  const api = await anApi();
  const people = await api.people(2);
  const messageGroupId = await startGroup(api, people);
  const before = (await listMessages(api, people[0], { messageGroupId })).pageInfo.startCursor ?? '';
  callsOf(api);

  await listMessages(api, people[0], { messageGroupId, last: 20, before });
  const idle = callsOf(api);
  for (let count = 0; count < 3; count += 1) await send(api, people[1], { messageGroupId });
  callsOf(api);
  const { edges } = await listMessages(api, people[0], { messageGroupId, last: 20, before });

  expect(idle).toEqual(['Query 0.5']);
  expect(edges).toHaveLength(3);
  expect(callsOf(api)).toEqual(['Query 0.5']);
});

test('A’: a poll that finds more than fits needs a GetItem for the profile', async () => {
  const api = await anApi();
  const people = await api.people(2);
  const messageGroupId = await startGroup(api, people);
  const before = (await listMessages(api, people[0], { messageGroupId })).pageInfo.startCursor ?? '';
  for (let count = 0; count < 3; count += 1) await send(api, people[1], { messageGroupId });
  callsOf(api);

  const { edges, pageInfo } = await listMessages(api, people[0], { messageGroupId, last: 2, before });

  expect(edges.map(({ node }) => node.sequence)).toEqual([3, 2]);
  expect(pageInfo.hasPreviousPage).toBe(true);
  expect(callsOf(api)).toEqual(['Query 0.5', 'GetItem 0.5']);
});

test('B: the inbox is one Query, and one BatchGetItem more when createdAt is asked for', async () => {
  const api = await anApi();
  const [ann, ...others] = await api.people(4);
  for (const other of others) await startGroup(api, [ann, other]);
  callsOf(api);

  await api.ask(
    ann,
    '{ messageGroups { edges { node { id kind unreadCount members { handle } lastMessage { body } } } } }',
  );
  const inbox = callsOf(api);
  await api.ask(ann, '{ messageGroups { edges { node { createdAt } } } }');

  expect(inbox).toEqual(['Query 0.5']);
  expect(callsOf(api)).toEqual(['Query 0.5', 'BatchGetItem 1.5']);
});

test('C: a message into a group is 0.5 RCU and 1 WCU', async () => {
  const api = await anApi();
  const people = await api.people(2);
  const messageGroupId = await startGroup(api, people);
  await letPass(api, people[1], messageGroupId);
  callsOf(api);

  await send(api, people[1], { messageGroupId }, 'short');

  expect(callsOf(api)).toEqual(['Query 0.5', 'PutItem 1', 'UpdateItem 3']);
});

test('B: a page of 20 groups of two is 1.5 RCU', async () => {
  const api = await anApi();
  const [ann, ...others] = await api.people(22);
  for (const other of others)
    await startGroup(api, [ann, other], 'A message of an ordinary length, as people write them.');
  callsOf(api);

  await api.ask(ann, '{ messageGroups(first: 20) { edges { node { id } } } }');

  expect(callsOf(api)).toEqual(['Query 1.5']);
});

test('C: a message to people whose group is there costs the same', async () => {
  const api = await anApi();
  const people = await api.people(2);
  await startGroup(api, people);
  callsOf(api);

  await send(api, people[1], { recipientHandles: [people[0].handle] }, 'short');

  expect(callsOf(api)).toEqual(['Query 0.5', 'PutItem 1', 'UpdateItem 3']);
});

test('C’: with a clientMessageId it is 0.5 RCU and 4 WCU', async () => {
  const api = await anApi();
  const people = await api.people(2);
  const messageGroupId = await startGroup(api, people);
  await letPass(api, people[1], messageGroupId);
  callsOf(api);

  await send(api, people[1], { messageGroupId }, 'short', 'my-id');

  expect(callsOf(api)).toEqual(['Query 0.5', 'TransactWriteItems 4', 'UpdateItem 3']);
});

test('D: a message that starts a group of two is 10 WCU, and 12 with a clientMessageId', async () => {
  const api = await anApi();
  const [ann, ben, cyd] = await api.people(3);

  await send(api, ann, { recipientHandles: [ben.handle] }, 'short');
  const plain = callsOf(api);
  await send(api, ann, { recipientHandles: [cyd.handle] }, 'short', 'my-id');

  const withId = callsOf(api);
  if (await isDynamodbLocal(api.table)) {
    // Its figures say nothing here: none for a Query that finds nothing, which AWS bills as the smallest read, and for a transaction the
    // same, however many items it writes.
    const start = [expect.stringMatching(/^Query /), expect.stringMatching(/^TransactWriteItems /)];
    expect([plain, withId]).toEqual([start, start]);
    return;
  }
  expect(plain).toEqual(['Query 0.5', 'TransactWriteItems 10']);
  expect(withId).toEqual(['Query 0.5', 'TransactWriteItems 12']);
});

test('reading a group is a Query and a GetItem, marking it as read a Query and an UpdateItem', async () => {
  const api = await anApi();
  const people = await api.people(2);
  const messageGroupId = await startGroup(api, people);
  await letPass(api, people[1], messageGroupId);
  callsOf(api);

  await api.ask(people[1], `{ messageGroup(id: "${messageGroupId}") { createdAt unreadCount } }`);
  const reading = callsOf(api).sort();
  await api.ask(
    people[1],
    `mutation { markMessageGroupRead(input: { messageGroupId: "${messageGroupId}", sequence: 1 }) { messageGroup { unreadCount } } }`,
  );

  expect(reading).toEqual(['GetItem 0.5', 'Query 0.5']);
  expect(callsOf(api)).toEqual(['Query 0.5', 'UpdateItem 2']);
});

test('what a person did wrong is found before the engine is asked', async () => {
  const api = await anApi();
  const [ann] = await api.people(1);

  await createMessage(api, ann, { recipientHandles: [ann.handle] });
  await createMessage(api, ann, { messageGroupId: 'not-an-id' });
  await api.reply(ann, '{ messageGroup(id: "GRP#1") { id } }');

  expect(callsOf(api)).toEqual([]);
});
