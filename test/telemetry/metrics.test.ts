import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createApiMetrics, createWorkerMetrics } from '../../src/telemetry/metrics.ts';
import { serveMetrics, stopMetrics } from '../../src/telemetry/metrics-server.ts';
import { anApi, useApi } from '../support/api.ts';
import { send, startGroup } from '../support/operations.ts';

useApi();

/** The metrics as Prometheus gets them, by name and labels. */
async function scrape({
  registry,
}: Pick<ReturnType<typeof createApiMetrics>, 'registry'>): Promise<Map<string, number>> {
  const server = await serveMetrics(registry, { host: '127.0.0.1', port: 0 });
  onTestFinished(() => stopMetrics(server));
  const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`);
  expect(response.headers.get('content-type')).toContain('text/plain');
  const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

test('requests, durations, engine calls and capacity are counted by the field of the schema', async () => {
  const [api, metrics] = [await anApi(), createApiMetrics()];
  const people = await api.people(2);
  const messageGroupId = await startGroup(api, people);
  await vi.waitFor(() => expect(api.reports.splice(0)).toHaveLength(1));
  await send(api, people[0], { recipientHandles: [people[1].handle] });
  const page = `{ messages(messageGroupId: "${messageGroupId}") { edges { node { body } } } }`;
  await api.post(people[0], page);
  await api.post(people[0], '{ messages(messageGroupId: "none") { edges { node { body } } } }');
  await api.post(people[0], '{ nothing }');
  await api.post(people[0], `query Mine { viewer { id } ${page.slice(1)}`);
  await fetch(new URL('/wp-login.php', api.url));
  await vi.waitFor(() => expect(api.reports).toHaveLength(6));

  for (const report of api.reports) metrics.onRequest(report);
  const found = await scrape(metrics);

  expect(
    Object.fromEntries([...found].filter(([name]) => /http_requests|operation_duration_seconds_count/.test(name))),
  ).toEqual({
    'http_requests_total{method="POST",route="/graphql",status="200"}': 4,
    'http_requests_total{method="POST",route="/graphql",status="400"}': 1,
    'http_requests_total{method="GET",route="none",status="404"}': 1,
    'graphql_operation_duration_seconds_count{operation="createMessage",code="OK"}': 1,
    'graphql_operation_duration_seconds_count{operation="messages",code="OK"}': 1,
    'graphql_operation_duration_seconds_count{operation="messages",code="NOT_FOUND"}': 1,
    'graphql_operation_duration_seconds_count{operation="several",code="OK"}': 1,
    'graphql_operation_duration_seconds_count{operation="invalid",code="GRAPHQL_VALIDATION_FAILED"}': 1,
  });
  expect(Object.fromEntries([...found].filter(([name]) => name.includes('capacity')))).toEqual({
    'dynamodb_consumed_capacity_units_total{operation="createMessage",call="Query"}': 0.5,
    'dynamodb_consumed_capacity_units_total{operation="createMessage",call="PutItem"}': 1,
    'dynamodb_consumed_capacity_units_total{operation="createMessage",call="UpdateItem"}': 3,
    'dynamodb_consumed_capacity_units_total{operation="messages",call="Query"}': 0.5,
    'dynamodb_consumed_capacity_units_total{operation="several",call="Query"}': 0.5,
  });
  expect(found.get('dynamodb_call_duration_seconds_count{call="Query",error=""}')).toBe(3);
  expect(found.get('directory_call_duration_seconds_count{call="findByHandles",error=""}')).toBe(1);
  expect(found.get('process_resident_memory_bytes')).toBeGreaterThan(0);
});

test('the worker counts records, dead letters, its lag and its engine calls', async () => {
  const metrics = createWorkerMetrics();

  metrics.onBatch({ shardId: 'a', records: 10, lagMs: 1500 });
  metrics.onBatch({ shardId: 'b', records: 5, lagMs: 250 });
  metrics.onBatch({ shardId: 'c', records: 1, lagMs: 250 });
  metrics.onBatch({ shardId: 'd', records: 1, lagMs: 250 });
  metrics.onCaughtUp('c');
  metrics.onLeft('d');
  metrics.onCaughtUp('e');
  metrics.onWaiting('e', Date.now() - 60_000);
  metrics.onWaiting('f', Date.now() - 60_000);
  metrics.onLeft('f');
  metrics.onDeadLetter();
  metrics.onEngineCall({ operation: 'UpdateItem', capacityUnits: 3, startedAt: 0, durationMs: 4, error: undefined });

  const found = await scrape(metrics);
  expect(found.get('stream_records_total')).toBe(17);
  expect(found.get('stream_dead_letters_total')).toBe(1);
  expect(Object.fromEntries([...found].filter(([name]) => name.startsWith('stream_lag')))).toEqual({
    'stream_lag_seconds{shard="a"}': 1.5,
    'stream_lag_seconds{shard="b"}': 0.25,
    'stream_lag_seconds{shard="c"}': 0,
    'stream_lag_seconds{shard="e"}': expect.closeTo(60, 0),
  });
  expect(found.get('dynamodb_consumed_capacity_units_total{operation="updateSummaries",call="UpdateItem"}')).toBe(3);
});

test('items that are skipped are counted by their kind', async () => {
  for (const metrics of [createApiMetrics(), createWorkerMetrics()]) {
    metrics.onSkipped({ kind: 'unreadable item', pk: 'GRP#1', sk: 'MSG#000000000001', reason: 'no message' });
    metrics.onSkipped({ kind: 'missing number', pk: 'GRP#1', sk: 'MSG#000000000002', reason: '' });

    const found = await scrape(metrics);

    expect(found.get('table_items_skipped_total{kind="unreadable item"}')).toBe(1);
    expect(found.get('table_items_skipped_total{kind="missing number"}')).toBe(1);
  }
});
