import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { type AttributeValue, UpdateTableCommand } from '@aws-sdk/client-dynamodb';
import { BatchWriteCommand } from '@aws-sdk/lib-dynamodb';
import { buildBundles } from '../deploy/bundles.ts';
import { toWire } from '../src/dynamodb/attribute-values.ts';
import { messageGroupIdOf } from '../src/messaging/destination.ts';
import { kindOf, type Message, type MessageGroupProfile } from '../src/model.ts';
import { checkpointTable, createCheckpointTableIfMissing } from '../src/stream/checkpoint-table.ts';
import { auditTable } from '../src/summaries/rebuild.ts';
import { startMessageGroup } from '../src/table/appends.ts';
import { createTableIfMissing } from '../src/table/definition.ts';
import { messageItem } from '../src/table/items.ts';
import { openTable, type Table } from '../src/table/table.ts';
import { dynamodbEngine, freePort } from '../test/support/engines.ts';
import { serveFakeStream } from './fake-stream.ts';

/**
 * Measures how fast the worker catches up: writes 20,000 messages into 20 groups while it is off, starts it, and prints a line for each batch: the
 * records since its start, the records a second, and the age of the last one. It does so on the engine's own stream, and on a fake one that
 * delivers as fast as it is asked. Fails if a summary is wrong at the end, or if the worker takes more memory than it may.
 */

const GROUPS = 20;
const MESSAGES_A_GROUP = 1000;
const MESSAGES = GROUPS * (MESSAGES_A_GROUP - 1);

/** The memory that the worker may take, of which all of Node is a part. */
const MOST_MB = 150;

/** The limit of its heap with which the worker is deployed. Without one it collects garbage later, and its memory depends on the machine. */
const MOST_HEAP = '--max-old-space-size=128';

/** The time in which the worker has to be done with the last messages, in milliseconds. */
const LAST_MS = 20_000;

const folder = await mkdtemp(join(tmpdir(), 'cruddur-bench-'));
await buildBundles(folder);
const engine = await dynamodbEngine(process.env['DYNAMODB_ENDPOINT']);
const isRight = [await catchUp('the engine’s stream'), await catchUp('a fake stream')];
await engine.stop();
await rm(folder, { recursive: true });
process.exit(isRight.every(Boolean) ? 0 : 1);

async function catchUp(kind: 'the engine’s stream' | 'a fake stream'): Promise<boolean> {
  const table = openTable({ name: `bench-${randomUUID()}`, region: 'us-east-1', endpoint: engine.endpoint });
  await createTableIfMissing(table);
  await createCheckpointTableIfMissing(checkpointTable(table));
  if (kind === 'a fake stream') {
    const StreamSpecification = { StreamEnabled: false };
    await table.client.send(new UpdateTableCommand({ TableName: table.name, StreamSpecification }));
  }
  print(`${kind}: writing ${MESSAGES} messages into ${GROUPS} groups`);
  const profiles = await Promise.all(Array.from({ length: GROUPS }, (_, index) => startGroup(table, 2 + (index % 4))));
  const images: Record<string, AttributeValue>[] = [];
  for (let sequence = 2; sequence <= MESSAGES_A_GROUP; sequence += 1)
    images.push(...(await writeRound(table, profiles, sequence)));
  const fake = kind === 'a fake stream' ? await serveFakeStream(engine.endpoint, table.name, images) : undefined;

  const metricsPort = await freePort();
  const worker = spawn(process.execPath, [MOST_HEAP, join(folder, 'app', 'worker.js')], {
    env: {
      ...process.env,
      METRICS_PORT: String(metricsPort),
      AWS_REGION: 'us-east-1',
      DYNAMODB_ENDPOINT: fake?.endpoint ?? engine.endpoint,
      DYNAMODB_TABLE: table.name,
      LOG_LEVEL: 'debug',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await followUntilDone(worker.stdout);
  const memoryMb = await residentMb(metricsPort);
  print(`the worker has ${memoryMb.toFixed(0)} MB resident, of ${MOST_MB} that it may have`);
  // Some records are no messages, so the last messages may be still to come.
  const deadline = performance.now() + LAST_MS;
  let differences = await differencesOf(table);
  while (differences > 0 && performance.now() < deadline) {
    await delay(200);
    differences = await differencesOf(table);
  }
  worker.kill();
  await once(worker, 'exit');
  fake?.close();
  print(`${differences} summaries differ from the logs`);
  table.client.destroy();
  return differences === 0 && memoryMb <= MOST_MB;
}

async function startGroup(table: Table, size: number): Promise<MessageGroupProfile> {
  const memberIds = Array.from({ length: size }, () => randomUUID()).sort();
  const message = aMessage(memberIds, 1);
  const profile = { id: messageGroupIdOf(memberIds), kind: kindOf(memberIds), memberIds, createdAt: message.createdAt };
  await startMessageGroup(table, profile, message, undefined);
  return profile;
}

/** Writes one message more for each group, so that a batch of the stream has messages of all of them. @returns the items */
async function writeRound(table: Table, profiles: readonly MessageGroupProfile[], sequence: number) {
  const items = profiles.map(({ id, memberIds }) => messageItem(id, aMessage(memberIds, sequence)));
  const puts = items.map((Item) => ({ PutRequest: { Item } }));
  while (puts.length > 0)
    await table.client.send(new BatchWriteCommand({ RequestItems: { [table.name]: puts.splice(0, 25) } }));
  return items.map((item) => toWire(item));
}

function aMessage(memberIds: readonly string[], sequence: number): Message {
  return {
    id: randomUUID(),
    sequence,
    senderId: memberIds[sequence % memberIds.length] ?? '',
    body: `message ${sequence}`,
    createdAt: new Date().toISOString(),
  };
}

async function differencesOf(table: Table): Promise<number> {
  let differences = 0;
  await auditTable(table, { repair: false }, (findings) => {
    differences += findings.length;
  });
  return differences;
}

/** Prints a line for each batch, until all messages are done. */
async function followUntilDone(output: Readable): Promise<void> {
  let start = 0;
  let done = 0;
  print('  seconds   records  records/s   lag (s)');
  for await (const line of createInterface({ input: output })) {
    const { msg, time, records = 0, lagMs = 0 } = JSON.parse(line);
    if (msg === 'reading a shard') start = Date.parse(time);
    if (msg !== 'batch done') continue;
    done += records;
    const seconds = (Date.parse(time) - start) / 1000;
    const columns = [seconds.toFixed(1), done, Math.round(done / seconds), (lagMs / 1000).toFixed(1)];
    print(columns.map((column) => String(column).padStart(10)).join(''));
    if (done >= MESSAGES) return;
  }
}

async function residentMb(metricsPort: number): Promise<number> {
  const metrics = await (await fetch(`http://127.0.0.1:${metricsPort}`)).text();
  return Number(/^process_resident_memory_bytes (\S+)$/m.exec(metrics)?.[1]) / 1_048_576;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
