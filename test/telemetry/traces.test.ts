import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { expect, onTestFinished, test, vi } from 'vitest';
import { openTraces } from '../../src/telemetry/traces.ts';
import { CACHE_MS } from '../../src/users/user-cache.ts';
import { anApi, useApi } from '../support/api.ts';
import { startGroup } from '../support/operations.ts';

useApi();

interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: Record<string, unknown> }[];
}

interface OtlpRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: OtlpSpan['attributes'] };
    readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[];
  }[];
}

/** A collector that keeps what it is sent. */
async function aCollector() {
  const received: OtlpRequest[] = [];
  const server = createServer(async (request, response) => {
    received.push((await json(request)) as OtlpRequest);
    response.setHeader('content-type', 'application/json').end('{}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    resource: () => attributesOf(received[0]?.resourceSpans[0]?.resource ?? { attributes: [] }),
    spans: () =>
      received.flatMap(({ resourceSpans }) =>
        resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
      ),
  };
}

function attributesOf({ attributes }: Pick<OtlpSpan, 'attributes'>): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}

test('a request is a span with its engine calls as children, in the trace of its caller', async () => {
  const [api, collector] = [await anApi(), await aCollector()];
  const traces = openTraces(collector.endpoint, 'cruddur-messages-api', fail);
  const people = await api.people(2);
  const messageGroupId = await startGroup(api, people);
  api.age(CACHE_MS);
  const [traceId, parentId] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'];
  const query = `query Poll { messages(messageGroupId: "${messageGroupId}") { edges { node { body sender { handle } } } } }`;
  await api.post(people[0], query, {}, { traceparent: `00-${traceId}-${parentId}-01` });
  await vi.waitFor(() => expect(api.reports).toHaveLength(2));

  for (const report of api.reports) traces.onRequest(report);
  await traces.stop();

  const spans = collector.spans();
  const root = spans.find(({ name }) => name === 'POST /graphql messages');
  expect(root).toMatchObject({ traceId, parentSpanId: parentId });
  if (!root) throw new Error('The request has a span');
  expect(attributesOf(root)).toMatchObject({
    'http.request.method': 'POST',
    'http.route': '/graphql',
    'http.response.status_code': 200,
    'graphql.operation.name': 'Poll',
    'cruddur.operation': 'messages',
    'cruddur.code': 'OK',
  });
  const children = spans.filter(({ parentSpanId }) => parentSpanId === root.spanId);
  expect(children.map(({ name }) => name)).toEqual(['DynamoDB Query', 'directory findBySubject']);
  for (const child of children) {
    expect(child.traceId).toBe(traceId);
    expect(BigInt(child.startTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(root.startTimeUnixNano));
    expect(BigInt(child.endTimeUnixNano)).toBeLessThanOrEqual(BigInt(root.endTimeUnixNano) + 1_000_000n);
  }
  expect(attributesOf(children[0] as OtlpSpan)).toMatchObject({
    'db.system.name': 'aws.dynamodb',
    'db.operation.name': 'Query',
    'aws.dynamodb.consumed_capacity_units': 0.5,
  });
  expect(collector.resource()).toMatchObject({ 'service.name': 'cruddur-messages-api' });
  expect(spans.find(({ name }) => name === 'POST /graphql createMessage')?.parentSpanId ?? '').toBe('');
});

test('a batch of the stream is a span, and a failed call in it is marked', async () => {
  const collector = await aCollector();
  const traces = openTraces(collector.endpoint, 'cruddur-messages-worker', fail);
  const startedAt = Date.now();

  const call = { operation: 'UpdateItem', startedAt, durationMs: 5, capacityUnits: 0, error: 'TimeoutError' };
  traces.onBatch({ startedAt, durationMs: 20, error: undefined, records: 3, engineCalls: [call] });
  await traces.stop();

  const [update, batch] = collector.spans();
  expect(batch).toMatchObject({ name: 'update summaries' });
  expect(update).toMatchObject({ name: 'DynamoDB UpdateItem', parentSpanId: batch?.spanId, status: { code: 2 } });
});

test('a collector that does not answer is told of, and takes nothing with it', async () => {
  const errors: unknown[] = [];
  const traces = openTraces('http://127.0.0.1:1', 'cruddur-messages-worker', (error) => errors.push(error));
  traces.onBatch({ startedAt: Date.now(), durationMs: 20, error: undefined, records: 3, engineCalls: [] });

  await traces.stop();

  expect(errors).toEqual([expect.objectContaining({ message: expect.stringContaining('ECONNREFUSED') })]);
});

function fail(error: unknown): never {
  throw error;
}
