import { describe, expect, test } from 'vitest';
import { anApi, type TestApi, useApi } from '../support/api.ts';
import { send, startGroup } from '../support/operations.ts';
import type { Person } from '../support/people.ts';
import { setSummary, spoilProfile } from '../support/summaries.ts';

useApi();

const LONG = `${'😀'.repeat(140)} and a tail`;
const PREVIEW = '😀'.repeat(140);

/** A group of an inbox, as far as it was asked for. */
interface InboxNode {
  readonly kind: string;
  readonly createdAt: string;
  readonly members: readonly { readonly handle: string }[];
  readonly lastMessage: { readonly body: string; readonly preview: string };
}

async function inboxOf(api: TestApi, person: Person, fields: string) {
  api.calls.length = 0;
  const { messageGroups } = await api.ask(person, `{ messageGroups { edges { node { ${fields} } } } }`);
  const calls = api.calls.map(({ operation }) => operation);
  const nodes: InboxNode[] = messageGroups.edges.map(({ node }: { node: InboxNode }) => node);
  return { nodes, calls };
}

describe('the last message of an inbox', () => {
  test('has its preview without another read, and its whole body by one read for all that were cut', async () => {
    const api = await anApi();
    const [ann, ben, cyd, dan] = await api.people(4);
    await startGroup(api, [ann, ben], LONG);
    await startGroup(api, [ann, cyd], `${LONG}, too`);
    await startGroup(api, [ann, dan], 'short');

    const previews = await inboxOf(api, ann, 'lastMessage { preview }');
    const bodies = await inboxOf(api, ann, 'lastMessage { body }');

    expect(previews.calls).toEqual(['Query']);
    expect(previews.nodes.map((node) => node.lastMessage.preview)).toEqual(['short', PREVIEW, PREVIEW]);
    expect(bodies.calls).toEqual(['Query', 'BatchGetItem']);
    expect(bodies.nodes.map((node) => node.lastMessage.body)).toEqual(['short', `${LONG}, too`, LONG]);
  });

  test('of an older version is shown whole', async () => {
    const api = await anApi();
    const [ann, ben] = await api.people(2);
    const { message, messageGroupId } = await send(api, ann, { recipientHandles: [ben.handle] }, LONG);
    const { id, sequence, createdAt } = message;
    const lastMessage = { id, sequence, createdAt, senderId: ann.id, body: LONG };
    await setSummary(api.table, ben.id, messageGroupId, { lastMessage });

    const { nodes, calls } = await inboxOf(api, ben, 'lastMessage { body preview }');

    expect(nodes).toEqual([{ lastMessage: { body: LONG, preview: PREVIEW } }]);
    expect(calls).toEqual(['Query']);
  });
});

describe('the members of an inbox', () => {
  test('come with the summary in groups of up to 8, and by one cached read in larger ones', async () => {
    const api = await anApi();
    const people = await api.people(9);
    const [ann] = people;
    await startGroup(api, people.slice(0, 8));
    const small = await inboxOf(api, ann, 'kind members { handle }');
    await startGroup(api, people);
    // A page of messages does not fill the cache of profiles.
    const first = await inboxOf(api, ann, 'kind members { handle }');
    const again = await inboxOf(api, ann, 'kind members { handle } createdAt');

    const handles = (node: InboxNode) => node.members.map(({ handle }) => handle).sort();
    expect(small.calls).toEqual(['Query']);
    expect(first.calls).toEqual(['Query', 'BatchGetItem']);
    expect(first.nodes.map(handles)).toEqual([
      people.map(({ handle }) => handle).sort(),
      people
        .slice(0, 8)
        .map(({ handle }) => handle)
        .sort(),
    ]);
    expect(first.nodes.map((node) => node.kind)).toEqual(['GROUP', 'GROUP']);
    // Only the group of 8, whose profile was not needed before.
    expect(again.calls).toEqual(['Query', 'BatchGetItem']);
    expect((await inboxOf(api, ann, 'members { handle } createdAt')).calls).toEqual(['Query']);
  });

  test('whose profile cannot be read are none, and fail no inbox', async () => {
    const api = await anApi();
    const people = await api.people(9);
    const [ann, ben] = people;
    await startGroup(api, [ann, ben]);
    const messageGroupId = await startGroup(api, people);
    await spoilProfile(api.table, messageGroupId);

    const { nodes } = await inboxOf(api, ann, 'members { handle } createdAt');

    expect(nodes.map((node) => node.members.length)).toEqual([0, 2]);
    expect(nodes[0]?.createdAt).toEqual(expect.any(String));
  });
});
