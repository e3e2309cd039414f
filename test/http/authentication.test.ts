import { createPublicKey, randomUUID } from 'node:crypto';
import { type OutgoingHttpHeaders, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { JwtVerifier } from 'aws-jwt-verify';
import { base64url, CompactSign, decodeJwt, exportJWK, generateKeyPair, type JWTPayload } from 'jose';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { UnauthenticatedError, UnavailableError } from '../../src/errors.ts';
import { createTokenVerifier } from '../../src/identity/token-verifier.ts';
import { anApi, type Reply, type TestApi, useApi } from '../support/api.ts';
import { AUDIENCE, startIssuer } from '../support/issuer.ts';
import { startGroup } from '../support/operations.ts';

useApi();

/** Gives data of the viewer's, and calls the engine, as soon as a token is believed. */
const QUERY = '{ viewer { handle } messageGroups(first: 1) { edges { cursor } } }';

const HOUR = 3600;

function now(): number {
  return Math.floor(Date.now() / 1000);
}

/** Posts the query with this as the `Authorization` header. */
function postAs(api: TestApi, authorization: string | undefined, query = QUERY): Promise<Response> {
  return fetch(api.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(authorization !== undefined && { authorization }) },
    body: JSON.stringify({ query }),
  });
}

/** Gets the query with this as the `Authorization` header. */
function getAs(api: TestApi, authorization: string | undefined, more: Record<string, string> = {}): Promise<Response> {
  return fetch(`${api.url}?${new URLSearchParams({ query: QUERY, ...more })}`, {
    headers: { 'apollo-require-preflight': 'true', ...(authorization !== undefined && { authorization }) },
  });
}

/** Posts the query with several `Authorization` headers, which `fetch` would make one. */
async function postWithHeaders(api: TestApi, authorization: string[]) {
  const body = JSON.stringify({ query: QUERY });
  const headers: OutgoingHttpHeaders = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    // Node's type has one, but it sends as many as it is given.
    ...({ authorization } as object),
  };
  return new Promise<{ status: number | undefined; challenge: string | undefined; reply: Reply }>((resolve, reject) => {
    request(api.url, { method: 'POST', headers, agent: false }, async (response) => {
      const reply = JSON.parse(await text(response)) as Reply;
      resolve({ status: response.statusCode, challenge: response.headers['www-authenticate'], reply });
    })
      .on('error', reject)
      .end(body);
  });
}

/** The claims of a good token, for those that are signed here. */
async function claimsOf(api: TestApi, subject: string): Promise<JWTPayload> {
  return decodeJwt(await api.issuer.token(subject));
}

/** Signs any payload with the issuer's key: `SignJWT` wants the claims to be of their types. */
function signAnything(api: TestApi, payload: string): Promise<string> {
  return new CompactSign(new TextEncoder().encode(payload))
    .setProtectedHeader({ alg: 'RS256', kid: 'test-key' })
    .sign(api.issuer.privateKey);
}

async function signClaims(api: TestApi, subject: string, change: (claims: JWTPayload) => object): Promise<string> {
  return signAnything(api, JSON.stringify(change(await claimsOf(api, subject))));
}

function leaveOut(claims: JWTPayload, name: string): JWTPayload {
  return Object.fromEntries(Object.entries(claims).filter(([key]) => key !== name));
}

async function takeApart(api: TestApi, subject: string): Promise<[header: string, payload: string, signature: string]> {
  const [header = '', payload = '', signature = ''] = (await api.issuer.token(subject)).split('.');
  return [header, payload, signature];
}

function encode(value: unknown): string {
  return base64url.encode(JSON.stringify(value));
}

async function anotherKey() {
  return generateKeyPair('RS256', { extractable: true });
}

type MakeToken = (api: TestApi, subject: string) => Promise<string>;

const WRONG_TOKENS: readonly (readonly [description: string, make: MakeToken])[] = [
  [
    'with the algorithm none and no signature',
    async (api, sub) => `${encode({ alg: 'none', kid: 'test-key' })}.${encode(await claimsOf(api, sub))}.`,
  ],
  [
    'with the algorithm none and the signature of a good one',
    async (api, sub) => {
      const [, payload, signature] = await takeApart(api, sub);
      return `${encode({ alg: 'none', kid: 'test-key' })}.${payload}.${signature}`;
    },
  ],
  [
    'signed with the public key’s PEM as the secret of HS256',
    (api, sub) => {
      const key = createPublicKey({ key: api.issuer.publicJwk, format: 'jwk' });
      const pem = key.export({ type: 'spki', format: 'pem' });
      return api.issuer.sign({ sub }, { alg: 'HS256' }, new TextEncoder().encode(String(pem)));
    },
  ],
  [
    'signed with the public JWK’s modulus as the secret of HS256',
    (api, sub) => api.issuer.sign({ sub }, { alg: 'HS256' }, base64url.decode(api.issuer.publicJwk.n ?? '')),
  ],
  [
    'signed with the public JWK’s text as the secret of HS256',
    (api, sub) =>
      api.issuer.sign({ sub }, { alg: 'HS256' }, new TextEncoder().encode(JSON.stringify(api.issuer.publicJwk))),
  ],
  [
    'signed with another key under the issuer’s key id',
    async (api, sub) => api.issuer.sign({ sub }, {}, (await anotherKey()).privateKey),
  ],
  [
    'signed with another algorithm than the key is for',
    async (api, sub) => {
      const { privateKey } = await generateKeyPair('RS512');
      return api.issuer.sign({ sub }, { alg: 'RS512' }, privateKey);
    },
  ],
  ['with an unknown key id', (api, sub) => api.issuer.sign({ sub }, { kid: 'unknown-key' })],
  [
    'without a key id',
    async (api, sub) =>
      new CompactSign(new TextEncoder().encode(JSON.stringify(await claimsOf(api, sub))))
        .setProtectedHeader({ alg: 'RS256' })
        .sign(api.issuer.privateKey),
  ],
  [
    'that brings its own key in the header jwk',
    async (api, sub) => {
      const { privateKey, publicKey } = await anotherKey();
      const { kty, n, e } = await exportJWK(publicKey);
      return api.issuer.sign({ sub }, { jwk: { kty, n, e } as { kty: 'RSA' } }, privateKey);
    },
  ],
  [
    'that names an issuer of its own in the header jku',
    async (api, sub) => {
      const own = await startIssuer();
      onTestFinished(() => own.stop());
      return api.issuer.sign({ sub }, { jku: own.identity.jwksUri, kid: 'own-key' }, own.privateKey);
    },
  ],
  ['of another issuer', (api, sub) => api.issuer.sign({ sub, iss: 'https://issuer.example.com' })],
  ['without an issuer', (api, sub) => signClaims(api, sub, (claims) => leaveOut(claims, 'iss'))],
  ['for another client', (api, sub) => api.issuer.sign({ sub, client_id: 'another-client' })],
  ['for another audience', (api, sub) => api.issuer.sign({ sub, aud: 'another-client' })],
  ['for other audiences', (api, sub) => api.issuer.sign({ sub, aud: ['another-client', `${AUDIENCE}s`] })],
  ['for an empty list of audiences', (api, sub) => api.issuer.sign({ sub, aud: [] })],
  ['for no audience', (api, sub) => signClaims(api, sub, (claims) => leaveOut(claims, 'client_id'))],
  ['that is an id token', (api, sub) => api.issuer.sign({ sub, aud: AUDIENCE, token_use: 'id' })],
  ['that expired', (api, sub) => api.issuer.sign({ sub, iat: now() - 2 * HOUR, exp: now() - HOUR })],
  ['that expired a second ago', (api, sub) => api.issuer.sign({ sub, iat: now() - HOUR, exp: now() - 1 })],
  ['that is not yet valid', (api, sub) => api.issuer.sign({ sub, nbf: now() + HOUR })],
  ['that is valid in a quarter of a minute', (api, sub) => api.issuer.sign({ sub, nbf: now() + 15 })],
  ['that never expires', (api, sub) => signClaims(api, sub, (claims) => leaveOut(claims, 'exp'))],
  ['whose expiry is null', (api, sub) => signClaims(api, sub, (claims) => ({ ...claims, exp: null }))],
  ['whose expiry is no number', (api, sub) => signClaims(api, sub, (claims) => ({ ...claims, exp: `${claims.exp}` }))],
  ['of nobody', (api, sub) => signClaims(api, sub, (claims) => leaveOut(claims, 'sub'))],
  ['of an empty subject', (api) => api.issuer.sign({ sub: '' })],
  ['whose subject is a list', (api, sub) => signClaims(api, sub, (claims) => ({ ...claims, sub: [sub] }))],
  ['whose subject is null', (api, sub) => signClaims(api, sub, (claims) => ({ ...claims, sub: null }))],
  [
    'with a truncated signature',
    async (api, sub) => {
      const [header, payload, signature] = await takeApart(api, sub);
      return `${header}.${payload}.${signature.slice(0, -8)}`;
    },
  ],
  [
    'whose payload was changed after it was signed',
    async (api, sub) => {
      const [header, payload, signature] = await takeApart(api, randomUUID());
      const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
      return `${header}.${encode({ ...claims, sub })}.${signature}`;
    },
  ],
  [
    'of two parts only',
    async (api, sub) => {
      const [header, payload] = await takeApart(api, sub);
      return `${header}.${payload}`;
    },
  ],
  ['of four parts', async (api, sub) => `${await api.issuer.token(sub)}.${encode({})}`],
  ['that is junk', async () => 'junk'],
  ['that is three parts of junk', async () => 'junk.junk.junk'],
  ['that is 15 KB of junk, as long as headers may be', async () => 'aZ0-_'.repeat(3072)],
  ['that is 10 KB of junk in three parts', async () => `${'aZ0-_'.repeat(680)}.`.repeat(3).slice(0, -1)],
  ['whose header nests 8,000 lists', async () => `${base64url.encode('['.repeat(8_000))}.junk.junk`],
  ['with characters that no token has', async (api, sub) => `${await api.issuer.token(sub)},x`],
  ['with an empty payload', (api) => signAnything(api, '')],
  ['with no claims', (api) => signAnything(api, '{}')],
  ['whose payload is a list', (api) => signAnything(api, '[]')],
  ['whose payload is null', (api) => signAnything(api, 'null')],
];

describe('wrong tokens', () => {
  test('there are more than 25 of them, no two alike', () => {
    expect(new Set(WRONG_TOKENS.map(([description]) => description)).size).toBe(WRONG_TOKENS.length);
    expect(WRONG_TOKENS.length).toBeGreaterThan(25);
  });

  test.each(WRONG_TOKENS)('a token %s gets 401 and nothing else', async (_, make) => {
    const api = await anApi();
    const [ann] = await api.people(1);
    const token = await make(api, ann.subject);

    const response = await postAs(api, `Bearer ${token}`);

    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toMatch(/^Bearer .*error="invalid_token"/);
    const reply = (await response.json()) as Reply;
    expect(reply).toEqual({
      errors: [{ message: 'The token is not valid.', extensions: { code: 'UNAUTHENTICATED' } }],
    });
    expect(api.calls).toEqual([]);
    expect(api.statements.filter((statement) => statement.startsWith('SELECT'))).toEqual([]);
  });

  test.each<readonly [string, MakeToken]>([
    ['100 KB of junk', async () => 'aZ0-_'.repeat(20_480)],
    ['100 KB of junk in three parts', async () => `${'aZ0-_'.repeat(6_826)}.`.repeat(3).slice(0, -1)],
    [
      'a good token with 100 KB of junk at its end',
      async (api, sub) => `${await api.issuer.token(sub)}${'aZ0-_'.repeat(20_480)}`,
    ],
  ])('%s are refused before anyone looks at them', async (_, make) => {
    const api = await anApi();
    const [ann] = await api.people(1);
    const token = await make(api, ann.subject);
    api.statements.length = 0;

    const outcome = await postAs(api, `Bearer ${token}`).then(
      ({ status }) => status,
      // The server hangs up as soon as it has answered, which a client that is still sending may see first.
      () => 'hung up on',
    );

    expect([431, 'hung up on']).toContain(outcome);
    expect(api.calls).toEqual([]);
    expect(api.statements).toEqual([]);
  });

  test('a wrong token gets the same answer to a GET', async () => {
    const api = await anApi();
    const [ann] = await api.people(1);
    const expired = await api.issuer.sign({ sub: ann.subject, exp: now() - HOUR });

    const post = await postAs(api, `Bearer ${expired}`);
    const get = await getAs(api, `Bearer ${expired}`);

    expect(get.status).toBe(401);
    expect(get.headers.get('www-authenticate')).toMatch(/^Bearer .*error="invalid_token"/);
    expect(await get.text()).toBe(await post.text());
    expect(api.calls).toEqual([]);
  });
});

test('an issuer that a token names is never asked for keys, whatever the key is called', async () => {
  const api = await anApi();
  const [ann] = await api.people(1);
  const own = await startIssuer();
  onTestFinished(() => own.stop());
  const claims = { sub: ann.subject };
  const header = { jku: own.identity.jwksUri, x5u: own.identity.jwksUri };

  const tokens = [
    await api.issuer.sign(claims, { ...header, kid: 'own-key' }, own.privateKey),
    await api.issuer.sign(claims, header, own.privateKey),
    await own.sign(claims, header),
  ];
  const responses = await Promise.all(tokens.map((token) => postAs(api, `Bearer ${token}`)));

  expect(responses.map(({ status }) => status)).toEqual([401, 401, 401]);
  expect(own.fetches()).toBe(0);
  expect(api.calls).toEqual([]);
});

describe('good tokens', () => {
  test.each<readonly [string, MakeToken]>([
    ['after the fashion of Cognito', (api, sub) => api.issuer.token(sub)],
    [
      'that names the audience in aud',
      (api, sub) => signClaims(api, sub, (claims) => leaveOut({ ...claims, aud: AUDIENCE }, 'client_id')),
    ],
    ['that names the audience among others', (api, sub) => api.issuer.sign({ sub, aud: ['another', AUDIENCE] })],
    ['that does not tell its use', (api, sub) => signClaims(api, sub, (claims) => leaveOut(claims, 'token_use'))],
    ['that was valid before now', (api, sub) => api.issuer.sign({ sub, nbf: now() - HOUR })],
    ['of an issuer whose clock is 4 s ahead', (api, sub) => api.issuer.sign({ sub, nbf: now() + 4 })],
  ])('a token %s is accepted', async (_, make) => {
    const api = await anApi();
    const [ann] = await api.people(1);
    const token = await make(api, ann.subject);

    const response = await postAs(api, `Bearer ${token}`);

    expect(response.status).toBe(200);
    expect(response.headers.get('www-authenticate')).toBeNull();
    expect(((await response.json()) as Reply).data.viewer.handle).toBe(ann.handle);
  });

  test.each(['bearer ', 'BEARER ', 'bEaReR ', 'Bearer    '])('the scheme may be spelt "%s"', async (scheme) => {
    const api = await anApi();
    const [ann] = await api.people(1);

    const response = await postAs(api, `${scheme}${await api.issuer.token(ann.subject)}`);

    expect(response.status).toBe(200);
    expect(((await response.json()) as Reply).data.viewer.handle).toBe(ann.handle);
  });

  test('a good token of somebody without a row in the directory gets 401, which says so', async () => {
    const api = await anApi();
    const token = await api.issuer.token(randomUUID());

    const response = await postAs(api, `Bearer ${token}`);

    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toMatch(/^Bearer .*error="invalid_token"/);
    expect(await response.json()).toEqual({
      errors: [
        { message: expect.stringContaining('the directory has nobody'), extensions: { code: 'UNAUTHENTICATED' } },
      ],
    });
    expect(api.calls).toEqual([]);
  });

  test('a stranger who gets a row is let in at once', async () => {
    const api = await anApi();
    const [ann] = await api.people(1);
    const subject = randomUUID();
    const authorization = `Bearer ${await api.issuer.token(subject)}`;
    const before = await postAs(api, authorization);
    await api.pool.query('UPDATE users SET cognito_user_id = $1 WHERE id = $2', [subject, ann.id]);

    const after = await postAs(api, authorization);

    expect([before.status, after.status]).toEqual([401, 200]);
    expect(((await after.json()) as Reply).data.viewer.handle).toBe(ann.handle);
  });

  test.each(['\u0000', '\ud800', "' OR true --", 'x'.repeat(5000)])(
    'a subject that nobody can have is a stranger’s (%j)',
    async (sub) => {
      const api = await anApi();
      await api.people(1);
      const token = await signClaims(api, '', (claims) => ({ ...claims, sub }));

      const response = await postAs(api, `Bearer ${token}`);

      expect(response.status).toBe(401);
      expect(((await response.json()) as Reply).errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
    },
  );

  test('while the directory does not answer, a good token gets 503 and no challenge', async () => {
    const api = await anApi();
    const [ann] = await api.people(1);
    const query = vi.spyOn(api.pool, 'query').mockRejectedValue(new Error('Connection terminated') as never);
    onTestFinished(() => query.mockRestore());

    const response = await postAs(api, `Bearer ${await api.issuer.token(ann.subject)}`);

    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('1');
    expect(response.headers.get('www-authenticate')).toBeNull();
    expect(((await response.json()) as Reply).errors?.[0]?.extensions.code).toBe('UNAVAILABLE');
  });
});

describe('requests without a usable header', () => {
  const CHALLENGE = 'Bearer realm="cruddur-messages"';

  test.each([
    ['no header', undefined],
    ['an empty header', ''],
    ['the scheme Basic', `Basic ${Buffer.from('ann:secret').toString('base64')}`],
    ['a scheme that starts like Bearer', 'Bearers abc'],
    ['a token without a scheme', 'abc.def.ghi'],
  ])('%s gets 401 and a challenge without an error code', async (_, authorization) => {
    const api = await anApi();

    const responses = [await postAs(api, authorization), await getAs(api, authorization)];

    for (const response of responses) {
      expect(response.status).toBe(401);
      expect(response.headers.get('www-authenticate')).toBe(CHALLENGE);
      const { data, errors } = (await response.json()) as Reply;
      expect(data).toBeUndefined();
      expect(errors).toEqual([{ message: expect.any(String), extensions: { code: 'UNAUTHENTICATED' } }]);
    }
    expect(api.calls).toEqual([]);
  });

  test.each(['Bearer', 'Bearer ', 'bearer'])('"%s" without a token gets 401', async (authorization) => {
    const api = await anApi();

    const response = await postAs(api, authorization);

    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toMatch(/^Bearer /);
    expect(((await response.json()) as Reply).errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
    expect(api.calls).toEqual([]);
  });

  test.each([
    ['twice the same token', (token: string) => [`Bearer ${token}`, `Bearer ${token}`]],
    ['a good and a bad one', (token: string) => [`Bearer ${token}`, 'Bearer junk']],
    ['another scheme after it', (token: string) => [`Bearer ${token}`, 'Basic abc']],
    ['another scheme before it', (token: string) => ['Basic abc', `Bearer ${token}`]],
  ])('several Authorization headers are an invalid request: %s', async (_, headers) => {
    const api = await anApi();
    const [ann] = await api.people(1);
    const token = await api.issuer.token(ann.subject);

    const { status, challenge, reply } = await postWithHeaders(api, headers(token));

    expect(status).toBe(400);
    expect(challenge).toMatch(/^Bearer .*error="invalid_request"/);
    expect(reply.data).toBeUndefined();
    expect(reply.errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
    expect(api.calls).toEqual([]);
  });

  test('one Authorization header is enough for the same request', async () => {
    const api = await anApi();
    const [ann] = await api.people(1);

    const { status, reply } = await postWithHeaders(api, [`Bearer ${await api.issuer.token(ann.subject)}`]);

    expect(status).toBe(200);
    expect(reply.data.viewer.handle).toBe(ann.handle);
  });

  test('a token in the query string, the body or a cookie is not looked at', async () => {
    const api = await anApi();
    const [ann] = await api.people(1);
    const token = await api.issuer.token(ann.subject);
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ query: QUERY, access_token: token, authorization: `Bearer ${token}` });

    const responses = [
      await getAs(api, undefined, { access_token: token, authorization: `Bearer ${token}` }),
      await fetch(`${api.url}?access_token=${token}`, { method: 'POST', headers, body }),
      await fetch(api.url, { method: 'POST', headers: { ...headers, cookie: `access_token=${token}` }, body }),
    ];

    expect(responses.map(({ status }) => status)).toEqual([401, 401, 401]);
    expect(responses.map((response) => response.headers.get('www-authenticate'))).toEqual(Array(3).fill(CHALLENGE));
    expect(api.calls).toEqual([]);
  });

  test('a mutation without a token changes nothing', async () => {
    const api = await anApi();
    const people = await api.people(2);
    const messageGroupId = await startGroup(api, people);
    api.calls.length = 0;

    const response = await postAs(
      api,
      undefined,
      `mutation { createMessage(input: { to: { messageGroupId: "${messageGroupId}" }, body: "hi" }) { deduplicated } }`,
    );

    expect(response.status).toBe(401);
    expect(api.calls).toEqual([]);
  });
});

describe('the schema', () => {
  const INTROSPECTION = '{ __schema { queryType { name } } }';

  test.each([INTROSPECTION, '{ __typename }', '{ __type(name: "User") { name } }'])(
    'locally, %s works without a token',
    async (query) => {
      const api = await anApi({ local: true });

      const response = await postAs(api, undefined, query);

      expect(response.status).toBe(200);
      const { data, errors } = (await response.json()) as Reply;
      expect(errors).toBeUndefined();
      expect(Object.values(data)).not.toContain(null);
    },
  );

  test.each([
    QUERY,
    '{ __typename viewer { handle } }',
    '{ __typename: viewer { handle } }',
    '{ ... { viewer { handle } } }',
    '{ ...Fields } fragment Fields on Query { viewer { handle } }',
    '{ __typename user(handle: "londo") { id } }',
    'mutation { createMessage(input: { to: { recipientHandles: ["x"] }, body: "hi" }) { deduplicated } }',
  ])('locally, %s is 401 without a token', async (query) => {
    const api = await anApi({ local: true });

    const response = await postAs(api, undefined, query);

    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="cruddur-messages"');
    const { data, errors } = (await response.json()) as Reply;
    expect(data ?? null).toBeNull();
    expect(errors?.map(({ extensions }) => extensions.code)).toEqual(['UNAUTHENTICATED']);
    expect(api.calls).toEqual([]);
  });

  test('locally, a wrong token is 401 even for introspection', async () => {
    const api = await anApi({ local: true });

    const responses = [
      await postAs(api, 'Bearer junk', INTROSPECTION),
      await postAs(api, 'Basic abc', INTROSPECTION),
      await postAs(api, `Bearer ${await api.issuer.token(randomUUID())}`, INTROSPECTION),
    ];

    expect(responses.map(({ status }) => status)).toEqual([401, 401, 401]);
  });

  test('elsewhere, introspection is 401 without a token and refused with one', async () => {
    const api = await anApi();
    const [ann] = await api.people(1);

    const anonymous = await postAs(api, undefined, INTROSPECTION);
    const { data, errors } = await api.reply(ann, INTROSPECTION);

    expect(anonymous.status).toBe(401);
    expect(data).toBeUndefined();
    expect(errors?.[0]?.extensions.code).toBe('GRAPHQL_VALIDATION_FAILED');
    expect(errors?.[0]?.message).toMatch(/introspection is not allowed/i);
  });

  const SEND = 'mutation ($input: CreateMessageInput!) { createMessage(input: $input) { deduplicated } }';

  test.each([
    ['a field', '{ viewer { handel } }', {}],
    ['an argument', '{ user(handel: "londo") { id } }', {}],
    ['a type', 'query ($handle: Strin!) { user(handle: $handle) { id } }', {}],
    [
      'a field of an input',
      'mutation { createMessage(input: { to: { messageGroupIds: "x" }, body: "hi" }) { deduplicated } }',
      {},
    ],
    ['a field of a variable', SEND, { input: { to: { messageGroupIds: 'x' }, body: 'hi' } }],
  ])('%s that is misspelt is told what is meant locally, and nowhere else', async (_, query, variables) => {
    const [local, elsewhere] = [await anApi({ local: true }), await anApi()];
    const [ann] = await local.people(1);

    const responses = [await local.post(ann, query, variables), await elsewhere.post(ann, query, variables)];
    const [told = '', untold = ''] = await Promise.all(responses.map((response) => response.text()));

    expect(responses.map(({ status }) => status)).toEqual([400, 400]);
    expect(told).toContain('Did you mean');
    expect(untold).not.toMatch(/did you mean/i);
    expect(JSON.parse(untold).errors[0].message).not.toBe('');
  });
});

describe('the verifier', () => {
  test('keys that can’t be had are nobody’s fault: the token is not called invalid', async () => {
    const issuer = await startIssuer();
    const token = await issuer.token('ann');
    await issuer.stop();
    const verifier = createTokenVerifier(issuer.identity);

    const attempts = await Promise.allSettled([verifier.subjectOf(token), verifier.subjectOf(token)]);
    const later = verifier.subjectOf(token);

    expect(attempts.map((attempt) => attempt.status === 'rejected' && attempt.reason)).toEqual([
      expect.any(UnavailableError),
      expect.any(UnavailableError),
    ]);
    await expect(later).rejects.toBeInstanceOf(UnavailableError);
  });

  test.each([
    ['an error', () => new Response('{"keys":[]}', { status: 500 })],
    ['a page in place of keys', () => new Response('<h1>Maintenance</h1>', { status: 200 })],
    ['JSON that holds no keys', () => new Response('{}', { status: 200 })],
  ])('an issuer that answers with %s counts as one whose keys can’t be had', async (_, answer) => {
    const issuer = await startIssuer();
    onTestFinished(() => issuer.stop());
    const token = await issuer.token('ann');
    serveKeys(async () => answer());
    const verifier = createTokenVerifier(issuer.identity);

    const subject = verifier.subjectOf(token);

    await expect(subject).rejects.toBeInstanceOf(UnavailableError);
  });

  test('a token that was verified is refused once it has expired by the clock, wherever that was set', async () => {
    const issuer = await startIssuer();
    onTestFinished(() => issuer.stop());
    const verifier = createTokenVerifier(issuer.identity);
    const token = await issuer.sign({ sub: 'ann', exp: now() + HOUR });
    expect(await verifier.subjectOf(token)).toBe('ann');

    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 2 * HOUR * 1_000 });
    onTestFinished(() => void vi.useRealTimers());

    await expect(verifier.subjectOf(token)).rejects.toBeInstanceOf(UnauthenticatedError);
  });

  test('once the issuer answers again, so does the verifier', async () => {
    const issuer = await startIssuer();
    onTestFinished(() => issuer.stop());
    const token = await issuer.token('ann');
    let reachable = false;
    serveKeys(async () => {
      if (!reachable) throw new TypeError('fetch failed');
      return Response.json({ keys: [issuer.publicJwk] });
    });
    const verifier = createTokenVerifier(issuer.identity);
    await expect(verifier.subjectOf(token)).rejects.toBeInstanceOf(UnavailableError);
    reachable = true;

    await vi.waitFor(async () => expect(await verifier.subjectOf(token)).toBe('ann'), { timeout: 5_000 });
  });
});

describe('Cognito’s tokens', () => {
  const POOL = 'eu-central-1_AbCdEfGhI';
  const ISSUER = `https://cognito-idp.eu-central-1.amazonaws.com/${POOL}`;
  const CLIENT = '1example23456789';

  /** A verifier of the user pool, whose keys are those of a test issuer. */
  async function aCognitoVerifier() {
    const issuer = await startIssuer();
    onTestFinished(() => issuer.stop());
    const fetched: string[] = [];
    serveKeys(async (uri) => {
      fetched.push(uri);
      return Response.json({ keys: [issuer.publicJwk] });
    });
    const verifier = createTokenVerifier({ kind: 'cognito', userPoolId: POOL, clientId: CLIENT });
    const sign = (claims: JWTPayload) => issuer.sign({ sub: 'ann', iss: ISSUER, client_id: CLIENT, ...claims });
    return { issuer, verifier, sign, fetched };
  }

  test('an access token of the client is accepted, with keys from the user pool’s own address', async () => {
    const { verifier, sign, fetched } = await aCognitoVerifier();

    const subject = await verifier.subjectOf(await sign({}));

    expect(subject).toBe('ann');
    expect(fetched).toEqual([`${ISSUER}/.well-known/jwks.json`]);
  });

  test.each<readonly [string, JWTPayload]>([
    ['an id token', { token_use: 'id', aud: CLIENT }],
    ['a token of another client', { client_id: 'another' }],
    ['a token of another use', { token_use: 'refresh' }],
    ['a token of another user pool', { iss: `${ISSUER}x` }],
    ['a token of another region’s user pool', { iss: ISSUER.replace('eu-central-1', 'us-east-1') }],
    ['an expired token', { exp: 1 }],
    ['a token of an empty subject', { sub: '' }],
  ])('%s is refused', async (_, claims) => {
    const { verifier, sign } = await aCognitoVerifier();
    const token = await sign(claims);

    const subject = verifier.subjectOf(token);

    await expect(subject).rejects.toBeInstanceOf(UnauthenticatedError);
  });

  test.each(['exp', 'sub', 'client_id', 'token_use', 'iss'])('a token without %s is refused', async (name) => {
    const { issuer, verifier, sign } = await aCognitoVerifier();
    const claims = leaveOut(decodeJwt(await sign({})), name);
    const token = await new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
      .setProtectedHeader({ alg: 'RS256', kid: 'test-key' })
      .sign(issuer.privateKey);

    const subject = verifier.subjectOf(token);

    await expect(subject).rejects.toBeInstanceOf(UnauthenticatedError);
  });
});

/** Stands in for the network, for a test that makes no other requests. */
function serveKeys(serve: (uri: string) => Promise<Response>): void {
  vi.stubGlobal('fetch', serve);
  onTestFinished(() => {
    vi.unstubAllGlobals();
  });
}

describe('what the verifier remembers', () => {
  /** Sees each token that is verified, and not just remembered. */
  function watchVerification() {
    const verify = vi.spyOn(JwtVerifier.prototype, 'verify');
    onTestFinished(() => verify.mockRestore());
    return verify;
  }

  async function aVerifier() {
    const issuer = await startIssuer();
    onTestFinished(() => issuer.stop());
    return { issuer, verifier: createTokenVerifier(issuer.identity) };
  }

  test('a valid token is verified once, and one that is not valid again and again', async () => {
    const { issuer, verifier } = await aVerifier();
    const verify = watchVerification();
    const good = await issuer.token('ann');
    const bad = await issuer.sign({ sub: 'ann', aud: 'another-client' });

    for (let time = 0; time < 3; time += 1) {
      expect(await verifier.subjectOf(good)).toBe('ann');
      await expect(verifier.subjectOf(bad)).rejects.toBeInstanceOf(UnauthenticatedError);
    }

    expect(verify.mock.calls.map(([token]) => token)).toEqual([good, bad, bad, bad]);
  });

  test('a token that is remembered is refused as soon as it has expired', async () => {
    const { issuer, verifier } = await aVerifier();
    const verify = watchVerification();
    const exp = now() + 2;
    const token = await issuer.sign({ sub: 'ann', exp });
    expect(await verifier.subjectOf(token)).toBe('ann');
    expect(await verifier.subjectOf(token)).toBe('ann');
    expect(verify).toHaveBeenCalledTimes(1);

    await vi.waitFor(() => expect(verifier.subjectOf(token)).rejects.toBeInstanceOf(UnauthenticatedError), {
      timeout: 5_000,
      interval: 20,
    });

    expect(Date.now() - exp * 1_000).toBeGreaterThanOrEqual(-5);
    expect(Date.now() - exp * 1_000).toBeLessThan(1_500);
    await expect(verifier.subjectOf(token)).rejects.toBeInstanceOf(UnauthenticatedError);
  });

  test('the 5,000 tokens that were used last are remembered, and no more', async () => {
    const { verifier } = await aVerifier();
    const verify = watchVerification();
    verify.mockImplementation((async (token: string) => ({ sub: `of ${token}`, exp: now() + HOUR })) as never);
    const tokens = Array.from({ length: 5_001 }, (_, index) => `token ${index}`);
    const [first = '', second = '', third = ''] = tokens;

    for (const token of tokens.slice(0, 5_000)) await verifier.subjectOf(token);
    await verifier.subjectOf(first);
    expect(verify).toHaveBeenCalledTimes(5_000);
    await verifier.subjectOf(tokens.at(-1) ?? '');
    verify.mockClear();

    expect(await verifier.subjectOf(first)).toBe(`of ${first}`);
    expect(await verifier.subjectOf(third)).toBe(`of ${third}`);
    expect(verify).not.toHaveBeenCalled();
    expect(await verifier.subjectOf(second)).toBe(`of ${second}`);
    expect(verify).toHaveBeenCalledTimes(1);
  });
});
