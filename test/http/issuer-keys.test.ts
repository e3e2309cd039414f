import type { RequestListener } from 'node:http';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { useApi } from '../support/api.ts';
import {
  aColdApi,
  ask,
  askWithEach,
  aWarmApi,
  hangUp,
  UNAVAILABLE,
  underUnknownKeys,
} from '../support/token-requests.ts';

useApi();

test('100 tokens with unknown key ids fetch the keys twice at most, and good ones among them work', async () => {
  const { api, issuer, good } = await aWarmApi();
  const before = issuer.fetches();
  const tokens = underUnknownKeys(good, 100).flatMap((unknown, index) => (index % 10 ? [unknown] : [unknown, good]));

  const replies = await askWithEach(api, tokens);

  const statuses = replies.map(({ status }) => status).toSorted();
  expect(statuses).toEqual([...Array(10).fill(200), ...Array(100).fill(401)]);
  expect(issuer.fetches() - before).toBeGreaterThanOrEqual(1);
  expect(issuer.fetches() - before).toBeLessThanOrEqual(2);
});

describe('when the issuer changes its key', () => {
  test('a token of the new one is accepted at once, and those of the old one work as long as it is listed', async () => {
    const { api, issuer, ann, good } = await aWarmApi();
    await issuer.rotate({ overlap: true });

    const accepted = await ask(api, await issuer.token(ann.subject));
    const old = await ask(api, good);

    expect(accepted).toMatchObject({ status: 200, data: { viewer: { handle: ann.handle } } });
    expect(old.status).toBe(200);
  });

  test('a token of the old one is refused once it is listed no more', async () => {
    const { api, issuer, ann, good } = await aWarmApi();
    await issuer.rotate({ overlap: false });

    const accepted = await ask(api, await issuer.token(ann.subject));
    const old = await ask(api, good);

    expect(accepted.status).toBe(200);
    expect(old).toMatchObject({ status: 401, data: undefined, code: 'UNAUTHENTICATED' });
  });
});

describe('keys are fetched again at least every hour', () => {
  /** Sets the clock of the API ahead. The token is valid for three hours. */
  async function anOldApi(minutes: number) {
    const { api, issuer, ann } = await aWarmApi();
    const token = await issuer.sign({ sub: ann.subject, exp: Math.floor(Date.now() / 1_000) + 3 * 3_600 });
    expect((await ask(api, token)).status).toBe(200);
    const later = Date.now() + minutes * 60_000;
    const clock = vi.spyOn(Date, 'now').mockImplementation(() => later);
    onTestFinished(() => clock.mockRestore());
    return { api, issuer, token, before: issuer.fetches() };
  }

  test('a token of a key that the issuer removed is refused after an hour, though it was accepted before', async () => {
    const { api, issuer, token } = await anOldApi(61);
    await issuer.rotate({ overlap: false });

    expect((await ask(api, token)).status).toBe(401);
  });

  test('after half an hour they are fetched in the background', async () => {
    const { api, issuer, token, before } = await anOldApi(31);
    await issuer.rotate({ overlap: false });

    await ask(api, token);

    await vi.waitFor(async () => expect((await ask(api, token)).status).toBe(401));
    // In the background, and for the key id that is unknown from then on.
    expect(issuer.fetches() - before).toBe(2);
  });

  test('before that they are not', async () => {
    const { api, issuer, token, before } = await anOldApi(29);

    expect((await ask(api, token)).status).toBe(200);
    expect(issuer.fetches()).toBe(before);
  });

  test('an issuer that is away then leaves those that were fetched before, and is asked once a minute', async () => {
    const { api, issuer, token, before } = await anOldApi(61);
    issuer.answerWith((_, response) => response.writeHead(500).end());

    const statuses = [(await ask(api, token)).status, (await ask(api, token)).status, (await ask(api, token)).status];

    expect(statuses).toEqual([200, 200, 200]);
    expect(issuer.fetches() - before).toBe(1);
  });
});

const FAULTS: readonly (readonly [string, RequestListener])[] = [
  ['hangs up', hangUp],
  ['fails', (_, response) => response.writeHead(500).end('{"keys":[]}')],
  ['sends a page in place of keys', (_, response) => response.end('<h1>Maintenance</h1>')],
  ['sends a list without keys', (_, response) => response.end('{"keys":[]}')],
  ['sends a key that is none', (_, response) => response.end('{"keys":[{"kid":"test-key"}]}')],
  ['sends elsewhere', (_, response) => response.writeHead(302, { location: '/elsewhere' }).end()],
];

describe('an issuer', () => {
  test.each(FAULTS)('that %s leaves the keys that were fetched before', async (_, fault) => {
    const { api, issuer, good } = await aWarmApi();
    const before = issuer.fetches();
    issuer.answerWith(fault);

    const unknown = await askWithEach(api, underUnknownKeys(good, 1));
    const known = await ask(api, good);

    expect(unknown).toEqual([UNAVAILABLE]);
    expect(issuer.fetches()).toBeGreaterThan(before);
    expect(known.status).toBe(200);
  });

  test('that is away at the start is a 503, until it is back', async () => {
    const { api, issuer } = await aColdApi();
    const [ann] = await api.people(1);
    const good = await issuer.token(ann.subject);
    const comeBack = issuer.answerWith(hangUp);

    const refused = await ask(api, good);
    comeBack();

    expect(refused).toEqual(UNAVAILABLE);
    expect(api.calls).toEqual([]);
    await vi.waitFor(async () => expect((await ask(api, good)).status).toBe(200), { timeout: 5_000, interval: 100 });
  });

  test('that never answers, or not to the end, is a 503 within 5 s', async () => {
    const silent: RequestListener = () => {};
    const stalling: RequestListener = (_, response) => void response.writeHead(200).write('{"keys":[');

    const waits = await Promise.all(
      [silent, stalling].map(async (fault) => {
        const { api, issuer } = await aColdApi();
        const [ann] = await api.people(1);
        const good = await issuer.token(ann.subject);
        issuer.answerWith(fault);
        const startedAt = performance.now();
        const replies = await Promise.all([ask(api, good), ask(api, good)]);
        return { replies, seconds: (performance.now() - startedAt) / 1_000 };
      }),
    );

    for (const { replies, seconds } of waits) {
      expect(replies).toEqual([UNAVAILABLE, UNAVAILABLE]);
      expect(seconds).toBeLessThan(5);
    }
  });

  test('that is not there is a 503 within 5 s', async () => {
    const { api, issuer } = await aColdApi();
    const token = await issuer.token('ann');
    await issuer.stop();
    const startedAt = performance.now();

    const reply = await ask(api, token);

    expect(reply).toEqual(UNAVAILABLE);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });
});
