import { expect, test } from 'vitest';
import { anApi, type TestApi, useApi } from '../support/api.ts';
import { createMessage, listMessages, type MessageNode, send, startGroup } from '../support/operations.ts';
import type { Person } from '../support/people.ts';

useApi();

/** The whole log, newest first, by pages of 100. */
async function wholeLog(api: TestApi, person: Person, messageGroupId: string): Promise<MessageNode[]> {
  const nodes: MessageNode[] = [];
  let after: string | undefined;
  do {
    const { edges, pageInfo } = await listMessages(api, person, {
      messageGroupId,
      first: 100,
      ...(after && { after }),
    });
    nodes.push(...edges.map(({ node }) => node));
    after = pageInfo.hasNextPage ? (pageInfo.endCursor ?? undefined) : undefined;
  } while (after);
  return nodes;
}

function numbersDown(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => from - index);
}

test('50 senders at once into one group: 50 messages, numbered without holes, in the order of createdAt', async () => {
  const api = await anApi();
  const people = await api.people(50);
  const messageGroupId = await startGroup(api, people);

  const payloads = await Promise.all(
    people.map((person) => createMessage(api, person, { messageGroupId }, `from ${person.handle}`)),
  );

  expect(payloads.flatMap(({ userErrors }) => userErrors)).toEqual([]);
  const log = await wholeLog(api, people[0], messageGroupId);
  expect(log.map(({ sequence }) => sequence)).toEqual(numbersDown(51, 51));
  expect(new Set(log.map(({ body }) => body)).size).toBe(51);
  const times = log.map(({ createdAt }) => createdAt);
  expect(times).toEqual(times.toSorted().reverse());
  expect(payloads.map(({ message }) => message?.sequence).sort((a, b) => Number(a) - Number(b))).toEqual(
    numbersDown(51, 50).reverse(),
  );
});

test('50 people starting the same conversation at once: one group, 50 messages, one winner of number 1', async () => {
  const api = await anApi();
  const people = await api.people(50);
  const handles = people.map(({ handle }) => handle);

  const sent = await Promise.all(
    people.map((person) =>
      send(api, person, { recipientHandles: handles.filter((handle) => handle !== person.handle) }, person.handle),
    ),
  );

  expect(new Set(sent.map(({ messageGroupId }) => messageGroupId)).size).toBe(1);
  expect(sent.filter(({ message }) => message.sequence === 1)).toHaveLength(1);
  const log = await wholeLog(api, people[0], sent[0]?.messageGroupId ?? '');
  expect(log.map(({ sequence }) => sequence)).toEqual(numbersDown(50, 50));
  expect(log.map(({ body }) => body).sort()).toEqual(handles.toSorted());
});

test('a poller sees every message of 8 concurrent senders exactly once and in order', async () => {
  const api = await anApi();
  const people = await api.people(9);
  const [reader, ...senders] = people;
  const messageGroupId = await startGroup(api, people);
  const total = 8 * 12;

  let sending = true;
  const writing = Promise.all(
    senders.map(async (sender) => {
      for (let count = 0; count < 12; count += 1)
        await send(api, sender, { messageGroupId }, `${sender.handle} ${count}`);
    }),
  ).finally(() => {
    sending = false;
  });
  let { startCursor } = (await listMessages(api, reader, { messageGroupId, first: 1 })).pageInfo;
  const seen: number[] = [];
  for (let more = true; more; ) {
    const wasSending = sending;
    const { edges, pageInfo } = await listMessages(api, reader, { messageGroupId, last: 5, before: startCursor ?? '' });
    seen.push(...edges.map(({ node }) => node.sequence).reverse());
    startCursor = pageInfo.startCursor ?? startCursor;
    more = wasSending || pageInfo.hasPreviousPage;
  }
  await writing;

  const log = (await wholeLog(api, reader, messageGroupId)).map(({ sequence }) => sequence);
  expect(log).toEqual(numbersDown(total + 1, total + 1));
  const first = seen[0] ?? 0;
  expect(first).toBeLessThanOrEqual(10);
  expect(seen).toEqual(numbersDown(total + 1, total + 2 - first).reverse());
});

test('a walk over pages of 7 while others write repeats nothing and skips nothing', async () => {
  const api = await anApi();
  const people = await api.people(3);
  const [reader, ...senders] = people;
  const messageGroupId = await startGroup(api, people);
  for (let count = 0; count < 30; count += 1) await send(api, reader, { messageGroupId }, `old ${count}`);

  let walking = true;
  const writing = Promise.all(
    senders.map(async (sender) => {
      while (walking) await send(api, sender, { messageGroupId }, 'new');
    }),
  );
  const walked: number[] = [];
  let after: string | null = null;
  let hasNextPage = true;
  while (hasNextPage) {
    const page = await listMessages(api, reader, { messageGroupId, first: 7, ...(after && { after }) });
    walked.push(...page.edges.map(({ node }) => node.sequence));
    ({ endCursor: after, hasNextPage } = page.pageInfo);
  }
  walking = false;
  await writing;

  const newest = walked[0] ?? 0;
  expect(newest).toBeGreaterThanOrEqual(31);
  expect(walked).toEqual(numbersDown(newest, newest));
});

test('createdAt never runs against the numbers, whatever the clock does', async () => {
  const times = ['2026-03-01T10:00:00.000Z', '2026-03-01T09:00:00.000Z', '2026-03-01T11:00:00.000Z'];
  let now = times[0] ?? '';
  const api = await anApi({ now: () => Date.parse(now) });
  const people = await api.people(2);
  const messageGroupId = await startGroup(api, people);

  for (now of times.slice(1)) await send(api, people[0], { messageGroupId });

  const log = await wholeLog(api, people[1], messageGroupId);
  expect(log.map(({ createdAt }) => createdAt).reverse()).toEqual([times[0], times[0], times[2]]);
});
