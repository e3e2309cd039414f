import { readFile } from 'node:fs/promises';
import { ScanCommand } from '@aws-sdk/lib-dynamodb';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { accessMessageGroup } from '../../src/messaging/access.ts';
import { bodyErrors, normalizeBody } from '../../src/messaging/body.ts';
import { createMessage } from '../../src/messaging/create-message.ts';
import { listMessageGroups } from '../../src/messaging/list-message-groups.ts';
import { listMessages } from '../../src/messaging/list-messages.ts';
import { markMessageGroupRead } from '../../src/messaging/mark-message-group-read.ts';
import type { Messaging } from '../../src/messaging/messaging.ts';
import { type MessageGroup, previewOf, type User, unreadCount } from '../../src/model.ts';
import { SEED_CONVERSATIONS, type SeedConversation } from '../../src/seed/conversations.ts';
import { seedMessages } from '../../src/seed/messages.ts';
import { seedPeople } from '../../src/seed/people.ts';
import { storedMessage } from '../../src/table/items.ts';
import { advanceSummary } from '../../src/table/summaries.ts';
import type { Table } from '../../src/table/table.ts';
import { openDirectory } from '../../src/users/directory.ts';
import { openPool } from '../../src/users/pool.ts';
import { aTable } from '../support/table.ts';

const HANDLES = [...new Set(SEED_CONVERSATIONS.flatMap(({ members }) => members))];

const MINUTES_A_DAY = 24 * 60;

describe('the seed', () => {
  test('has at least six people', async () => {
    const people = await seedHandles();

    expect(people.length).toBeGreaterThanOrEqual(6);
    expect(new Set(people).size).toBe(people.length);
  });

  test('has a conversation of two with at least 60 messages over at least three days', () => {
    const long = SEED_CONVERSATIONS.filter(
      ({ members, messages }) => members.length === 2 && messages.length >= 60 && days(messages) >= 3,
    );

    expect(long).not.toEqual([]);
  });

  test('has a conversation of three', () => {
    expect(SEED_CONVERSATIONS.map(({ members }) => members.length)).toContain(3);
  });

  test('has exactly one message that bayko has not read', () => {
    const unread = SEED_CONVERSATIONS.map((conversation) => conversation.unread['bayko'] ?? 0);

    expect(unread.reduce((sum, each) => sum + each, 0)).toBe(1);
  });

  test('has one conversation for each set of people', () => {
    const sets = SEED_CONVERSATIONS.map(({ members }) => members.toSorted().join());

    expect(new Set(sets).size).toBe(sets.length);
  });

  describe.each(SEED_CONVERSATIONS.map((conversation) => [conversation.members.join(', '), conversation] as const))(
    'in the conversation of %s',
    (_, { members, messages, unread }) => {
      test('has members of the directory, each of them once', async () => {
        expect(await seedHandles()).toEqual(expect.arrayContaining([...members]));
        expect(new Set(members).size).toBe(members.length);
      });

      test('has messages of members only', () => {
        expect(messages.map(({ from }) => from).filter((from) => !members.includes(from))).toEqual([]);
      });

      test('has messages one after another, the last of them in the past', () => {
        const minutes = messages.map(({ minutesAgo }) => minutesAgo);

        expect(minutes).toEqual([...new Set(minutes)].sort((one, other) => other - one));
        expect(minutes.at(-1)).toBeGreaterThan(0);
      });

      test('has bodies that can be sent as they are', () => {
        const bodies = messages.map(({ body }) => body);

        expect(bodies.flatMap(bodyErrors)).toEqual([]);
        expect(bodies.map(normalizeBody)).toEqual(bodies);
      });

      test('has unread only what others wrote to a member', () => {
        for (const [handle, count] of Object.entries(unread)) {
          expect(members).toContain(handle);
          expect(count).toBeLessThan(messages.length);
          expect(messages.slice(-count).map(({ from }) => from)).not.toContain(handle);
        }
      });
    },
  );
});

describe('seeding', () => {
  let pool: pg.Pool;
  let findByHandles: Messaging['findUsersByHandle'];

  beforeAll(async () => {
    pool = openPool({ url: inject('databaseUrl'), poolSize: 1, onIdleError: () => {} });
    findByHandles = openDirectory(pool).findByHandles;
    await seedPeople(pool);
  });
  afterAll(() => pool.end());

  test('of people, done twice, is done once', async () => {
    const before = await pool.query('SELECT * FROM users WHERE handle = ANY($1) ORDER BY id', [HANDLES]);

    await seedPeople(pool);

    const after = await pool.query('SELECT * FROM users WHERE handle = ANY($1) ORDER BY id', [HANDLES]);
    expect(after.rows).toEqual(before.rows);
    expect(after.rows).toHaveLength(HANDLES.length);
  });

  test('writes the seed’s messages, the members’ summaries and what they have not read', async () => {
    const messaging = await aMessaging();

    await seedMessages(messaging);

    expect(await stateOf(messaging)).toEqual(seededState());
  });

  test('done twice changes nothing of what the first one wrote', async () => {
    const messaging = await aMessaging();
    await seedMessages(messaging);
    const before = await itemsOf(messaging.table);

    await seedMessages(messaging);

    expect(await itemsOf(messaging.table)).toEqual(before);
  });

  test('that was cut short between messages is completed by the next one', async () => {
    const messaging = await aMessaging();
    // Fewer than the shortest conversation needs, so that each of them is cut short.
    const shortest = Math.min(...SEED_CONVERSATIONS.map(({ messages }) => messages.length));
    let calls = 0;
    const cutShort = {
      ...messaging,
      findUsersByHandle: async (handles: readonly string[]) => {
        calls += 1;
        if (calls > SEED_CONVERSATIONS.length + shortest) throw new Error('cut short');
        return findByHandles(handles);
      },
    };
    await expect(seedMessages(cutShort)).rejects.toThrow('cut short');
    // Until every conversation has come to its end.
    await vi.waitUntil(() => calls === 2 * SEED_CONVERSATIONS.length + shortest, { timeout: 20_000 });
    expect(await stateOf(messaging)).not.toEqual(seededState());

    await seedMessages(messaging);

    expect(await stateOf(messaging)).toEqual(seededState());
  });

  test('that was cut short after the messages, before the summaries, is completed by the next one', async () => {
    const messaging = await aMessaging();
    let failures = 0;
    const call: Table['call'] = async (operation, input) => {
      if (operation !== 'UpdateItem') return messaging.table.call(operation, input);
      failures += 1;
      throw new Error('cut short');
    };
    await expect(seedMessages({ ...messaging, table: { ...messaging.table, call } })).rejects.toThrow('cut short');
    // Each send but the first of a conversation updates the sender's own summary, and then the summaries of the conversation are updated.
    const updates = SEED_CONVERSATIONS.reduce((sum, { messages }) => sum + messages.length, 0);
    await vi.waitUntil(() => failures === updates, { timeout: 20_000 });
    expect(await stateOf(messaging)).not.toEqual(seededState());

    await seedMessages(messaging);

    expect(await stateOf(messaging)).toEqual(seededState());
  });

  test('again leaves alone what people did since', async () => {
    const messaging = await aMessaging();
    await seedMessages(messaging);
    const [andrew, bayko] = [await person('andrewbrown'), await person('bayko')];
    const to = { recipientHandles: ['bayko'] };
    const sent = await createMessage(messaging, andrew, { to, body: 'Did you get home?' });
    if ('userErrors' in sent) throw new Error('The message can be sent');
    const { message, messageGroup } = sent;
    // What the worker does.
    const { profile } = await accessMessageGroup(messaging.table, bayko, messageGroup.id);
    await advanceSummary(messaging.table, bayko.id, profile, storedMessage(message), undefined);
    await markMessageGroupRead(messaging, bayko, { messageGroupId: messageGroup.id, sequence: message.sequence });
    const before = await itemsOf(messaging.table);

    await seedMessages(messaging);

    expect(await itemsOf(messaging.table)).toEqual(before);
  });

  async function aMessaging(): Promise<Messaging> {
    return { table: await aTable(), findUsersByHandle: findByHandles, findUsersById: async () => [], now: Date.now };
  }

  async function person(handle: string): Promise<User> {
    const [user] = await findByHandles([handle]);
    if (!user) throw new Error(`Nobody is called ${handle}`);
    return user;
  }

  /** What each person sees: their conversations by members, with all messages. */
  async function stateOf(messaging: Messaging): Promise<State> {
    const people = await findByHandles(HANDLES);
    const handles = new Map(people.map(({ id, handle }) => [id, handle]));
    const handleOf = (id: string) => handles.get(id) ?? id;
    const state: State = {};
    for (const viewer of people) {
      const groups = await groupsOf(messaging, viewer);
      state[viewer.handle] = Object.fromEntries(
        await Promise.all(
          groups.map(async ({ id, memberIds, lastMessage, readSequence }) => [
            (memberIds ?? []).map(handleOf).sort().join(', '),
            {
              unread: unreadCount(lastMessage.sequence, readSequence),
              lastMessage: lastMessage.body,
              messages: (await messagesOf(messaging, viewer, id)).map(({ sequence, senderId, body }) => [
                sequence,
                handleOf(senderId),
                body,
              ]),
            },
          ]),
        ),
      );
    }
    return state;
  }
});

/** By the viewer's handle, then by the members' handles. */
type State = Record<string, Record<string, Conversation>>;

interface Conversation {
  readonly unread: number;
  readonly lastMessage: string | undefined;
  /** Oldest first: number, sender's handle, body. */
  readonly messages: readonly (readonly [number, string, string])[];
}

/** What each person sees when the seed is complete. */
function seededState(): State {
  return Object.fromEntries(
    HANDLES.map((handle) => [
      handle,
      Object.fromEntries(
        SEED_CONVERSATIONS.filter(({ members }) => members.includes(handle)).map(({ members, messages, unread }) => [
          members.toSorted().join(', '),
          {
            unread: unread[handle] ?? 0,
            lastMessage: previewOf(messages.at(-1)?.body ?? ''),
            messages: messages.map(({ from, body }, index) => [index + 1, from, body]),
          },
        ]),
      ),
    ]),
  );
}

async function groupsOf(messaging: Messaging, viewer: User): Promise<MessageGroup[]> {
  const { edges } = await listMessageGroups(messaging, viewer, { first: 100 });
  return edges.map(({ node }) => node);
}

async function messagesOf(messaging: Messaging, viewer: User, messageGroupId: string) {
  const pages = [await listMessages(messaging, viewer, { messageGroupId, first: 100 })];
  for (let page = pages[0]; page?.hasNextPage; page = pages.at(-1)) {
    const after = page.edges.at(-1)?.cursor;
    pages.push(await listMessages(messaging, viewer, { messageGroupId, first: 100, after }));
  }
  return pages.flatMap(({ edges }) => edges.map(({ node }) => node)).reverse();
}

/** Every item of the table, in a stable order. */
async function itemsOf({ name, client }: Table): Promise<unknown[]> {
  const items: Record<string, string>[] = [];
  let start: Record<string, unknown> | undefined;
  do {
    const page = await client.send(
      new ScanCommand({ TableName: name, ConsistentRead: true, ExclusiveStartKey: start }),
    );
    items.push(...((page.Items ?? []) as Record<string, string>[]));
    start = page.LastEvaluatedKey;
  } while (start);
  return items.sort((one, other) => (`${one['pk']} ${one['sk']}` < `${other['pk']} ${other['sk']}` ? -1 : 1));
}

/** The handles of `db/seed.sql`. */
async function seedHandles(): Promise<string[]> {
  const sql = await readFile(new URL('../../db/seed.sql', import.meta.url), 'utf8');
  return [...sql.matchAll(/^ {2}\('[0-9a-f-]{36}', '(\w+)'/gm)].map(([, handle]) => handle ?? '');
}

function days(messages: SeedConversation['messages']): number {
  return ((messages[0]?.minutesAgo ?? 0) - (messages.at(-1)?.minutesAgo ?? 0)) / MINUTES_A_DAY;
}
