import { createHash } from 'node:crypto';
import { expect, test, vi } from 'vitest';
import { anApi, useApi } from '../support/api.ts';
import { startApi } from '../support/api-process.ts';
import { tellFigures } from '../support/figures.ts';
import { issuerVariables } from '../support/issuer.ts';

useApi();

/** Valid queries, each unlike all others, of the kinds that take the most memory for what they seem to be. */
const KINDS: Readonly<Record<string, { readonly count: number; readonly query: (number: number) => string }>> = {
  'of a few words': { count: 8_000, query: (number) => `{ viewer { a${number}: id } }` },
  'of 90 KB of comment': { count: 1_500, query: (number) => `{ viewer { id } } # ${`${number} `.padEnd(90_000, 'x')}` },
  'of 970 words and signs': {
    count: 200,
    query: (number) => `{ viewer { a${number}: id ${'... { id } '.repeat(240)} } }`,
  },
};

const AT_ONCE = 8;

/** Less than is set aside for documents, for what is compiled of them, and for texts of persisted queries. */
const MOST_MB = 30;

test.each(Object.entries(KINDS))(
  'queries %s, thousands of them and each registered, take no more memory than is set aside for them',
  async (kind, { count, query }) => {
    const { table, issuer, people } = await anApi();
    const [ann] = await people(1);
    const api = await startApi(table, {
      ...issuerVariables(issuer),
      RATE_LIMIT_READS: '999999',
      GRAPHQL_MAX_REPETITIONS: '1000',
    });
    const authorization = `Bearer ${await issuer.token(ann.subject)}`;
    const post = async (text: string) => {
      const sha256Hash = createHash('sha256').update(text).digest('hex');
      const response = await fetch(api.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization },
        body: JSON.stringify({ query: text, extensions: { persistedQuery: { version: 1, sha256Hash } } }),
      });
      await response.arrayBuffer();
      return response.status;
    };
    for (let number = 0; number < 200; number += 1) await post('{ viewer { handle } }');

    const before = await api.memory();
    const left = Array.from({ length: count }, (_, number) => number).values();
    const registerOn = async () => {
      // A directory that all tests share may keep one waiting.
      for (const number of left) {
        // Twice: what is asked for again may be kept in other forms too.
        for (const text of [query(number), query(number)])
          await vi.waitFor(async () => expect(await post(text)).toBe(200), 10_000);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, registerOn));
    const after = await api.memory();

    tellFigures(`${count} queries ${kind}`, { 'MB of heap before': before.heap, 'and after': after.heap });
    expect(after.heap - before.heap).toBeLessThan(MOST_MB);
  },
  120_000,
);
