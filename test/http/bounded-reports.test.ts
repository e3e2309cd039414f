import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, test, vi } from 'vitest';
import { createApiMetrics } from '../../src/telemetry/metrics.ts';
import { anApi, type TestApi, useApi } from '../support/api.ts';
import { answerWithError, proxyEngine } from '../support/engine-proxy.ts';

useApi();

/** Longer than any line should be, and than Node lets headers be. */
const LONG = 'Zw'.repeat(6_000);
const LONGEST_LINE = 4_000;

/** Sends a request that `fetch` would not send, and waits for the end of the answer. */
async function sendRaw({ url }: TestApi, head: string): Promise<void> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  await once(socket, 'connect');
  socket.write(`${head}\r\nHost: api\r\nConnection: close\r\n\r\n`);
  await text(socket);
}

async function labelsOf(api: TestApi, label: string): Promise<string[]> {
  const metrics = createApiMetrics();
  for (const report of api.reports) metrics.onRequest(report);
  const all = await metrics.registry.getMetricsAsJSON();
  const values = all.flatMap(({ values }) => values.map(({ labels }) => (labels as Record<string, string>)[label]));
  return [...new Set(values.filter((value) => value !== undefined))].sort();
}

test('nothing that a client chooses becomes a label of metrics', async () => {
  const api = await anApi({ rateLimits: { reads: 3 } });
  const [ann] = await api.people(1);

  await api.post(ann, `subscription { ${LONG} }`);
  await api.post(ann, `query ${LONG} { ${LONG}: viewer { id } }`);
  await api.post(ann, `query A { viewer { id } }`.replace('A', LONG.slice(1)));
  await api.post(ann, '{ __typename }');
  await api.post(ann, `{ ${LONG} }`);
  for (let count = 0; count < 4; count += 1) await api.post(ann, `subscription { f${count} }`);
  await api.post(ann, '{ viewer { id } }');
  for (const method of ['PROPFIND', 'M-SEARCH', 'PURGE']) await sendRaw(api, `${method} /${LONG} HTTP/1.1`);
  await fetch(`${api.url}/${LONG}`);
  await vi.waitFor(() => expect(api.reports).toHaveLength(14));

  expect(await labelsOf(api, 'operation')).toEqual(['__typename', 'invalid', 'viewer']);
  expect(await labelsOf(api, 'code')).toEqual(['GRAPHQL_VALIDATION_FAILED', 'OK', 'RATE_LIMITED']);
  expect(await labelsOf(api, 'method')).toEqual(['GET', 'POST', '_OTHER']);
  expect(await labelsOf(api, 'route')).toEqual(['/graphql', 'none']);
});

test('nothing that a client chooses makes a line of the log long, or a request have many lines', async () => {
  let failing = false;
  const dynamodbEndpoint = await proxyEngine(
    ({ outgoing }) => failing && answerWithError(outgoing, 400, 'ValidationException'),
  );
  const api = await anApi({ dynamodbEndpoint, trustedProxies: ['127.0.0.1'], queryLimits: { aliases: 100 } });
  const [ann] = await api.people(1);
  failing = true;
  const before = api.logs.length;

  const aliases = Array.from(
    { length: 24 },
    (_, index) => `${LONG.slice(0, 2_000)}${index}: messageGroup(id: "${randomUUID()}") { id }`,
  );
  await api.post(ann, `query ${LONG} { viewer { id } ${aliases.join(' ')} }`);
  await api.post(ann, '{ viewer { id } }', {}, { 'x-forwarded-for': LONG, 'x-request-id': 'y'.repeat(2_000) });
  await api.post(
    undefined,
    '{ viewer { id } }',
    {},
    { 'x-forwarded-for': LONG.slice(0, 5_000), authorization: `Bearer ${LONG.slice(0, 5_000)}` },
  );
  await fetch(`${api.url}/${LONG}`);
  await vi.waitFor(() => expect(api.reports).toHaveLength(4));
  failing = false;

  const lines = api.logs.slice(before);
  expect(lines.filter((line) => line.includes('"request failed"'))).toHaveLength(10);
  expect(lines.filter((line) => line.includes('"msg":"request"'))).toHaveLength(4);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(LONGEST_LINE);
});
