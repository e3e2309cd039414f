import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import { anApi, type Reply, type TestApi, useApi } from '../support/api.ts';
import { CREATE_MESSAGE, listMessages, MESSAGES, startGroup } from '../support/operations.ts';
import type { Person } from '../support/people.ts';

useApi();

const VIEWER = '{ viewer { handle } }';

async function bearer(api: TestApi, { subject }: Person): Promise<{ authorization: string }> {
  return { authorization: `Bearer ${await api.issuer.token(subject)}` };
}

/** A connection to the API on which nothing has been said yet. */
async function aConnection(api: TestApi): Promise<Socket> {
  const socket = connect(Number(new URL(api.url).port), '127.0.0.1');
  onTestFinished(() => {
    socket.destroy();
  });
  await once(socket, 'connect');
  // The server hangs up while the client may still be writing.
  socket.on('error', () => {});
  return socket;
}

/** What the server said on a connection until it hung up. */
async function repliedOn(socket: Socket): Promise<{ status: number; reply: Reply }> {
  const all = await text(socket);
  const [head = '', body = ''] = all.split('\r\n\r\n');
  return { status: Number(head.split(' ')[1]), reply: JSON.parse(body) };
}

function nested(depth: number): string {
  return '['.repeat(depth) + ']'.repeat(depth);
}

describe('connections', () => {
  test('500 clients that trickle their headers, or say nothing, are hung up on within 7 s, and others are served meanwhile', async () => {
    const api = await anApi();
    const [ann] = await api.people(1);
    const startedAt = performance.now();
    const sockets = await Promise.all(Array.from({ length: 500 }, () => aConnection(api)));
    const [, ...trickling] = sockets;
    for (const socket of trickling) {
      socket.write('POST /graphql HTTP/1.1\r\nhost: x\r\n');
      const trickle = setInterval(() => socket.write('x-a: b\r\n'), 500);
      socket.once('close', () => clearInterval(trickle));
    }

    const closed = Promise.all(
      sockets.map(async (socket) => ({ ...(await repliedOn(socket)), at: performance.now() })),
    );
    const served = await api.post(ann, VIEWER);
    const servedAt = performance.now();
    const refusals = await closed;

    expect(served.status).toBe(200);
    expect(servedAt).toBeLessThan(Math.min(...refusals.map(({ at }) => at)));
    expect(Math.max(...refusals.map(({ at }) => at)) - startedAt).toBeLessThan(7_000);
    for (const { status, reply } of refusals) {
      expect(status).toBe(408);
      expect(reply.errors?.[0]?.extensions.code).toBe('REQUEST_TIMEOUT');
    }
  });

  test('headers of more than 16 KB are 431, with a code', async () => {
    const api = await anApi();
    const socket = await aConnection(api);
    socket.write(`GET /graphql HTTP/1.1\r\nhost: x\r\nx-large: ${'x'.repeat(16 * 1024)}\r\n\r\n`);

    const { status, reply } = await repliedOn(socket);

    expect(status).toBe(431);
    expect(reply.errors).toEqual([{ message: expect.any(String), extensions: { code: 'HEADERS_TOO_LARGE' } }]);
  });

  test('what is no HTTP is 400, with a code', async () => {
    const api = await anApi();
    const socket = await aConnection(api);
    socket.write('\u0016\u0003\u0001 hello\r\n\r\n');

    const { status, reply } = await repliedOn(socket);

    expect(status).toBe(400);
    expect(reply.errors?.[0]?.extensions.code).toBe('BAD_REQUEST');
  });
});

describe('bodies', () => {
  /** Posts this as a send's body and gives what came of it. */
  async function postRaw(api: TestApi, person: Person, body: string | Uint8Array<ArrayBuffer>, headers = {}) {
    const response = await fetch(api.url, {
      method: 'POST',
      headers: { ...(await bearer(api, person)), 'content-type': 'application/json', ...headers },
      body,
    });
    return { status: response.status, reply: (await response.json()) as Reply };
  }

  /** A person in a group of one message, and the body of a request that would send another. */
  async function aSend(api: TestApi) {
    const people = await api.people(2);
    const messageGroupId = await startGroup(api, people);
    const input = { to: { messageGroupId }, body: 'BODY' };
    api.calls.length = 0;
    return { ann: people[0], messageGroupId, json: JSON.stringify({ query: CREATE_MESSAGE, variables: { input } }) };
  }

  async function expectNothingSent(api: TestApi, person: Person, messageGroupId: string): Promise<void> {
    expect(api.calls).toEqual([]);
    expect((await listMessages(api, person, { messageGroupId })).edges).toHaveLength(1);
  }

  test('one that is too large is 413, with a code', async () => {
    const api = await anApi();
    const { ann, messageGroupId, json } = await aSend(api);

    const { status, reply } = await postRaw(api, ann, json.padEnd(100 * 1024 + 1));

    expect(status).toBe(413);
    expect(reply.errors).toEqual([{ message: expect.any(String), extensions: { code: 'PAYLOAD_TOO_LARGE' } }]);
    await expectNothingSent(api, ann, messageGroupId);
  });

  test.each(['gzip', 'deflate', 'br', 'GZIP', 'gzip, gzip'])(
    'one that is packed by %s is 415, and never unpacked',
    async (encoding) => {
      const api = await anApi();
      const { ann, messageGroupId, json } = await aSend(api);
      const bomb = gzipSync(json.padEnd(50 * 1024 * 1024));

      const { status, reply } = await postRaw(api, ann, bomb, { 'content-encoding': encoding });

      expect(bomb.length).toBeLessThan(100 * 1024);
      expect(status).toBe(415);
      expect(reply.errors?.[0]?.extensions.code).toBe('UNSUPPORTED_MEDIA_TYPE');
      await expectNothingSent(api, ann, messageGroupId);
    },
  );

  test('one that is packed without saying so is 400', async () => {
    const api = await anApi();
    const { ann, messageGroupId, json } = await aSend(api);

    const { status } = await postRaw(api, ann, gzipSync(json));

    expect(status).toBe(400);
    await expectNothingSent(api, ann, messageGroupId);
  });

  test.each([
    ['a byte that is never there', [0xff]],
    ['a character cut short', [0xe2, 0x82]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['an overlong slash', [0xc0, 0xaf]],
  ])('bad UTF-8 is 400: %s', async (_, bytes) => {
    const api = await anApi();
    const { ann, messageGroupId, json } = await aSend(api);
    const [before = '', after = ''] = json.split('BODY');

    const { status, reply } = await postRaw(
      api,
      ann,
      Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)]),
    );

    expect(status).toBe(400);
    expect(reply.errors).toEqual([{ message: 'The body is not valid UTF-8.', extensions: { code: 'BAD_REQUEST' } }]);
    await expectNothingSent(api, ann, messageGroupId);
  });

  test.each(['variables', 'extensions'])('JSON that is very deep in its %s is 400', async (name) => {
    const api = await anApi();
    const { ann } = await aSend(api);

    const replies = [
      await postRaw(api, ann, `{"query": ${JSON.stringify(VIEWER)}, "${name}": {"a": ${nested(31)}}}`),
      await postRaw(api, ann, `{"query": ${JSON.stringify(VIEWER)}, "${name}": {"a": ${nested(50_000)}}}`),
      await postRaw(api, ann, nested(50_000)),
      await postRaw(api, ann, '['.repeat(100_000)),
    ];

    expect(replies.map(({ status }) => status)).toEqual([400, 400, 400, 400]);
    for (const { reply } of replies) expect(reply.errors?.[0]?.extensions.code).toBe('BAD_REQUEST');
    expect(api.calls).toEqual([]);
  });

  test('brackets in a text are no depth', async () => {
    const api = await anApi();
    const { ann, json } = await aSend(api);
    const body = '[{'.repeat(100);

    const { reply } = await postRaw(api, ann, json.replace('BODY', `\\"${body}`));

    expect(reply.errors).toBeUndefined();
    expect(reply.data.createMessage.message.body).toBe(`"${body}`);
  });

  test.each([
    ['__proto__', '{"__proto__": {"admin": true}}'],
    ['__proto__ in other letters', '{"\\u005f_proto__": {"admin": true}}'],
    ['constructor.prototype', '{"constructor": {"prototype": {"admin": true}}}'],
  ])('a key that reaches for a prototype is 400: %s', async (_, poison) => {
    const api = await anApi();
    const { ann, messageGroupId, json } = await aSend(api);

    const replies = [
      await postRaw(api, ann, json.replace('{', `{"extensions": ${poison},`)),
      await postRaw(api, ann, json.replace('"to":{', `"to":{"more": ${poison},`)),
    ];

    expect(replies.map(({ status }) => status)).toEqual([400, 400]);
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
    await expectNothingSent(api, ann, messageGroupId);
  });

  test.each([
    ['deep', nested(33)],
    ['poisoned', '{"__proto__": {"messageGroupId": "x"}}'],
    ['poisoned by its constructor', '{"constructor": {"prototype": {"messageGroupId": "x"}}}'],
    ['no JSON', '{'],
  ])('a GET whose variables or extensions are %s is 400', async (_, json) => {
    const api = await anApi();
    const { ann } = await aSend(api);
    const headers = { ...(await bearer(api, ann)), 'apollo-require-preflight': 'true' };

    const responses = await Promise.all(
      ['variables', 'extensions'].map((name) =>
        fetch(`${api.url}?${new URLSearchParams({ query: MESSAGES, [name]: json })}`, { headers }),
      ),
    );

    expect(responses.map(({ status }) => status)).toEqual([400, 400]);
    expect(api.calls).toEqual([]);
  });
});
