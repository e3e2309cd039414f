import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { anApi, useApi } from '../support/api.ts';
import { CREATE_MESSAGE, createMessage, send } from '../support/operations.ts';

useApi();

test('a message to people by their ids goes into the same group as one by their handles', async () => {
  const api = await anApi();
  const [ann, ben, cyd] = await api.people(3);

  const byIds = await send(api, ann, { recipientIds: [cyd.id, ben.id, cyd.id] });
  const byHandles = await send(api, ben, { recipientHandles: [ann.handle, cyd.handle] });

  expect(byHandles.messageGroupId).toBe(byIds.messageGroupId);
  expect(byHandles.message.sequence).toBe(2);
});

test('a message by id never reaches a person who took over the handle', async () => {
  const api = await anApi();
  const [ann, ben, cyd] = await api.people(3);
  const first = await send(api, ann, { recipientIds: [ben.id] }, 'for ben', 'once');
  await api.pool.query('UPDATE users SET handle = $1 WHERE id = $2', [`${ben.handle}_old`, ben.id]);
  await api.pool.query('UPDATE users SET handle = $1 WHERE id = $2', [ben.handle, cyd.id]);

  const again = await send(api, ann, { recipientIds: [ben.id] }, 'for ben', 'once');

  expect(again).toEqual({ ...first, deduplicated: true });
});

test.each<[string, (ids: { self: string; other: string }) => string[], object[]]>([
  ['nobody', () => [], [{ code: 'RECIPIENTS_EMPTY', path: [] }]],
  [
    'people who are not there',
    ({ other }) => [other, randomUUID(), 'no-uuid', ''],
    ['1', '2', '3'].map((index) => ({ code: 'RECIPIENT_NOT_FOUND', message: 'Nobody has this id.', path: [index] })),
  ],
  ['the sender', ({ self, other }) => [other, self.toUpperCase()], [{ code: 'RECIPIENT_IS_SENDER', path: ['1'] }]],
  ['50 people', () => Array.from({ length: 50 }, randomUUID), [{ code: 'TOO_MANY_RECIPIENTS', path: [] }]],
])(
  'a message by the ids of %s is refused with the paths at fault, and nothing is written',
  async (_, idsOf, errors) => {
    const api = await anApi();
    const [ann, ben] = await api.people(2);

    const refused = await createMessage(api, ann, { recipientIds: idsOf({ self: ann.id, other: ben.id }) });

    const path = ['input', 'to', 'recipientIds'];
    expect(refused.message).toBeNull();
    expect(refused.userErrors).toMatchObject(
      (errors as { path: string[] }[]).map((error) => ({ ...error, path: [...path, ...error.path] })),
    );
    expect(api.calls).toEqual([]);
  },
);

test('a destination names a group, handles or ids, and only one of them', async () => {
  const api = await anApi();
  const [ann, ben] = await api.people(2);
  const to = { recipientIds: [ben.id], recipientHandles: [ben.handle] };

  const { errors } = await api.reply(ann, CREATE_MESSAGE, { input: { to, body: 'hi' } });

  expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
  expect(api.calls).toEqual([]);
});
