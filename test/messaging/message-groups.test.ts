import { expect, test } from 'vitest';
import { anApi, type TestApi, useApi } from '../support/api.ts';
import { send, startGroup } from '../support/operations.ts';
import type { Person } from '../support/people.ts';

useApi();

const INBOX = `query ($first: Int, $after: String) {
  messageGroups(first: $first, after: $after) {
    edges { cursor node { id } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}`;

const MARK_READ = `mutation ($input: MarkMessageGroupReadInput!) {
  markMessageGroupRead(input: $input) {
    messageGroup { readSequence unreadCount messageCount }
    userErrors { code path }
  }
}`;

async function markRead(api: TestApi, person: Person, messageGroupId: string, sequence: number) {
  return (await api.ask(person, MARK_READ, { input: { messageGroupId, sequence } })).markMessageGroupRead;
}

test('B: groups come latest activity first, page by page', async () => {
  let now = Date.parse('2026-03-01T09:30:00.000Z');
  const api = await anApi({ now: () => now });
  const [ann, ...others] = await api.people(6);
  const started: string[] = [];
  for (const other of others) {
    // Two groups of the same millisecond have an order too.
    if (other !== others[1]) now += 1000;
    started.push(await startGroup(api, [other, ann]));
  }

  const walked: string[] = [];
  const pages: boolean[][] = [];
  for (let after: string | null = null, more = true; more; ) {
    const { messageGroups } = await api.ask(ann, INBOX, { first: 2, after });
    walked.push(...messageGroups.edges.map(({ node }: { node: { id: string } }) => node.id));
    pages.push([messageGroups.pageInfo.hasPreviousPage, messageGroups.pageInfo.hasNextPage]);
    after = messageGroups.pageInfo.endCursor;
    more = messageGroups.pageInfo.hasNextPage;
  }

  const [one, two, three, four, five] = started;
  expect(walked.slice(0, 3)).toEqual([five, four, three]);
  expect(walked.slice(3)).toEqual([one, two].sort().reverse());
  expect(pages).toEqual([
    [false, true],
    [true, true],
    [true, false],
  ]);
});

test('an inbox page that is just full has no next page', async () => {
  const api = await anApi();
  const [ann, ben, cyd] = await api.people(3);
  await startGroup(api, [ann, ben]);
  await startGroup(api, [ann, cyd]);

  const { messageGroups } = await api.ask(ann, INBOX, { first: 2 });

  expect(messageGroups.edges).toHaveLength(2);
  expect(messageGroups.pageInfo.hasNextPage).toBe(false);
});

test('a cursor of another person’s inbox is refused', async () => {
  const api = await anApi();
  const [ann, ben] = await api.people(2);
  await startGroup(api, [ann, ben]);
  const { messageGroups } = await api.ask(ann, INBOX);

  const { errors } = await api.reply(ben, INBOX, { after: messageGroups.pageInfo.endCursor });

  expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
});

test('marking as read moves forward, never back', async () => {
  const api = await anApi();
  const people = await api.people(2);
  const [ann, ben] = people;
  const id = await startGroup(api, people);
  for (let count = 0; count < 4; count += 1) await send(api, ann, { messageGroupId: id });

  const forward = await markRead(api, ben, id, 3);
  const back = await markRead(api, ben, id, 2);
  const nothing = await markRead(api, ben, id, 0);
  const end = await markRead(api, ben, id, 5);

  expect(forward).toEqual({ messageGroup: { readSequence: 3, unreadCount: 2, messageCount: 5 }, userErrors: [] });
  expect([back, nothing].map(({ messageGroup }) => messageGroup.readSequence)).toEqual([3, 3]);
  expect(end.messageGroup).toMatchObject({ readSequence: 5, unreadCount: 0 });
});

test('a reader can be ahead of the worker, and unread does not go below 0', async () => {
  const api = await anApi();
  const people = await api.people(2);
  const [ann, ben] = people;
  const id = await startGroup(api, people);
  await send(api, ann, { messageGroupId: id });

  await markRead(api, ben, id, 2);

  const { messageGroups } = await api.ask(
    ben,
    '{ messageGroups { edges { node { messageCount readSequence unreadCount } } } }',
  );
  expect(messageGroups.edges[0].node).toEqual({ messageCount: 1, readSequence: 2, unreadCount: 0 });
});

test.each([2, -1, 2_147_483_647])(
  'marking as read up to %i of 1 message is refused and changes nothing',
  async (sequence) => {
    const api = await anApi();
    const people = await api.people(2);
    const id = await startGroup(api, people);

    const payload = await markRead(api, people[1], id, sequence);

    expect(payload).toEqual({
      messageGroup: null,
      userErrors: [{ code: 'SEQUENCE_OUT_OF_RANGE', path: ['input', 'sequence'] }],
    });
    expect((await markRead(api, people[1], id, 0)).messageGroup).toMatchObject({ readSequence: 0, unreadCount: 1 });
  },
);

test('only members can mark a group as read', async () => {
  const api = await anApi();
  const [ann, ben, cyd] = await api.people(3);
  const id = await startGroup(api, [ann, ben]);

  const payload = await markRead(api, cyd, id, 1);

  expect(payload).toEqual({
    messageGroup: null,
    userErrors: [{ code: 'MESSAGE_GROUP_NOT_FOUND', path: ['input', 'messageGroupId'] }],
  });
});
