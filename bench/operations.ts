import { createHash, randomUUID } from 'node:crypto';
import { messageGroupIdOf } from '../src/messaging/destination.ts';
import { encodeCursor, messagesList } from '../src/table/cursors.ts';
import type { EngineCallInput } from './engine-calls.ts';
import * as engine from './engine-calls.ts';
import { bodyOf, type Seed, type SeededGroup } from './seed.ts';
import type { SignedIn } from './system.ts';

/** One request, and the calls to the engine that it takes at least. */
export interface Sample {
  readonly person: SignedIn;
  readonly query: string;
  readonly variables: object;
  readonly byGet?: true;
  readonly calls: readonly EngineCallInput[];
}

/** Something that clients do. */
export interface Operation {
  readonly name: string;
  readonly writes: boolean;
  sample(): Sample;
}

const MESSAGE = 'id sequence body createdAt sender { handle displayName }';

const PAGE = `query Page($messageGroupId: ID!, $after: String) {
  messages(messageGroupId: $messageGroupId, first: 20, after: $after) {
    edges { cursor node { ${MESSAGE} } }
    pageInfo { hasNextPage startCursor endCursor }
  }
}`;

const POLL = `query Poll($messageGroupId: ID!, $newest: String!) {
  messages(messageGroupId: $messageGroupId, last: 20, before: $newest) {
    edges { cursor node { ${MESSAGE} } }
    pageInfo { hasPreviousPage startCursor }
  }
}`;

const INBOX = `query Inbox {
  messageGroups(first: 20) {
    edges { node { id kind unreadCount lastMessage { body createdAt } members { handle displayName } } }
    pageInfo { hasNextPage endCursor }
  }
}`;

const SEND = `mutation Send($input: CreateMessageInput!) {
  createMessage(input: $input) {
    message { id sequence createdAt }
    messageGroup { id messageCount }
    deduplicated
    userErrors { code message path }
  }
}`;

/** What is measured, on what was seeded. */
export function operations({ groups, inboxes }: Seed, people: readonly SignedIn[]): readonly Operation[] {
  // A poll of a group that is written to would find what a send left.
  const written = inUse(groups.slice(0, groups.length / 2));
  const others = groups.slice(groups.length / 2);
  const read = inUse(others);
  const long = inUse(others.filter(({ length }) => length >= 21));
  const longest = inUse(others.filter(({ length }) => length >= 60));
  const pairs = newPairs(people, groups);
  const inboxOwners = people.slice(inboxes.length);
  return [
    { name: 'idle poll by POST', writes: false, sample: () => poll(oneOf(read), 0) },
    { name: 'idle poll by GET, 304', writes: false, sample: () => ({ ...poll(oneOf(read), 0), byGet: true }) },
    { name: 'poll, 3 new messages', writes: false, sample: () => poll(oneOf(long), 3) },
    { name: 'first page of 20', writes: false, sample: () => page(oneOf(long)) },
    { name: 'deep page of 20', writes: false, sample: () => page(oneOf(longest), 30) },
    { name: 'inbox page of 20', writes: false, sample: () => inbox(oneOf(inboxOwners)) },
    { name: 'send', writes: true, sample: () => send(oneOf(written)) },
    { name: 'send, clientMessageId', writes: true, sample: () => send(oneOf(written), randomUUID()) },
    { name: 'start a group', writes: true, sample: () => start(pairs.next().value) },
  ];
}

/** So many groups are open on somebody's screen. */
const GROUPS_IN_USE = 200;

/**
 * Chooses groups that are in use, each by one member. The warm-up visits them all, so that what is measured is what clients do again and
 * again. The first request of a member for a group in each process takes a GetItem more.
 */
function inUse(groups: readonly SeededGroup[]): SeededGroup[] {
  return groups.slice(0, GROUPS_IN_USE).map((group) => ({ ...group, members: [oneOf(group.members)] }));
}

/** A poll with the cursor that so many messages ago was the newest. */
export function poll(group: SeededGroup, newMessages: number): Sample {
  const sequence = group.length - newMessages;
  return {
    person: oneOf(group.members),
    query: POLL,
    variables: { messageGroupId: group.id, newest: cursorOf(group, sequence) },
    calls: [engine.newer(group.id, sequence, 20)],
  };
}

/** The newest page, or the one after so many messages. */
export function page(group: SeededGroup, after?: number): Sample {
  const sequence = after === undefined ? undefined : group.length - after;
  return {
    person: oneOf(group.members),
    query: PAGE,
    variables: {
      messageGroupId: group.id,
      ...(sequence !== undefined && { after: cursorOf(group, sequence) }),
    },
    calls:
      sequence === undefined
        ? [engine.newest(group.id, 20)]
        : [engine.profile(group.id), engine.older(group.id, sequence, 20)],
  };
}

export function inbox(person: SignedIn): Sample {
  return { person, query: INBOX, variables: {}, calls: [engine.inbox(person.id, 20)] };
}

export function send(group: SeededGroup, clientMessageId?: string): Sample {
  const person = oneOf(group.members);
  const message = { id: randomUUID(), senderId: person.id, body: bodyOf() };
  return {
    person,
    query: SEND,
    variables: { input: { to: { messageGroupId: group.id }, body: message.body, clientMessageId } },
    // Into a group of its own, so that no number is taken.
    calls: [
      engine.newest(group.id, 1),
      engine.append(randomUUID(), message, clientMessageId),
      engine.ownSummary(group.id, { ...message, memberIds: group.members.map(({ id }) => id) }),
    ],
  };
}

function start([person, other]: readonly [SignedIn, SignedIn]): Sample {
  const body = bodyOf();
  const memberIds = [person.id, other.id].sort();
  return {
    person,
    query: SEND,
    variables: { input: { to: { recipientHandles: [other.handle] }, body } },
    calls: [engine.newest(messageGroupIdOf(memberIds), 1), engine.start(randomUUID(), memberIds, person.id, body)],
  };
}

/** Pairs of people who have no group yet, each once. */
function* newPairs(
  people: readonly SignedIn[],
  groups: readonly SeededGroup[],
): Generator<readonly [SignedIn, SignedIn], never> {
  const known = new Set(groups.map(({ id }) => id));
  for (;;) {
    const pair = [oneOf(people), oneOf(people)] as const;
    const id = messageGroupIdOf(pair.map((person) => person.id));
    if (pair[0] === pair[1] || known.has(id)) continue;
    known.add(id);
    yield pair;
  }
}

function cursorOf({ id }: SeededGroup, sequence: number): string {
  return encodeCursor(messagesList(id), String(sequence));
}

export function oneOf<Each>(list: readonly Each[]): Each {
  return list[Math.floor(Math.random() * list.length)] as Each;
}

/** The address of a query by GET, as an automatic persisted query, with its text where that is given. */
export function persistedPath({ query, variables }: Sample, text?: string): string {
  const sha256Hash = createHash('sha256').update(query).digest('hex');
  const parameters = new URLSearchParams({
    ...(text && { query: text }),
    variables: JSON.stringify(variables),
    extensions: JSON.stringify({ persistedQuery: { version: 1, sha256Hash } }),
  });
  return `/graphql?${parameters}`;
}
