import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { DEFAULT_RATE_LIMITS, type RateLimitsConfig } from '../../src/config/rate-limits.ts';
import { RateLimitedError } from '../../src/errors.ts';
import { networkOf, openRateLimits, type RateLimits } from '../../src/http/rate-limits.ts';
import { openLog } from '../../src/log.ts';
import { keepLines, keepSecret } from '../logs/collect.ts';
import { anApi, type Reply, type TestApi, useApi } from '../support/api.ts';
import { CREATE_MESSAGE, listMessages, startGroup } from '../support/operations.ts';

useApi();

const REDIS_URL = 'redis://127.0.0.1:6379';
const thereIsRedis = await hasRedis();

const VIEWER = '{ viewer { handle } }';

const LIMITED = [{ message: expect.stringContaining('Try again in'), extensions: { code: 'RATE_LIMITED' } }];

async function expectLimited(response: Response, seconds = 60): Promise<void> {
  expect(response.status).toBe(429);
  expect(response.headers.get('retry-after')).toMatch(/^\d+$/);
  expect(Number(response.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  expect(Number(response.headers.get('retry-after'))).toBeLessThanOrEqual(seconds);
  const { data, errors } = (await response.json()) as Reply;
  expect(data).toBeUndefined();
  expect(errors).toEqual(LIMITED);
}

async function statusesOf(count: number, ask: () => Promise<Response>): Promise<number[]> {
  const statuses: number[] = [];
  for (let asked = 0; asked < count; asked += 1) statuses.push((await ask()).status);
  return statuses;
}

describe('a person', () => {
  test('has so many reads a minute, whoever else asks, and sends apart', async () => {
    const api = await anApi({ rateLimits: { reads: 3, sends: 3 } });
    const people = await api.people(2);
    const [ann, ben] = people;
    const messageGroupId = await startGroup(api, people);

    const statuses = await statusesOf(3, () => api.post(ann, VIEWER));
    const limited = await api.post(ann, VIEWER);

    expect(statuses).toEqual([200, 200, 200]);
    await expectLimited(limited);
    expect((await api.post(ben, VIEWER)).status).toBe(200);
    const input = { to: { messageGroupId }, body: 'all the same' };
    expect((await api.post(ann, CREATE_MESSAGE, { input })).status).toBe(200);
  });

  test('has so many sends a minute, of which no more are executed, and reads apart', async () => {
    const api = await anApi({ rateLimits: { reads: 5, sends: 4 } });
    const people = await api.people(2);
    const [ann, ben] = people;
    // Ann's first two sends: a message to recipients counts once for each member.
    const messageGroupId = await startGroup(api, people);
    const input = { to: { messageGroupId }, body: 'one more' };
    const statuses = await statusesOf(2, () => api.post(ann, CREATE_MESSAGE, { input }));
    api.calls.length = 0;

    const limited = await api.post(ann, CREATE_MESSAGE, { input });

    expect(statuses).toEqual([200, 200]);
    await expectLimited(limited);
    expect(api.calls).toEqual([]);
    expect((await api.post(ben, CREATE_MESSAGE, { input })).status).toBe(200);
    expect((await listMessages(api, ann, { messageGroupId })).edges).toHaveLength(4);
  });

  test('is counted by GET as by POST', async () => {
    const api = await anApi({ rateLimits: { reads: 2 } });
    const [ann] = await api.people(1);
    const headers = {
      authorization: `Bearer ${await api.issuer.token(ann.subject)}`,
      'apollo-require-preflight': 'true',
    };
    const get = (more = {}) =>
      fetch(`${api.url}?${new URLSearchParams({ query: VIEWER })}`, { headers: { ...headers, ...more } });

    const first = await get();
    const statuses = [first.status, (await api.post(ann, VIEWER)).status];
    const limited = await get({ 'if-none-match': first.headers.get('etag') });

    expect(statuses).toEqual([200, 200]);
    await expectLimited(limited);
  });

  test.each([
    ['aliases', '{ a: viewer { id } b: viewer { id } c: viewer { id } }'],
    ['a fragment', '{ ...F ...F } fragment F on Query { viewer { id } ... on Query { a: viewer { id } } }'],
  ])('is counted for each field that is asked for by %s', async (_, query) => {
    const api = await anApi({ rateLimits: { reads: 5 } });
    const [ann] = await api.people(1);

    const statuses = await statusesOf(2, () => api.post(ann, query));

    expect(statuses).toEqual([200, 429]);
  });

  test.each<[string, string, object, number]>([
    ['a page of 20', '{ messageGroups(first: 20) { edges { cursor } } }', {}, 1],
    ['a page of no size', '{ messageGroups { edges { cursor } } }', {}, 1],
    ['a page of 21', '{ messageGroups(first: 21) { edges { cursor } } }', {}, 2],
    ['a page of 100 by a variable', 'query ($n: Int) { messageGroups(first: $n) { edges { cursor } } }', { n: 100 }, 5],
    ['a page of a variable’s default', 'query ($n: Int = 60) { messageGroups(first: $n) { edges { cursor } } }', {}, 3],
    [
      'a page in a fragment, twice',
      'query ($n: Int) { ...F a: messageGroups(first: $n) { edges { cursor } } } fragment F on Query { messageGroups(first: $n) { edges { cursor } } }',
      { n: 40 },
      4,
    ],
    ['a page that is too large', '{ messageGroups(first: 1000000) { edges { cursor } } }', {}, 5],
  ])('is counted for %s by what it may hold', async (_, query, variables, weight) => {
    const api = await anApi({ rateLimits: { reads: weight } });
    const [ann] = await api.people(1);
    const [ben] = await api.people(1);
    const first = await api.post(ann, query, variables);
    await api.post(ben, VIEWER);
    api.calls.length = 0;

    const next = await api.post(ann, VIEWER);
    const tooMuch = weight > 1 ? await api.post(ben, query, variables) : next;

    expect(first.status).toBe(200);
    await expectLimited(next);
    if (tooMuch !== next) await expectLimited(tooMuch);
    expect(api.calls).toEqual([]);
  });

  test('is counted for a message to recipients once for each member, and nothing of one too many is sent', async () => {
    const api = await anApi({ rateLimits: { sends: 50 + 1 } });
    const [ann, ben, ...others] = await api.people(51);
    const recipientHandles = [ben, ...others].slice(0, 49).map(({ handle }) => handle);
    const start = await api.post(ann, CREATE_MESSAGE, { input: { to: { recipientHandles }, body: 'hi' } });
    api.calls.length = 0;

    const pair = await api.post(ann, CREATE_MESSAGE, { input: { to: { recipientHandles: [ben.handle] }, body: 'hi' } });

    expect(start.status).toBe(200);
    await expectLimited(pair);
    expect(api.calls).toEqual([]);
  });

  test('is counted for several sends in one operation', async () => {
    const api = await anApi({ rateLimits: { sends: 5 } });
    const people = await api.people(2);
    const [ann, ben] = people;
    const send = `createMessage(input: { to: { recipientHandles: ["${ben.handle}"] }, body: "hi" }) { deduplicated }`;

    const limited = await api.post(ann, `mutation { a: ${send} b: ${send} c: ${send} }`);

    await expectLimited(limited);
    expect(api.calls).toEqual([]);
  });

  test.each([
    // A document that is not kept counts as ten.
    ['no GraphQL', '{', 10],
    ['not of the schema', '{ nothing }', 10],
    ['too deep', `{ viewer ${'{ a '.repeat(20)}${'}'.repeat(20)} }`, 10],
    ['more than one', [{ query: VIEWER }], 1],
    ['missing', {}, 1],
  ])(
    'has so many requests a minute as reads and sends together, also for documents that are %s',
    async (_, given, counts) => {
      const api = await anApi({ rateLimits: { reads: 70, sends: 30 } });
      const [ann, ben] = await api.people(2);
      const body = typeof given === 'string' ? { query: given } : given;
      const ask = async () =>
        fetch(api.url, {
          method: 'POST',
          headers: {
            authorization: `Bearer ${await api.issuer.token(ann.subject)}`,
            'content-type': 'application/json',
          },
          body: JSON.stringify(body),
        });

      const statuses = await statusesOf(100 / counts, ask);
      const limited = [await ask(), await api.post(ann, VIEWER)];

      expect(new Set(statuses)).toEqual(new Set([400]));
      for (const each of limited) await expectLimited(each);
      expect((await api.post(ben, VIEWER)).status).toBe(200);
    },
  );

  test('is counted for a message into a group by its members, of which all but one count once it is sent', async () => {
    const api = await anApi({ rateLimits: { sends: 11 + 3 + 1 } });
    const people = await api.people(11);
    const [ann] = people;
    const messageGroupId = await startGroup(api, people);
    const input = { to: { messageGroupId }, body: 'to all of you' };

    const statuses = await statusesOf(2, () => api.post(ann, CREATE_MESSAGE, { input }));
    api.calls.length = 0;
    const limited = await api.post(ann, CREATE_MESSAGE, { input });

    expect(statuses).toEqual([200, 200]);
    // The second message counts 3, of which 2 are beyond the limit: two fifteenths of the next minute.
    await expectLimited(limited, 60 + 8);
    expect(api.calls).toEqual([]);
    expect((await listMessages(api, ann, { messageGroupId })).edges[0]?.node.sequence).toBe(3);
  });

  test('can still do what is left when something larger was refused', async () => {
    const api = await anApi({ rateLimits: { reads: 4 } });
    const [ann] = await api.people(1);

    await expectLimited(await api.post(ann, '{ messageGroups(first: 100) { edges { cursor } } }'));

    expect(await statusesOf(5, () => api.post(ann, VIEWER))).toEqual([200, 200, 200, 200, 429]);
  });

  test('fragments within fragments are counted in no time', async () => {
    const api = await anApi({ rateLimits: { reads: 1_000 } });
    const [ann] = await api.people(1);
    const fragments = Array.from({ length: 60 }, (_, at) => `fragment F${at} on Query { ...F${at + 1} ...F${at + 1} }`);

    const response = await api.post(ann, `{ ...F0 } ${fragments.join(' ')} fragment F60 on Query { viewer { id } }`);

    expect([400, 429]).toContain(response.status);
  });
});

describe('an address', () => {
  const refused = (api: TestApi, headers = {}) =>
    fetch(api.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ query: VIEWER }),
    });

  test('has so many requests without a valid token a minute, while people there with one are served', async () => {
    const api = await anApi({ rateLimits: { refusals: 3 } });
    const [ann] = await api.people(1);

    const statuses = [
      (await refused(api)).status,
      (await refused(api, { authorization: 'Bearer wrong' })).status,
      (await refused(api, { authorization: 'Basic wrong' })).status,
    ];
    const limited = [await refused(api), await refused(api, { authorization: 'Bearer wrong' })];

    expect(statuses).toEqual([401, 401, 401]);
    for (const each of limited) await expectLimited(each);
    expect((await api.post(ann, VIEWER)).status).toBe(200);
  });

  test('does not have expired tokens counted, nor tokens that are not valid yet: they are 401 each time', async () => {
    const api = await anApi({ rateLimits: { refusals: 1 } });
    const [ann] = await api.people(1);
    const now = Math.floor(Date.now() / 1_000);
    const tokens = await Promise.all([
      api.issuer.sign({ sub: ann.subject, exp: now - 3_600 }),
      api.issuer.sign({ sub: ann.subject, exp: now - 1 }),
      api.issuer.sign({ sub: ann.subject, nbf: now + 3_600 }),
    ]);
    const bearer = (token: string) => refused(api, { authorization: `Bearer ${token}` });

    const statuses: number[] = [];
    for (const token of [...tokens, ...tokens]) statuses.push((await bearer(token)).status);
    const guesses = [await bearer('wrong'), await bearer('wrong')];

    expect(statuses).toEqual([401, 401, 401, 401, 401, 401]);
    expect(guesses.map(({ status }) => status)).toEqual([401, 429]);
  });

  test.each([
    ['192.0.2.1:50001', '192.0.2.1:50002'],
    ['192.0.2.1', '192.0.2.1:50002'],
    ['[2001:db8:1:2::3]:50001', '2001:db8:1:2::4'],
    ['192.0.2.1:50001', '192.0.2.7, 192.0.2.1:50002'],
    ['192.0.2.1, 127.0.0.9:50001', '192.0.2.1:50002, 127.0.0.9:50003'],
  ])('is one whatever port a proxy adds: %s and %s', async (one, other) => {
    const api = await anApi({ rateLimits: { refusals: 1 }, trustedProxies: ['127.0.0.0/8'] });

    const statuses = [
      (await refused(api, { 'x-forwarded-for': one })).status,
      (await refused(api, { 'x-forwarded-for': other })).status,
      (await refused(api, { 'x-forwarded-for': '192.0.2.99:50001' })).status,
    ];

    expect(statuses).toEqual([401, 429, 401]);
  });

  test('is told by the proxy that is trusted', async () => {
    const api = await anApi({ rateLimits: { refusals: 1 }, trustedProxies: ['127.0.0.0/8'] });

    const statuses = [
      (await refused(api, { 'x-forwarded-for': '192.0.2.1' })).status,
      (await refused(api, { 'x-forwarded-for': '192.0.2.2' })).status,
      (await refused(api, { 'x-forwarded-for': '192.0.2.3, 192.0.2.1' })).status,
    ];

    expect(statuses).toEqual([401, 401, 429]);
  });

  test('is not what anybody else says it is', async () => {
    const api = await anApi({ rateLimits: { refusals: 1 }, trustedProxies: ['192.0.2.9'] });

    const statuses = [
      (await refused(api, { 'x-forwarded-for': '192.0.2.1' })).status,
      (await refused(api, { 'x-forwarded-for': '192.0.2.2' })).status,
    ];

    expect(statuses).toEqual([401, 429]);
  });

  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::6', '2001:db8:1:2::/64'],
    ['2001:db8::6', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
  ])('counts with its network: %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});

describe('counting', () => {
  interface Opened {
    readonly limits: RateLimits;
    /** The lines of the log. */
    readonly lines: string[];
    /** What each of them says. */
    readonly logs: string[];
  }

  async function open(config: Partial<RateLimitsConfig>): Promise<Opened> {
    const [lines, logs]: [string[], string[]] = [[], []];
    const log = openLog('info', {
      write: (line) => {
        lines.push(line);
        logs.push(JSON.parse(line).msg);
        keepLines('log', line);
      },
    });
    const limits = await openRateLimits({ ...DEFAULT_RATE_LIMITS, ...config }, log);
    onTestFinished(() => limits.close());
    return { limits, lines, logs };
  }

  test('gives back no more than the limit, into whichever minute it falls', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const { limits } = await open({ reads: 2 });

    // It is counted at once, and given back when the minute is over.
    const refused = limits.spend('reads', 'ann', 2_000).catch((error: unknown) => error);
    vi.setSystemTime(Date.now() + 60_000);
    expect(await refused).toBeInstanceOf(RateLimitedError);

    for (let asked = 0; asked < 2 + 3; asked += 1) await limits.spend('reads', 'ann', 1);
    await expect(limits.spend('reads', 'ann', 1)).rejects.toThrow(RateLimitedError);
  });

  test('starts anew when the minute is over', async () => {
    vi.useFakeTimers();
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const { limits } = await open({ reads: 1 });
    await limits.spend('reads', 'ann', 1);

    await vi.advanceTimersByTimeAsync(20_000);
    const refusal = await limits.spend('reads', 'ann', 1).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(40_000);

    expect(refusal).toBeInstanceOf(RateLimitedError);
    expect(refusal).toMatchObject({ retryAfterSeconds: 40 });
    await expect(limits.spend('reads', 'ann', 1)).resolves.toBeUndefined();
  });

  test('keeps no more than 20,000 addresses, however many there are', async () => {
    const { limits } = await open({ refusals: 1 });
    await limits.spend('refusals', 'first', 1);
    await limits.spend('refusals', 'second', 1);

    for (let address = 0; address < 19_999; address += 1) await limits.spend('refusals', String(address), 1);

    await expect(limits.spend('refusals', 'second', 1)).rejects.toThrow(RateLimitedError);
    await expect(limits.spend('refusals', 'first', 1)).resolves.toBeUndefined();
  });

  test.skipIf(!thereIsRedis)('is done together by processes with one Redis', async () => {
    const config = { reads: 3, redisUrl: REDIS_URL };
    const processes = [await open(config), await open(config)] as const;
    const who = randomUUID();
    // Each has connected once it counts in Redis.
    await vi.waitFor(async () => {
      for (const { limits } of processes) await limits.spend('refusals', who, 1);
      expect(await countedInRedis(`cruddur-messages:refusals:${who}`)).toBeGreaterThanOrEqual(2);
    });

    await processes[0].limits.spend('reads', who, 2);
    await processes[1].limits.spend('reads', who, 1);

    for (const { limits } of processes) await expect(limits.spend('reads', who, 1)).rejects.toThrow(RateLimitedError);
    expect(processes[0].logs).toEqual([]);
  });

  test.skipIf(!thereIsRedis)('does not count what Redis refuses', async () => {
    const { limits } = await open({ reads: 3, redisUrl: REDIS_URL });
    const who = randomUUID();
    await vi.waitFor(async () => {
      await limits.spend('refusals', who, 1);
      expect(await countedInRedis(`cruddur-messages:refusals:${who}`)).toBeGreaterThanOrEqual(1);
    });

    await expect(limits.spend('reads', who, 4)).rejects.toThrow(RateLimitedError);
    await limits.spend('reads', who, 3);

    await expect(limits.spend('reads', who, 1)).rejects.toThrow(RateLimitedError);
    expect(await countedInRedis(`cruddur-messages:reads:${who}`)).toBe(3);
  });

  test.skipIf(!thereIsRedis)('asks a silent Redis three times, and then once in 5 s', async () => {
    let asked = 0;
    let isSilent = false;
    const { address, sockets } = await aFalseRedis((socket) => {
      const redis = connect(6379, '127.0.0.1');
      onTestFinished(() => void redis.destroy());
      redis.on('error', () => {}).pipe(socket);
      socket.on('data', (data) => {
        if (isSilent) asked += 1;
        else redis.write(data);
      });
    });
    const { limits } = await open({ redisUrl: `redis://${address}` });
    const who = randomUUID();
    await vi.waitFor(async () => {
      await limits.spend('refusals', who, 1);
      expect(await countedInRedis(`cruddur-messages:refusals:${who}`)).toBeGreaterThanOrEqual(1);
    });
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const spendTen = async () => {
      for (let count = 0; count < 10; count += 1) await limits.spend('reads', who, 1);
    };

    isSilent = true;
    await spendTen();
    const askedAtFirst = asked;
    vi.setSystemTime(Date.now() + 5_000);
    await spendTen();
    const askedLater = asked;
    expect([askedAtFirst, askedLater]).toEqual([3, 4]);

    isSilent = false;
    for (const socket of sockets) socket.destroy();
    await vi.waitFor(async () => {
      vi.setSystemTime(Date.now() + 5_000);
      await limits.spend('reads', who, 1);
      expect(await countedInRedis(`cruddur-messages:reads:${who}`)).toBeGreaterThanOrEqual(1);
    }, 5_000);
  });

  /** Something at an address that does this to everybody who connects. */
  async function aFalseRedis(treat: (socket: Socket) => void) {
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => {});
      treat(socket);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return { sockets, address: `127.0.0.1:${(server.address() as AddressInfo).port}` };
  }

  test.each([
    ['is not there', (socket: Socket) => socket.destroy()],
    ['says nothing', () => {}],
  ])('goes on in memory while Redis %s, which is logged once', async (_, treat) => {
    const { sockets, address } = await aFalseRedis(treat);
    const { limits, logs } = await open({ reads: 2, redisUrl: `redis://${address}` });

    await limits.spend('reads', 'ann', 2);

    await expect(limits.spend('reads', 'ann', 1)).rejects.toThrow(RateLimitedError);
    await vi.waitFor(() => expect(sockets.length).toBeGreaterThanOrEqual(1));
    await vi.waitFor(() => expect(logs).toEqual([expect.stringContaining('Redis does not answer')]), 5_000);
  });

  test('goes on in memory while Redis refuses the password, which the log does not tell', async () => {
    const password = randomUUID();
    keepSecret('the password of Redis', password);
    const { address } = await aFalseRedis((socket) =>
      socket.on('data', () => socket.write('-WRONGPASS invalid username-password pair or user is disabled.\r\n')),
    );
    const { limits, lines } = await open({ reads: 2, redisUrl: `redis://somebody:${password}@${address}` });

    await vi.waitFor(() => expect(lines).toEqual([expect.stringContaining('WRONGPASS')]), 5_000);
    await limits.spend('reads', 'ann', 2);

    await expect(limits.spend('reads', 'ann', 1)).rejects.toThrow(RateLimitedError);
    expect(lines.join('')).not.toContain(password);
  });
});

/** Whether there is a Redis on this machine. */
async function hasRedis(): Promise<boolean> {
  const client = new Redis(REDIS_URL, { lazyConnect: true, retryStrategy: () => null });
  client.on('error', () => {});
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    client.disconnect();
  }
}

async function countedInRedis(key: string): Promise<number> {
  const client = new Redis(REDIS_URL);
  try {
    return Number(await client.get(key));
  } finally {
    client.disconnect();
  }
}
