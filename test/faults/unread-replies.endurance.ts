import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { anApi, useApi } from '../support/api.ts';
import { startApi } from '../support/api-process.ts';
import { tellFigures } from '../support/figures.ts';
import { putMessages } from '../support/groups.ts';
import { issuerVariables } from '../support/issuer.ts';
import { startGroup } from '../support/operations.ts';

useApi();

/** Each has 1.7 MB, which is just below the most that a reply may have. */
const QUERY = `query ($id: ID!) {
  messages(messageGroupId: $id, first: 100) { edges { node { body b: body c: body d: body } } }
}`;
const TOO_LARGE = QUERY.replace('d: body', 'd: body e: body f: body');

/** Each connection has more replies than the operating system keeps for a reader. */
const CONNECTIONS = 12;
const REQUESTS_EACH = 12;
const EVERY_MS = 300;
/** The API hangs up after 30 s in which nothing was read. */
const HUNG_UP_BY_MS = 120_000;

test('replies that nobody reads are kept from nobody else, and are given up', async () => {
  const world = await anApi();
  const [ann, ben, cyd] = await world.people(3);
  const messageGroupId = await startGroup(world, [ann, ben]);
  await putMessages(world.table, messageGroupId, ann, 4, 103, () => '😀'.repeat(1_024));
  // The heap of the image.
  const api = await startApi(world.table, {
    ...issuerVariables(world.issuer),
    NODE_OPTIONS: '--max-old-space-size=192',
  });
  const [annsToken = '', cydsToken = ''] = await Promise.all(
    [ann, cyd].map(({ subject }) => world.issuer.token(subject)),
  );
  const body = JSON.stringify({ query: QUERY, variables: { id: messageGroupId } });

  for (let count = 0; count < CONNECTIONS; count += 1) {
    const socket = connect(Number(new URL(api.url).port), '127.0.0.1').pause();
    onTestFinished(() => void socket.destroy());
    socket.on('error', () => {});
    await once(socket, 'connect');
    const head = ['host: x', `authorization: Bearer ${annsToken}`, 'content-type: application/json'];
    const request = `POST /graphql HTTP/1.1\r\n${head.join('\r\n')}\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    socket.write(request.repeat(REQUESTS_EACH));
    await delay(EVERY_MS);
  }
  const memory = await api.memory();
  const others = await api.post(cydsToken, '{ viewer { handle } }');
  const refused = await api.post(annsToken, '{ viewer { handle } }');
  const startedAt = performance.now();
  await vi.waitFor(
    async () => expect(await api.post(annsToken, '{ viewer { handle } }')).toMatchObject({ status: 200 }),
    { timeout: HUNG_UP_BY_MS, interval: 1_000 },
  );

  tellFigures(`${CONNECTIONS * REQUESTS_EACH} replies of 1.7 MB that nobody reads`, {
    'MB resident': memory.resident,
    'MB heap': memory.heap,
    's until the person is served again': (performance.now() - startedAt) / 1_000,
  });
  expect(others.status).toBe(200);
  // All of this person's places are taken.
  expect(refused.status).toBe(429);
  const tooLarge = await api.post(annsToken, TOO_LARGE, { id: messageGroupId });
  expect(tooLarge).toMatchObject({ status: 200, errors: [{ extensions: { code: 'REPLY_TOO_LARGE' } }] });
  expect(tooLarge.data).toBeUndefined();
}, 240_000);
