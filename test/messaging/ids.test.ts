import { expect, test } from 'vitest';
import { anApi, useApi } from '../support/api.ts';
import { createMessage, listMessages, send, startGroup } from '../support/operations.ts';

useApi();

test('a group is found by its UUID in capitals, by every operation that takes it', async () => {
  const api = await anApi();
  const people = await api.people(2);
  const [ann, ben] = people;
  const id = await startGroup(api, people);
  const capitals = id.toUpperCase();

  const sent = await send(api, ben, { messageGroupId: capitals }, 'from ben', 'once');
  const again = await send(api, ben, { messageGroupId: id }, 'from ben', 'once');
  const group = await api.ask(ann, 'query ($id: ID!) { messageGroup(id: $id) { id lastMessage { messageGroupId } } }', {
    id: capitals,
  });
  const marked = await api.ask(
    ann,
    `mutation ($id: ID!) {
      markMessageGroupRead(input: { messageGroupId: $id, sequence: 2 }) { messageGroup { id readSequence } }
    }`,
    { id: capitals },
  );

  expect(sent).toMatchObject({ messageGroupId: id, deduplicated: false });
  expect(again).toMatchObject({ messageGroupId: id, deduplicated: true, message: { id: sent.message.id } });
  expect(group.messageGroup).toEqual({ id, lastMessage: { messageGroupId: id } });
  expect(marked.markMessageGroupRead.messageGroup).toEqual({ id, readSequence: 2 });
});

test('cursors are of the same list, whichever spelling of the group’s id they are asked for by', async () => {
  const api = await anApi();
  const people = await api.people(2);
  const id = await startGroup(api, people);
  await send(api, people[1], { messageGroupId: id });

  const pageOf = (messageGroupId: string, args: object) => listMessages(api, people[0], { messageGroupId, ...args });
  const all = await pageOf(id, {});
  const byCapitals = await pageOf(id.toUpperCase(), {});
  const [newest, oldest] = all.edges.map(({ cursor }) => cursor);

  expect(byCapitals).toEqual(all);
  expect(await pageOf(id.toUpperCase(), { after: newest })).toEqual(await pageOf(id, { after: newest }));
  expect(await pageOf(id.toUpperCase(), { before: oldest })).toEqual(await pageOf(id, { before: oldest }));
});

test('a recipient is found by their UUID in capitals', async () => {
  const api = await anApi();
  const [ann, ben] = await api.people(2);

  const { messageGroup, userErrors } = await createMessage(api, ann, { recipientIds: [ben.id.toUpperCase()] });
  const again = await createMessage(api, ann, { recipientIds: [ben.id, ben.id.toUpperCase()] });

  expect(userErrors).toEqual([]);
  expect(again.messageGroup).toEqual({ id: messageGroup?.id, messageCount: 2 });
});
