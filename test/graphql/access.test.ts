import { randomUUID } from 'node:crypto';
import { ScanCommand } from '@aws-sdk/lib-dynamodb';
import {
  type GraphQLObjectType,
  type GraphQLSchema,
  getNamedType,
  isObjectType,
  parse,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import { expect, test } from 'vitest';
import { createSchema } from '../../src/graphql/schema.ts';
import { CACHE_MS } from '../../src/users/user-cache.ts';
import { ACCESS_CASES, aConversation, accessVariables } from '../support/access-cases.ts';
import { type TestApi, useApi } from '../support/api.ts';
import { putMessages } from '../support/groups.ts';
import { interceptCalls } from '../support/intercepted-calls.ts';
import { MESSAGES, startGroup } from '../support/operations.ts';
import { type Person, removePerson } from '../support/people.ts';
import { ATTEMPTS, answer, strangersAnswers } from '../support/strangers-attempts.ts';

useApi();

const schema = createSchema();
const fields = objectTypes(schema).flatMap((type) =>
  Object.keys(type.getFields()).map((name) => `${type.name}.${name}`),
);

test('every field of the schema has an access case, and every access case is a field', () => {
  const cases = Object.keys(ACCESS_CASES);

  expect(cases.toSorted()).toEqual(fields.toSorted());
});

test('every access case asks for the field that it is named after', () => {
  const elsewhere = Object.entries(ACCESS_CASES).filter(([field, { query }]) => !fieldsIn(query).has(field));

  expect(elsewhere).toEqual([]);
});

test.each(Object.entries(ACCESS_CASES))(
  '%s answers nobody, a stranger and a member each with no more than they may see',
  async (_, { query, stranger, member }) => {
    const conversation = await aConversation();
    const { api, ben, cyd } = conversation;
    const variables = accessVariables(conversation);

    const toNobody = await api.post(undefined, query, variables);
    const toStranger = await api.reply(cyd, query, variables);
    const toMember = await api.reply(ben, query, variables);

    await expectRefusal(toNobody);
    expect(toStranger).toEqual(stranger(conversation));
    expect(toMember).toEqual(member(conversation));
  },
);

test('nobody gets an answer at any field, also where anyone may see the schema', async () => {
  const conversation = await aConversation({ local: true });
  const variables = accessVariables(conversation);

  for (const { query } of Object.values(ACCESS_CASES)) {
    await expectRefusal(await conversation.api.post(undefined, query, variables));
  }
});

test('nothing of a group is in the answers to a stranger who asks for everything', async () => {
  const conversation = await aConversation();
  const { api, ann, ben, cyd, messageGroupId, messages, cursors } = conversation;
  const everything = [
    `query ($group: ID!) {
      viewer ${allOf('User')}
      messageGroup(id: $group) ${allOf('MessageGroup')}
      messageGroups ${allOf('MessageGroupConnection')}
      messages(messageGroupId: $group) ${allOf('MessageConnection')}
    }`,
    `mutation ($group: ID!) {
      markMessageGroupRead(input: { messageGroupId: $group, sequence: 3 }) ${allOf('MarkMessageGroupReadPayload')}
      createMessage(input: { to: { messageGroupId: $group }, body: "hi" }) ${allOf('CreateMessagePayload')}
    }`,
  ];
  const secrets = [
    messageGroupId,
    ...[ann, ben].flatMap(({ id, handle }) => [id, handle]),
    ...messages.flatMap(({ id, body }) => [id, body]),
    ...cursors,
  ];

  const answerTo = async (person: Person) =>
    (
      await Promise.all(
        everything.map(async (query) => (await api.post(person, query, { group: messageGroupId })).text()),
      )
    ).join('\n');
  const toStranger = await answerTo(cyd);
  const toMember = await answerTo(ben);

  expect(secrets.filter((secret) => toStranger.includes(secret))).toEqual([]);
  expect(secrets.filter((secret) => !toMember.includes(secret))).toEqual([]);
});

test.each(Object.entries(ATTEMPTS))('%s tells a stranger nothing of whether the group exists', async (_, attempt) => {
  const conversation = await aConversation();
  const { messageGroupId } = conversation;
  const ids = [
    randomUUID(),
    messageGroupId.toUpperCase(),
    'no-uuid',
    '',
    ` ${messageGroupId}`,
    `${messageGroupId}#PROFILE`,
    `GRP#${messageGroupId}`,
    'x'.repeat(3000),
  ];

  const real = await strangersAnswers(conversation, attempt, messageGroupId);
  const others = await Promise.all(ids.map((id) => strangersAnswers(conversation, attempt, id)));

  expect(real[0]?.status).toBe(200);
  expect(real[0]?.text).toContain('NOT_FOUND');
  expect(others).toEqual(ids.map(() => real));
});

test('a cursor of another group tells a stranger nothing of whether a group exists', async () => {
  const { api, ann, ben, cyd, messageGroupId, cursors } = await aConversation();
  const [dan] = await api.people(1);
  const another = await startGroup(api, [ann, ben, dan]);
  const attempts = cursors.flatMap((cursor) => [{ after: cursor }, { before: cursor }]);

  const answersAbout = (id: string) =>
    Promise.all(attempts.map(async (page) => answer(await api.post(cyd, MESSAGES, { messageGroupId: id, ...page }))));
  const real = await answersAbout(another);
  const none = await answersAbout(randomUUID());

  expect(another).not.toBe(messageGroupId);
  expect(none).toEqual(real);
});

test.each(Object.entries(ATTEMPTS))(
  '%s reads the profile and nothing else for a stranger, whether or not the group exists, and however long it is',
  async (_, attempt) => {
    const conversation = await aConversation();
    const { api, ann, cyd, messageGroupId } = conversation;
    await putMessages(api.table, messageGroupId, ann, 4, 103);
    await api.ask(cyd, '{ viewer { id } }');
    const started = startedCalls(api);
    /** What the calls since the last look cost. A call that were still under way would be in `started` alone. */
    const costs = () => ({
      started: started.splice(0),
      units: api.calls.splice(0).map(({ operation, capacityUnits }) => `${operation} ${capacityUnits}`),
      statements: api.statements.splice(0),
    });
    costs();

    const answers = await strangersAnswers(conversation, attempt, messageGroupId);
    const real = costs();
    await strangersAnswers(conversation, attempt, randomUUID());
    const none = costs();

    expect(real).toEqual({
      started: answers.map(() => 'GetItem'),
      units: answers.map(() => 'GetItem 0.5'),
      statements: [],
    });
    expect(none).toEqual(real);
  },
);

test('whatever a stranger tries, the table stays as it was', async () => {
  const conversation = await aConversation();
  const { api, cyd, messageGroupId } = conversation;
  const before = await itemsOf(api);

  for (const { query } of Object.values(ACCESS_CASES)) await api.reply(cyd, query, accessVariables(conversation));
  for (const attempt of Object.values(ATTEMPTS)) await strangersAnswers(conversation, attempt, messageGroupId);
  const after = await itemsOf(api);

  // Profile, three messages, two sent-before records and two summaries.
  expect(before).toHaveLength(8);
  expect(after).toEqual(before);
});

test('30 s after an account is gone, its messages have no sender and the group’s members leave the person out', async () => {
  const { api, ann, ben, messageGroupId } = await aConversation();
  const query = `query ($id: ID!) {
    messages(messageGroupId: $id) { edges { node { body sender { handle } } } }
    messageGroup(id: $id) { kind members { handle } messageCount lastMessage { body sender { handle } } }
    messageGroups { edges { node { members { handle } } } }
    user(handle: "${ann.handle}") { id }
  }`;

  await removePerson(api.pool, ann);
  api.age(CACHE_MS);
  const seen = await api.ask(ben, query, { id: messageGroupId });

  const benAlone = [{ handle: ben.handle }];
  expect(seen).toEqual({
    messages: {
      edges: [
        { node: { body: 'Ann’s last secret', sender: null } },
        { node: { body: 'Ben’s secret', sender: { handle: ben.handle } } },
        { node: { body: 'Ann’s first secret', sender: null } },
      ],
    },
    messageGroup: {
      kind: 'DIRECT',
      members: benAlone,
      messageCount: 3,
      lastMessage: { body: 'Ann’s last secret', sender: null },
    },
    messageGroups: { edges: [{ node: { members: benAlone } }] },
    user: null,
  });
});

test('a person who takes over the handle of a gone account is as much a stranger as anyone', async () => {
  const { api, ann, cyd, messageGroupId } = await aConversation();
  await removePerson(api.pool, ann);
  await api.pool.query('UPDATE users SET handle = $1 WHERE id = $2', [ann.handle, cyd.id]);

  const { data, errors } = await api.reply(cyd, MESSAGES, { messageGroupId });

  expect(data).toEqual({ messages: null });
  expect(errors).toMatchObject([{ extensions: { code: 'NOT_FOUND' } }]);
});

/** Every call to DynamoDB from now on, as it starts. */
function startedCalls({ table }: TestApi): string[] {
  const started: string[] = [];
  interceptCalls(table.client, ({ operation }, attempt) => {
    started.push(operation);
    return attempt();
  });
  return started;
}

async function expectRefusal(response: Response): Promise<void> {
  const body = await response.json();
  expect(response.status).toBe(401);
  expect(body).toEqual({ errors: [{ message: expect.any(String), extensions: { code: 'UNAUTHENTICATED' } }] });
}

async function itemsOf({ table }: TestApi) {
  const { Items } = await table.client.send(new ScanCommand({ TableName: table.name, ConsistentRead: true }));
  return Items;
}

function objectTypes(of: GraphQLSchema): GraphQLObjectType[] {
  const types = Object.values(of.getTypeMap()).filter((type) => isObjectType(type));
  return types.filter(({ name }) => !name.startsWith('__'));
}

/** The fields that a document selects, as `Type.field`. */
function fieldsIn(document: string): ReadonlySet<string> {
  const found = new Set<string>();
  const typeInfo = new TypeInfo(schema);
  const enter = () => found.add(`${typeInfo.getParentType()?.name}.${typeInfo.getFieldDef()?.name}`);
  visit(parse(document), visitWithTypeInfo(typeInfo, { Field: { enter: () => void enter() } }));
  return found;
}

/** A selection of all that can be asked of a type, to its leaves. */
function allOf(typeName: string): string {
  const type = schema.getType(typeName);
  if (!isObjectType(type)) return '';
  const selections = Object.values(type.getFields()).map(
    (field) => `${field.name} ${allOf(getNamedType(field.type).name)}`,
  );
  return `{ ${selections.join(' ')} }`;
}
