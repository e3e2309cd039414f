import { ScanCommand } from '@aws-sdk/lib-dynamodb';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeCursor, messageGroupsList, messagesList } from '../../src/table/cursors.ts';
import { groupPartition, userPartition } from '../../src/table/keys.ts';
import { anApi, type Reply, useApi } from '../support/api.ts';
import { CREATE_MESSAGE, listMessages, MESSAGES, send, startGroup } from '../support/operations.ts';
import { touchedPartitions } from '../support/touched-partitions.ts';

useApi();

const SECRET = 'for Cyd’s and Ann’s eyes only';

/** Ben, who has a conversation with Ann; and Ann and Cyd, who have one that is none of his business. */
async function aWorld() {
  const api = await anApi();
  const [ann, ben, cyd] = await api.people(3);
  const own = await startGroup(api, [ben, ann]);
  const foreign = await startGroup(api, [ann, cyd], SECRET);
  for (const body of ['second', 'third']) await send(api, ann, { messageGroupId: own }, body);
  await send(api, cyd, { messageGroupId: foreign }, SECRET);
  const items = async () => {
    const { Items = [] } = await api.table.client.send(
      new ScanCommand({ TableName: api.table.name, ConsistentRead: true }),
    );
    return Items;
  };
  return { api, ann, ben, cyd, own, foreign, items };
}

type World = Awaited<ReturnType<typeof aWorld>>;

describe('identifiers with #, NUL or 2,049 bytes', () => {
  /** Where a client can put one, and what it gets for it. */
  interface Place {
    readonly query: string;
    readonly variables: (id: string, world: World) => object;
    readonly refusal: (reply: Reply) => unknown;
    readonly code: string | null;
  }

  const topLevel = ({ data, errors }: Reply) => {
    expect(Object.values(data ?? {})).toEqual(data ? [null] : []);
    return errors?.map(({ extensions }) => extensions.code).join();
  };
  const NEW_MESSAGE = { body: 'hi' };

  const PLACES: Readonly<Record<string, Place>> = {
    'messageGroup(id)': {
      query: 'query ($id: ID!) { messageGroup(id: $id) { id lastMessage { body } } }',
      variables: (id) => ({ id }),
      refusal: topLevel,
      code: 'NOT_FOUND',
    },
    'messages(messageGroupId)': {
      query: MESSAGES,
      variables: (messageGroupId) => ({ messageGroupId }),
      refusal: topLevel,
      code: 'NOT_FOUND',
    },
    'messages(messageGroupId, after)': {
      query: MESSAGES,
      variables: (messageGroupId) => ({ messageGroupId, after: encodeCursor(messagesList(messageGroupId), '2') }),
      refusal: topLevel,
      code: 'NOT_FOUND',
    },
    'messages(messageGroupId, before)': {
      query: MESSAGES,
      variables: (messageGroupId) => ({ messageGroupId, before: encodeCursor(messagesList(messageGroupId), '1') }),
      refusal: topLevel,
      code: 'NOT_FOUND',
    },
    'createMessage(to.messageGroupId)': {
      query: CREATE_MESSAGE,
      variables: (messageGroupId) => ({ input: { ...NEW_MESSAGE, to: { messageGroupId } } }),
      refusal: ({ data }) => data.createMessage.userErrors[0].code,
      code: 'MESSAGE_GROUP_NOT_FOUND',
    },
    'createMessage(to.recipientHandles)': {
      query: CREATE_MESSAGE,
      variables: (handle) => ({ input: { ...NEW_MESSAGE, to: { recipientHandles: [handle] } } }),
      refusal: ({ data }) => data.createMessage.userErrors[0].code,
      code: 'RECIPIENT_NOT_FOUND',
    },
    'createMessage(clientMessageId)': {
      query: CREATE_MESSAGE,
      variables: (clientMessageId, { own }) => ({
        input: { ...NEW_MESSAGE, to: { messageGroupId: own }, clientMessageId },
      }),
      refusal: topLevel,
      code: 'BAD_USER_INPUT',
    },
    'markMessageGroupRead(messageGroupId)': {
      query: `mutation ($input: MarkMessageGroupReadInput!) {
        markMessageGroupRead(input: $input) { messageGroup { id } userErrors { code } }
      }`,
      variables: (messageGroupId) => ({ input: { messageGroupId, sequence: 1 } }),
      refusal: ({ data }) => data.markMessageGroupRead.userErrors[0].code,
      code: 'MESSAGE_GROUP_NOT_FOUND',
    },
    'user(handle)': {
      query: 'query ($handle: String!) { user(handle: $handle) { id } }',
      variables: (handle) => ({ handle }),
      refusal: ({ data }) => data.user,
      code: null,
    },
  };

  /** Made of what the table's keys are made of. */
  function badIdentifier({ ann, ben, own, foreign }: World): fc.Arbitrary<string> {
    const fragment = fc.oneof(
      fc.constantFrom('#', '\0', own, foreign, ann.id, ben.id, ann.handle),
      fc.constantFrom('GRP#', 'USR#', 'MSG#', 'DEDUP#', 'PROFILE', 'MSG#000000000001', `USR#${ann.id}`),
      fc.string({ unit: 'grapheme', maxLength: 4 }),
    );
    const spelt = fc.array(fragment, { minLength: 1, maxLength: 5 }).map((fragments) => fragments.join(''));
    const separated = fc
      .tuple(spelt, fc.constantFrom('#', '\0', '#PROFILE', '\0#'), spelt)
      .map((parts) => parts.join(''));
    const long = fc
      .tuple(fc.constantFrom('', own, foreign, `GRP#${foreign}`), fc.constantFrom('x', ' ', 'é', '💬'))
      .map(([start, filler]) => {
        const missing = 2049 - start.length;
        const size = Buffer.byteLength(filler);
        return start + filler.repeat(Math.floor(missing / size)) + 'x'.repeat(missing % size);
      });
    return fc.oneof({ weight: 4, arbitrary: separated }, { weight: 1, arbitrary: long });
  }

  test.each(Object.entries(PLACES))('as %s are refused, and only the viewer’s keys are touched', async (_, place) => {
    const world = await aWorld();
    const { api, ben, own, items } = world;
    const before = await items();
    const touched = touchedPartitions(api.table);
    await api.ask(ben, MESSAGES, { messageGroupId: own });
    expect(touched.splice(0)).toEqual([groupPartition(own)]);

    await fc.assert(
      fc.asyncProperty(badIdentifier(world), async (id) => {
        const response = await api.post(ben, place.query, place.variables(id, world));

        expect(response.status).toBe(200);
        const answer = await response.text();
        expect(answer).not.toContain(SECRET);
        expect(place.refusal(JSON.parse(answer))).toBe(place.code);
        expect(touched.filter((key) => key !== groupPartition(own) && key !== userPartition(ben.id))).toEqual([]);
      }),
      { numRuns: 20, includeErrorInReport: true },
    );

    // A call that the refusal did not wait for could have failed unseen.
    expect(touched).toEqual([]);
    expect(api.logs.filter((line) => JSON.parse(line).level >= 50)).toEqual([]);
    expect(await items()).toEqual(before);
  });
});

describe('1,000 cursors that were mutated, cut short, made up or taken from elsewhere', () => {
  /** Positions that are none, under a check that is right: it is no secret. */
  const NO_SEQUENCES = ['', '0', '-1', '+1', '01', ' 1', '1 ', '1.5', '1.0', '0x1', '1e0', '1e400', 'NaN', 'Infinity'];
  const NO_ACTIVITY = ['', '#', '\0', 'x'.repeat(1025), '2026', '2099-01-01T00:00:00.000Z#', 'USR#', 'PROFILE', '~'];

  /** A text that was changed at one place, cut, or made longer. */
  function damaged(cursor: string): fc.Arbitrary<string> {
    const at = fc.nat({ max: cursor.length - 1 });
    return fc
      .oneof(
        fc
          .tuple(at, fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }))
          .map(([index, character]) => cursor.slice(0, index) + character + cursor.slice(index + 1)),
        fc
          .tuple(at, fc.constantFrom(...'ABCabc019-_+/='))
          .map(([index, character]) => cursor.slice(0, index) + character + cursor.slice(index + 1)),
        at.map((index) => cursor.slice(0, index)),
        at.map((index) => cursor.slice(index + 1)),
        fc.constantFrom('=', 'A', '\0', '#', ' ', '\ud800').map((end) => cursor + end),
        fc.constant(cursor.toLowerCase()),
      )
      .filter((text) => text !== cursor);
  }

  /** Each kind as often as any other. */
  function cursorsOf(own: readonly string[], elsewhere: readonly string[], madeUp: readonly string[]) {
    return fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(...own).chain(damaged) },
      { weight: 1, arbitrary: fc.constantFrom(...elsewhere).chain(damaged) },
      { weight: 1, arbitrary: fc.constantFrom(...elsewhere) },
      { weight: 1, arbitrary: fc.constantFrom(...madeUp) },
    );
  }

  test.each(['after', 'before', 'inbox'] as const)('are refused as %s', async (list) => {
    const { api, ann, ben, cyd, own, foreign } = await aWorld();
    const mine = await cursorsIn(ben, own);
    const inbox = async (person: typeof ann) => {
      const { messageGroups } = await api.ask(person, '{ messageGroups { edges { cursor } } }');
      return (messageGroups as Edges).edges.map(({ cursor }) => cursor);
    };
    const inboxes = { ben: await inbox(ben), elsewhere: [...(await inbox(ann)), ...(await inbox(cyd))] };
    const theirs = await cursorsIn(cyd, foreign);
    const [field, cursors] =
      list === 'inbox'
        ? [
            (name: string) => `messageGroups(first: 1, after: ${name}) { edges { node { id } } }`,
            cursorsOf(
              inboxes.ben,
              [...inboxes.elsewhere, ...mine, ...theirs],
              NO_ACTIVITY.map((position) => encodeCursor(messageGroupsList(ben.id), position)),
            ),
          ]
        : [
            (name: string) => `messages(messageGroupId: "${own}", ${list}: ${name}) { edges { node { body } } }`,
            cursorsOf(
              mine,
              [...theirs, ...inboxes.ben, ...inboxes.elsewhere],
              NO_SEQUENCES.map((position) => encodeCursor(messagesList(own), position)),
            ),
          ];
    const names = Array.from({ length: 10 }, (_, index) => `c${index}`);
    const query = `query (${names.map((name) => `$${name}: String!`).join(', ')}) {
      ${names.map((name) => `${name}: ${field(`$${name}`)}`).join('\n')}
    }`;
    const touched = touchedPartitions(api.table);

    await fc.assert(
      fc.asyncProperty(fc.array(cursors, { minLength: 10, maxLength: 10 }), async (given) => {
        touched.length = 0;
        const variables = Object.fromEntries(given.map((cursor, index) => [names[index], cursor]));

        const { data, errors = [] } = await api.reply(ben, query, variables);

        // The inbox can't be null, so one wrong cursor of the ten takes the whole reply with it: that none of them was taken shows below.
        expect(data).toEqual(list === 'inbox' ? null : Object.fromEntries(names.map((name) => [name, null])));
        expect(new Set(errors.map(({ extensions }) => extensions.code))).toEqual(new Set(['BAD_USER_INPUT']));
        expect(touched).toEqual([]);
      }),
      { numRuns: 34, includeErrorInReport: true },
    );

    async function cursorsIn(person: typeof ann, messageGroupId: string) {
      const { edges } = await listMessages(api, person, { messageGroupId });
      return edges.map(({ cursor }) => cursor);
    }
  });
});

interface Edges {
  readonly edges: readonly { readonly cursor: string }[];
}
