import { fetchExchange, gql, Client as UrqlClient } from '@urql/core';
import { GraphQLClient } from 'graphql-request';
import { describe, expect, test } from 'vitest';
import { anApi, type TestApi, useApi } from '../support/api.ts';
import { createMessage } from '../support/operations.ts';
import type { Person } from '../support/people.ts';

useApi();

const VIEWER = '{ viewer { handle } }';

async function authorizationOf(api: TestApi, { subject }: Person): Promise<{ authorization: string }> {
  return { authorization: `Bearer ${await api.issuer.token(subject)}` };
}

describe('a query by GET', () => {
  test('from urql is answered', async () => {
    const api = await anApi();
    const [ann] = await api.people(1);
    const headers = await authorizationOf(api, ann);
    const methods: (string | undefined)[] = [];
    const client = new UrqlClient({
      url: api.url,
      exchanges: [fetchExchange],
      preferGetMethod: 'force',
      fetchOptions: { headers },
      fetch: (input, init) => {
        methods.push(init?.method);
        return fetch(input, init);
      },
    });

    const { data, error } = await client.query(gql(VIEWER), {}).toPromise();

    expect(error).toBeUndefined();
    expect(data).toEqual({ viewer: { handle: ann.handle } });
    expect(methods).toEqual(['GET']);
  });

  test('from graphql-request is answered', async () => {
    const api = await anApi();
    const [ann] = await api.people(1);
    const headers = await authorizationOf(api, ann);
    const client = new GraphQLClient(api.url, { method: 'GET', jsonSerializer: JSON, headers });

    expect(await client.request(VIEWER)).toEqual({ viewer: { handle: ann.handle } });
  });

  test.each([
    ['without Authorization', {}],
    ['with an empty Authorization', { authorization: '' }],
  ])('%s and without a header that is preflighted is refused before anything runs', async (_, headers) => {
    const api = await anApi({ local: true });

    const response = await fetch(`${api.url}?query=${encodeURIComponent('{ __typename }')}`, { headers });

    expect(response.status).toBe(400);
    expect(await response.text()).toContain('Cross-Site Request Forgery');
    expect([...api.calls, ...api.statements]).toEqual([]);
  });

  test('with the credentials that a browser adds by itself is refused', async () => {
    const api = await anApi({ local: true });

    const response = await fetch(`${api.url}?query=${encodeURIComponent('{ __typename }')}`, {
      headers: { authorization: 'Basic YW5uOnNlY3JldA==' },
    });

    expect(response.status).toBe(401);
  });

  test('is refused when it holds a mutation, which sends nothing', async () => {
    const api = await anApi();
    const [ann, ben] = await api.people(2);
    const mutation = `mutation { createMessage(input: { to: { recipientHandles: ["${ben.handle}"] }, body: "hi" }) { deduplicated } }`;

    const response = await fetch(`${api.url}?query=${encodeURIComponent(mutation)}`, {
      headers: await authorizationOf(api, ann),
    });

    expect(response.status).toBe(405);
    expect(api.calls).toEqual([]);
    expect((await createMessage(api, ann, { recipientHandles: [ben.handle] })).messageGroup?.messageCount).toBe(1);
  });
});

describe('a page of another origin', () => {
  const APP = 'https://app.example.com';

  test.each([
    ['Apollo Client', ['apollographql-client-name', 'apollographql-client-version', 'apollo-require-preflight']],
    ['Apollo iOS and Kotlin', ['x-apollo-operation-name', 'x-apollo-operation-id', 'x-apollo-operation-type']],
    ['W3C Trace Context and Baggage', ['traceparent', 'tracestate', 'baggage']],
    ['Sentry', ['sentry-trace', 'baggage']],
    [
      'Datadog',
      [
        'x-datadog-trace-id',
        'x-datadog-parent-id',
        'x-datadog-origin',
        'x-datadog-sampling-priority',
        'x-datadog-tags',
      ],
    ],
    ['Zipkin', ['b3', 'x-b3-traceid', 'x-b3-spanid', 'x-b3-parentspanid', 'x-b3-sampled', 'x-b3-flags']],
    ['New Relic', ['newrelic', 'traceparent', 'tracestate']],
    ['AWS X-Ray', ['x-amzn-trace-id']],
    [
      'any client',
      ['accept', 'authorization', 'content-type', 'cache-control', 'pragma', 'if-none-match', 'x-request-id'],
    ],
  ])('may send the headers of %s', async (_, headers) => {
    const api = await anApi({ corsOrigins: [APP] });

    const response = await fetch(api.url, {
      method: 'OPTIONS',
      headers: {
        origin: APP,
        'access-control-request-method': 'POST',
        'access-control-request-headers': headers.join(','),
      },
    });

    const allowed = (response.headers.get('access-control-allow-headers') ?? '').split(/,\s*/);
    expect(response.status).toBe(204);
    expect(response.headers.get('access-control-allow-origin')).toBe(APP);
    expect(headers.filter((header) => !allowed.includes(header))).toEqual([]);
  });
});

describe('If-None-Match', () => {
  test.each([
    ['*', (_: string) => '*'],
    ['the ETag', (etag: string) => etag],
    ['the ETag as a strong one', (etag: string) => etag.replace('W/', '')],
    ['a list with the ETag', (etag: string) => `"other", ${etag} , W/"another"`],
    ['a list without spaces', (etag: string) => `"a,b",${etag}`],
  ])('with %s is answered by 304', async (_, conditionOf) => {
    const { etag, ask } = await aCachedAnswer();

    const response = await ask(conditionOf(etag));

    expect(response.status).toBe(304);
    expect(response.headers.get('etag')).toBe(etag);
    expect(await response.text()).toBe('');
  });

  test.each([
    ['other ETags', () => '"other", W/"another"'],
    ['the ETag within another one', (etag: string) => `"x${etag.slice(3)}`],
    ['the ETag without quotes', (etag: string) => etag.slice(3, -1)],
    ['a star in quotes', () => '"*"'],
    ['nothing', () => ''],
  ])('with %s is answered in full', async (_, conditionOf) => {
    const { etag, ask } = await aCachedAnswer();

    const response = await ask(conditionOf(etag));

    expect(response.status).toBe(200);
    expect(await response.json()).toHaveProperty('data.viewer.handle');
  });

  test('with * does not turn a refusal into 304', async () => {
    const { api, ask } = await aCachedAnswer();

    const invalid = await ask('*', '{ nothing }');
    const anonymous = await fetch(`${api.url}?query=${encodeURIComponent(VIEWER)}`, {
      headers: { 'if-none-match': '*', 'apollo-require-preflight': 'true' },
    });

    expect([invalid.status, anonymous.status]).toEqual([400, 401]);
  });

  async function aCachedAnswer() {
    const api = await anApi();
    const [ann] = await api.people(1);
    const authorization = await authorizationOf(api, ann);
    const ask = (condition?: string, query = VIEWER) =>
      fetch(`${api.url}?query=${encodeURIComponent(query)}`, {
        headers: {
          'apollo-require-preflight': 'true',
          ...authorization,
          ...(condition !== undefined && { 'if-none-match': condition }),
        },
      });
    return { api, ask, etag: (await ask()).headers.get('etag') ?? 'none' };
  }
});
