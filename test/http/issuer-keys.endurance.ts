import { describe, expect, test, vi } from 'vitest';
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

describe('1,000 tokens with unknown key ids', () => {
  test('are 401 each and fetch the keys twice at most, and good tokens among them work', async () => {
    const { api, issuer, good } = await aWarmApi();
    const calls = api.calls.length;
    const before = issuer.fetches();
    const tokens = underUnknownKeys(good, 1_000).flatMap((unknown, index) =>
      index % 10 ? [unknown] : [unknown, good],
    );

    const replies = await askWithEach(api, tokens);

    const accepted = replies.filter(({ status }) => status === 200);
    const refused = replies.filter(({ status, code, data }) => status === 401 && code === 'UNAUTHENTICATED' && !data);
    expect([accepted.length, refused.length]).toEqual([100, 1_000]);
    expect(api.calls.length - calls).toBe(100);
    expect(issuer.fetches() - before).toBeGreaterThanOrEqual(1);
    expect(issuer.fetches() - before).toBeLessThanOrEqual(2);
  });

  test('before any good one do no more', async () => {
    const { api, issuer } = await aColdApi();
    const [ann] = await api.people(1);
    const good = await issuer.token(ann.subject);

    const replies = await askWithEach(api, underUnknownKeys(good, 1_000));
    const after = await ask(api, good);

    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([401]));
    expect(after).toMatchObject({ status: 200, data: { viewer: { handle: ann.handle } } });
    expect(issuer.fetches()).toBeLessThanOrEqual(2);
  });

  test('ask an issuer that is away no more than about once a second, and good ones work', async () => {
    const { api, issuer, good } = await aWarmApi();
    const before = issuer.fetches();
    const startedAt = performance.now();
    issuer.answerWith(hangUp);

    const replies = await askWithEach(api, underUnknownKeys(good, 1_000));
    const after = await ask(api, good);

    const seconds = Math.ceil((performance.now() - startedAt) / 1_000);
    expect(replies).toEqual(Array(1_000).fill(UNAVAILABLE));
    expect(after.status).toBe(200);
    // The client of HTTP asks a second time where a connection that it kept is hung up on.
    expect(issuer.fetches() - before).toBeLessThanOrEqual(seconds + 1);
  });
});

test('while made-up key ids pour in, a key that the issuer changes to is known within 15 s', async () => {
  const { api, issuer, ann, good } = await aWarmApi();
  let pouring = true;
  const pour = async () => {
    while (pouring) await askWithEach(api, underUnknownKeys(good, 20));
  };
  await askWithEach(api, underUnknownKeys(good, 1));
  const before = issuer.fetches();
  await issuer.rotate({ overlap: true });
  const next = await issuer.token(ann.subject);
  const poured = pour();
  const rotatedAt = performance.now();

  const accepted = vi.waitFor(
    async () => {
      expect((await ask(api, good)).status).toBe(200);
      expect((await ask(api, next)).status).toBe(200);
      return performance.now() - rotatedAt;
    },
    { timeout: 25_000, interval: 200 },
  );
  const afterMs = await accepted.finally(() => {
    pouring = false;
  });
  await poured;

  expect(afterMs).toBeLessThan(15_000);
  expect(issuer.fetches() - before).toBeLessThanOrEqual(3);
});
