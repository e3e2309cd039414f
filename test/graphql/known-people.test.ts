import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { CACHE_MS } from '../../src/users/user-cache.ts';
import { anApi, useApi } from '../support/api.ts';
import { send, startGroup } from '../support/operations.ts';
import { removePerson } from '../support/people.ts';

useApi();

describe('the people of a reply', () => {
  const INBOX = '{ messageGroups { edges { node { members { handle } lastMessage { sender { handle } } } } } }';

  /** Ann's groups with each of five others and with all of them, and nobody known but ann as the viewer. */
  async function aFullInbox() {
    const api = await anApi();
    const [ann, ...others] = await api.people(6);
    for (const other of others) await startGroup(api, [ann, other]);
    const messageGroupId = await startGroup(api, [ann, ...others]);
    for (const other of others) await send(api, other, { messageGroupId });
    api.age(CACHE_MS);
    await api.ask(ann, '{ viewer { id } }');
    api.statements.length = 0;
    const page = `{ messages(messageGroupId: "${messageGroupId}") { edges { node { sender { handle } } } } }`;
    return { api, ann, others, page };
  }

  test('come by one SQL statement, and are then known for a minute', async () => {
    const { api, ann, page } = await aFullInbox();

    const inbox = await api.ask(ann, INBOX);
    const asked = api.statements.splice(0);
    const again = [await api.ask(ann, INBOX), await api.ask(ann, page)];
    const askedAgain = api.statements.splice(0);
    api.age(CACHE_MS);
    const later = await api.ask(ann, page);

    expect(asked).toHaveLength(1);
    expect(askedAgain).toEqual([]);
    // The viewer, and then everybody else.
    expect(api.statements).toHaveLength(2);
    expect(again).toEqual([inbox, later]);
    await vi.waitFor(() =>
      expect(api.reports.slice(-4).map(({ directoryCalls }) => directoryCalls.length)).toEqual([1, 0, 0, 2]),
    );
  });

  test('who are not known come by one SQL statement that asks for nobody else', async () => {
    const { api, ann, others, page } = await aFullInbox();
    const [ben, cyd, ...unknown] = others;
    const asked = vi.spyOn(api.pool, 'query');
    onTestFinished(() => asked.mockRestore());

    await api.ask(ann, `{ one: user(handle: "${ben?.handle}") { id } other: user(handle: "${cyd?.handle}") { id } }`);
    asked.mockClear();
    const { messages } = await api.ask(ann, page);

    const ids = asked.mock.calls.map(([, values]) => (values as unknown as string[][])[0]?.toSorted());
    expect(ids).toEqual([unknown.map(({ id }) => id).sort()]);
    expect(messages.edges.map(({ node }: { node: { sender: object } }) => node.sender)).toEqual(
      [...others.toReversed(), ann].map(({ handle }) => ({ handle })),
    );
  });

  test('who are gone are asked for each time, and shown once they are there again', async () => {
    const api = await anApi();
    const [ann, ben] = await api.people(2);
    await startGroup(api, [ann, ben]);
    await removePerson(api.pool, ben);
    api.age(CACHE_MS);
    const members = async () => (await api.ask(ann, INBOX)).messageGroups.edges[0].node.members;

    const without = [await members(), await members()];
    const { id, handle, subject } = ben;
    await api.pool.query(
      'INSERT INTO users (id, handle, display_name, email, cognito_user_id) VALUES ($1, $2, $2, $2, $3)',
      [id, handle, subject],
    );
    const again = await members();

    expect(without).toEqual([[{ handle: ann.handle }], [{ handle: ann.handle }]]);
    expect(again.map((member: { handle: string }) => member.handle).sort()).toEqual([ann.handle, handle].sort());
  });
});
