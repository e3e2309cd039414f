import { auditServer } from 'graphql-http';
import { expect, test } from 'vitest';
import { anApi, useApi } from '../support/api.ts';

useApi();

/** The audits that ask for the schema, which only a local API tells. */
const INTROSPECTING = ['BF61', '28B9'];

test.each([
  { local: true, refused: [] },
  { local: false, refused: INTROSPECTING },
])(
  'with local $local, the API does all that the GraphQL over HTTP specification demands',
  async ({ local, refused }) => {
    const api = await anApi({ local });
    const [ann] = await api.people(1);
    const authorization = `Bearer ${await api.issuer.token(ann.subject)}`;
    const fetchAsAnn = (url: string, init: RequestInit = {}) =>
      fetch(url, { ...init, headers: { ...init.headers, authorization } });

    const results = await auditServer({ url: api.url, fetchFn: fetchAsAnn });

    const errors = results.flatMap((result) => (result.status === 'error' ? [result] : []));
    const told = errors.map(({ id, name, reason }) => `${id} ${name}: ${reason}`).join('\n');
    expect(results.length).toBeGreaterThan(50);
    expect(
      errors.map(({ id }) => id),
      told,
    ).toEqual(refused);
  },
);
