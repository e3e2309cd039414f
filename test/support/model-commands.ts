import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { expect } from 'vitest';
import type { Reply, TestApi } from './api.ts';
import { ModelGroup, type ModelMessage, type ModelPage } from './model-group.ts';
import type { Connection, Destination, MessageNode } from './operations.ts';
import type { Person } from './people.ts';

/** Commands that are given to the API and to the model of it, and whether the same comes of them. */

/** People, groups and cursors are given by number, whichever there are when the command's turn comes. */
export type Command =
  | ({ do: 'write to people'; who: number; recipients: number[] } & Text)
  | ({ do: 'write into a group'; who: number; group: number } & Text)
  | { do: 'read older'; who: number; group: number; size: number | undefined; after: number | undefined }
  | { do: 'read newer'; who: number; group: number; size: number | undefined; before: number }
  | { do: 'walk'; who: number; group: number; size: number }
  | { do: 'mark as read'; who: number; group: number; sequence: number }
  | { do: 'look at a group'; who: number; group: number }
  | { do: 'list groups'; who: number };

interface Text {
  readonly text: string;
  readonly clientMessageId: string | undefined;
}

/** Stands for a group that does not exist. */
const NO_GROUP = 9;

const who = fc.nat(9);
/** The first group comes most often, so that its log gets long. */
const group = fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, { weight: 3, arbitrary: fc.nat(NO_GROUP) });
const cursor = fc.nat(20);
const size = fc.integer({ min: 1, max: 4 });
const text = fc.constantFrom('hi', ' hi\n', 'ho', 'hé 👋🏽');
const clientMessageId = optional(fc.constantFrom('a', 'b'));

function optional<Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> {
  return fc.option(value, { nil: undefined, freq: 3 });
}

function command<Name extends Command['do'], Parts>(weight: number, name: Name, parts: fc.Arbitrary<Parts>) {
  return { weight, arbitrary: parts.map((each) => ({ do: name, ...each })) };
}

export const aCommand: fc.Arbitrary<Command> = fc.oneof(
  command(3, 'write to people', fc.record({ who, recipients: fc.array(who, { maxLength: 4 }), text, clientMessageId })),
  command(8, 'write into a group', fc.record({ who, group, text, clientMessageId })),
  command(2, 'read older', fc.record({ who, group, size: optional(size), after: optional(cursor) })),
  command(3, 'read newer', fc.record({ who, group, size: optional(size), before: cursor })),
  command(1, 'walk', fc.record({ who, group, size })),
  command(2, 'mark as read', fc.record({ who, group, sequence: fc.integer({ min: -1, max: 5 }) })),
  command(2, 'look at a group', fc.record({ who, group })),
  command(1, 'list groups', fc.record({ who })),
);

export interface World {
  readonly api: TestApi;
  readonly people: readonly Person[];
  readonly groups: ModelGroup[];
  /** Every cursor that was in a reply. */
  readonly cursors: { readonly group: ModelGroup; readonly sequence: number; readonly cursor: string }[];
}

/** Gives the command to the API and to the model, and expects the same of both. Returns what came of it. */
export async function act(world: World, command: Command): Promise<string> {
  if (command.do === 'write to people') return writeToPeople(world, pick(world.people, command.who), command);
  if (command.do === 'list groups') return listGroups(world, pick(world.people, command.who));
  const group = command.group === NO_GROUP ? undefined : pick(world.groups, command.group);
  // Members come twice, since strangers get nowhere.
  const person = pick([...world.people.filter((each) => isMember(group, each)), ...world.people], command.who);
  switch (command.do) {
    case 'write into a group':
      return write(world, person, group, { messageGroupId: idOf(group) }, command);
    case 'read older': {
      const after = command.after === undefined ? undefined : await aCursor(world, group, command.after);
      const page = { first: command.size, after: after?.cursor };
      return read(world, person, group, page, group?.older(command.size ?? 20, after?.sequence));
    }
    case 'read newer': {
      const before = await aCursor(world, group, command.before);
      const page = before ? { last: command.size, before: before.cursor } : {};
      return read(world, person, group, page, before && group?.newer(command.size ?? 20, before.sequence));
    }
    case 'walk':
      return walk(world, person, group, command.size);
    case 'mark as read':
      return markAsRead(world, person, group, command.sequence);
    case 'look at a group':
      return look(world, person, group);
  }
}

/** Expects that each member of each group reads the model's log. A person's groups are read in one request. */
export async function expectSameLogs(world: World): Promise<void> {
  const ids = world.groups.flatMap(({ log }) => log.map(({ id }) => id));
  expect(new Set(ids).size).toBe(ids.length);
  await Promise.all(
    world.people.map(async (person) => {
      const groups = world.groups.filter((group) => isMember(group, person));
      if (groups.length === 0) return;
      const variables = Object.fromEntries(groups.map(({ id }, number) => [`id${number}`, id]));
      const logs: Record<string, Connection<MessageNode>> = await ask(world, person, readAll(groups.length), variables);
      expect(Object.values(logs).map(({ edges }) => edges.map(({ node }) => node))).toEqual(
        groups.map(({ log }) => log.map(nodeOf).reverse()),
      );
    }),
  );
}

/** The whole logs of this many groups. */
function readAll(count: number): string {
  const numbers = Array.from({ length: count }, (_, number) => number);
  const log = (number: number) =>
    `log${number}: messages(messageGroupId: $id${number}, first: 100) {
      edges { node { id sequence body } }
    }`;
  return `query (${numbers.map((number) => `$id${number}: ID!`)}) { ${numbers.map(log)} }`;
}

const VIEW = 'fragment view on MessageGroup { id messageCount readSequence unreadCount }';
const WRITE = `mutation ($input: CreateMessageInput!) {
  createMessage(input: $input) {
    message { id sequence body }
    messageGroup { ...view }
    deduplicated
    userErrors { code }
  }
} ${VIEW}`;
const MARK_AS_READ = `mutation ($input: MarkMessageGroupReadInput!) {
  markMessageGroupRead(input: $input) { messageGroup { ...view } userErrors { code } }
} ${VIEW}`;
const LOOK = `query ($id: ID!) { messageGroup(id: $id) { ...view } } ${VIEW}`;
const LIST = '{ messageGroups(first: 100) { edges { node { id } } } }';
const READ = messagesQuery('id sequence body');
const WALK = messagesQuery('id sequence body sender { handle }');

function messagesQuery(selection: string): string {
  return `query ($id: ID!, $first: Int, $after: String, $last: Int, $before: String) {
    messages(messageGroupId: $id, first: $first, after: $after, last: $last, before: $before) {
      edges { cursor node { ${selection} } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }`;
}

async function writeToPeople(
  world: World,
  person: Person,
  command: Extract<Command, { do: 'write to people' }>,
): Promise<string> {
  const recipients = command.recipients.map((number) => pick(world.people, number)).filter((each) => each !== person);
  const to = { recipientHandles: recipients.map(({ handle }) => handle) };
  if (recipients.length === 0) {
    expect(await send(world, person, to, command)).toEqual(notWritten('RECIPIENTS_EMPTY'));
    return 'nobody to write to';
  }
  const members = [...new Set([person.handle, ...to.recipientHandles])].sort();
  const known = world.groups.find((each) => each.members.join() === members.join());
  const group = known ?? new ModelGroup(members);
  if (!known) world.groups.push(group);
  return write(world, person, group, to, command);
}

async function write(
  world: World,
  person: Person,
  group: ModelGroup | undefined,
  to: Destination,
  command: Text,
): Promise<string> {
  const payload = await send(world, person, to, command);
  if (!isMember(group, person)) {
    expect(payload).toEqual(notWritten('MESSAGE_GROUP_NOT_FOUND'));
    return 'not found';
  }
  const written = group.write(person.handle, command.text, command.clientMessageId);
  if (written === 'id reused') {
    expect(payload).toEqual(notWritten('CLIENT_MESSAGE_ID_REUSED'));
    return 'id reused';
  }
  expect(payload).toEqual({
    message: nodeOf(written.message),
    messageGroup: viewOf(group, person),
    deduplicated: written.before,
    userErrors: [],
  });
  group.id = payload.messageGroup.id;
  written.message.id = payload.message.id;
  return written.before ? 'done before' : 'done';
}

async function send(world: World, person: Person, to: Destination, { text, clientMessageId }: Text) {
  return (await ask(world, person, WRITE, { input: { to, body: text, clientMessageId } })).createMessage;
}

function notWritten(code: string): object {
  return { message: null, messageGroup: null, deduplicated: false, userErrors: [{ code }] };
}

async function read(
  world: World,
  person: Person,
  group: ModelGroup | undefined,
  page: object,
  expected: ModelPage | undefined,
): Promise<string> {
  const answer = await reply(world, person, READ, { id: idOf(group), ...page });
  if (!isMember(group, person) || !expected) return expectNotFound(answer, 'messages');
  const { edges, pageInfo }: Connection<MessageNode> = answer.data.messages;
  expect(answer.errors).toBeUndefined();
  expect(edges.map(({ node }) => node)).toEqual(expected.messages.map(nodeOf));
  expect(pageInfo).toEqual({
    hasNextPage: expected.hasNextPage,
    hasPreviousPage: expected.hasPreviousPage,
    startCursor: edges.at(0)?.cursor ?? null,
    endCursor: edges.at(-1)?.cursor ?? null,
  });
  world.cursors.push(...edges.map(({ cursor, node }) => ({ group, sequence: node.sequence, cursor })));
  return 'done';
}

/** One of the cursors that members have got of the group so far; undefined where there is no group. */
async function aCursor(world: World, group: ModelGroup | undefined, number: number) {
  if (!group) return undefined;
  const known = () => world.cursors.filter((cursor) => cursor.group === group);
  const member = world.people.find((person) => isMember(group, person));
  if (member && known().length === 0) await read(world, member, group, { first: 2 }, group.older(2, undefined));
  return pick(known(), number);
}

/** All pages to the oldest, which together are the whole log. */
async function walk(world: World, person: Person, group: ModelGroup | undefined, first: number): Promise<string> {
  const walked: MessageNode[] = [];
  let after: string | null = null;
  do {
    const answer = await reply(world, person, WALK, { id: idOf(group), first, after });
    if (!isMember(group, person)) return expectNotFound(answer, 'messages');
    const { edges, pageInfo }: Connection<MessageNode> = answer.data.messages;
    walked.push(...edges.map(({ node }) => node));
    after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
  } while (after !== null && walked.length <= group.log.length);
  expect(walked).toEqual(group.log.map(signedNodeOf).reverse());
  return 'done';
}

async function markAsRead(
  world: World,
  person: Person,
  group: ModelGroup | undefined,
  sequence: number,
): Promise<string> {
  const data = await ask(world, person, MARK_AS_READ, { input: { messageGroupId: idOf(group), sequence } });
  const payload = data.markMessageGroupRead;
  if (!isMember(group, person)) {
    expect(payload).toEqual({ messageGroup: null, userErrors: [{ code: 'MESSAGE_GROUP_NOT_FOUND' }] });
    return 'not found';
  }
  if (!group.markAsRead(person.handle, sequence)) {
    expect(payload).toEqual({ messageGroup: null, userErrors: [{ code: 'SEQUENCE_OUT_OF_RANGE' }] });
    return 'out of range';
  }
  expect(payload).toEqual({ messageGroup: viewOf(group, person), userErrors: [] });
  return 'done';
}

async function look(world: World, person: Person, group: ModelGroup | undefined): Promise<string> {
  const answer = await reply(world, person, LOOK, { id: idOf(group) });
  if (!isMember(group, person)) return expectNotFound(answer, 'messageGroup');
  expect(answer).toEqual({ data: { messageGroup: viewOf(group, person) } });
  return 'done';
}

async function listGroups(world: World, person: Person): Promise<string> {
  const { messageGroups } = await ask(world, person, LIST, {});
  const ids = messageGroups.edges.map(({ node }: { node: { id: string } }) => node.id);
  const groups = world.groups.filter((group) => isMember(group, person));
  expect(ids.toSorted()).toEqual(groups.map(({ id }) => id).toSorted());
  return groups.length === 0 ? 'none' : 'done';
}

/** Uncompressed, since compressing takes longer than sending when it is to the same machine. */
async function reply({ api }: World, person: Person, query: string, variables: object): Promise<Reply> {
  const response = await api.post(person, query, variables, { 'accept-encoding': 'identity' });
  return (await response.json()) as Reply;
}

async function ask(world: World, person: Person, query: string, variables: object): Promise<Reply['data']> {
  const { data, errors } = await reply(world, person, query, variables);
  expect(errors).toBeUndefined();
  return data;
}

function expectNotFound({ data, errors }: Reply, field: string): string {
  expect(data).toEqual({ [field]: null });
  expect(errors?.map(({ extensions }) => extensions.code)).toEqual(['NOT_FOUND']);
  return 'not found';
}

function isMember(group: ModelGroup | undefined, person: Person): group is ModelGroup {
  return group?.members.includes(person.handle) ?? false;
}

function idOf(group: ModelGroup | undefined): string {
  return group?.id ?? randomUUID();
}

function nodeOf({ id, sequence, body }: ModelMessage) {
  return { id: id ?? expect.any(String), sequence, body };
}

function signedNodeOf(message: ModelMessage) {
  return { ...nodeOf(message), sender: { handle: message.sender } };
}

function viewOf(group: ModelGroup, person: Person) {
  return { id: group.id ?? expect.any(String), ...group.viewOf(person.handle) };
}

function pick<Value>(values: readonly Value[], number: number): Value {
  const value = values[number % values.length];
  if (value === undefined) throw new Error('There is nothing to pick from');
  return value;
}
