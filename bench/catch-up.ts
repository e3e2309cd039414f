import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { BatchWriteCommand } from '@aws-sdk/lib-dynamodb';
import { buildBundles } from '../deploy/bundles.ts';
import { messageGroupIdOf } from '../src/messaging/destination.ts';
import { kindOf, type Message, type MessageGroupProfile } from '../src/model.ts';
import { checkpointTable, createLeaseTableIfMissing } from '../src/stream/table.ts';
import { auditTable } from '../src/summaries/rebuild.ts';
import { startMessageGroup } from '../src/table/appends.ts';
import { createTableIfMissing } from '../src/table/definition.ts';
import { messageItem } from '../src/table/items.ts';
import { openTable } from '../src/table/table.ts';
import { dynamodbEngine, freePort } from '../test/support/engines.ts';

/**
 * How fast the worker catches up: writes 20,000 messages into 20 groups while it is off, starts it, and prints a line for each
 * batch: how many records were done since its start, how many a second, and how long ago the last of them was written. Fails when
 * a summary is wrong at the end, or the worker takes more memory than it may.
 */

const GROUPS = 20;
const MESSAGES_A_GROUP = 1000;

/** What the worker may take of memory, of which all of Node is a part. */
const MOST_MB = 150;

const folder = await mkdtemp(join(tmpdir(), 'cruddur-bench-'));
await buildBundles(folder);
const engine = await dynamodbEngine(process.env['DYNAMODB_ENDPOINT']);
const table = openTable({ name: `bench-${randomUUID()}`, region: 'us-east-1', endpoint: engine.endpoint });
await createTableIfMissing(table);
await createLeaseTableIfMissing(checkpointTable(table));

print(`writing ${GROUPS * MESSAGES_A_GROUP} messages into ${GROUPS} groups`);
const profiles = await Promise.all(Array.from({ length: GROUPS }, (_, index) => startGroup(2 + (index % 4))));
for (let sequence = 2; sequence <= MESSAGES_A_GROUP; sequence += 1) await writeRound(sequence);

const metricsPort = await freePort();
const worker = spawn(process.execPath, [join(folder, 'app', 'worker.js')], {
  env: {
    ...process.env,
    METRICS_PORT: String(metricsPort),
    AWS_REGION: 'us-east-1',
    DYNAMODB_ENDPOINT: engine.endpoint,
    DYNAMODB_TABLE: table.name,
    LOG_LEVEL: 'debug',
  },
  stdio: ['ignore', 'pipe', 'inherit'],
});
await followUntilIdle();
const memoryMb = await residentMb();
print(`the worker has ${memoryMb.toFixed(0)} MB resident, of ${MOST_MB} that it may have`);
worker.kill();
await once(worker, 'exit');

let differences = 0;
await auditTable(table, { repair: false }, (findings) => {
  differences += findings.length;
});
print(`${differences} summaries differ from the logs`);
table.client.destroy();
await engine.stop();
await rm(folder, { recursive: true });
process.exit(differences === 0 && memoryMb <= MOST_MB ? 0 : 1);

async function startGroup(size: number): Promise<MessageGroupProfile> {
  const memberIds = Array.from({ length: size }, () => randomUUID()).sort();
  const message = aMessage(memberIds, 1);
  const profile = { id: messageGroupIdOf(memberIds), kind: kindOf(memberIds), memberIds, createdAt: message.createdAt };
  await startMessageGroup(table, profile, message, undefined);
  return profile;
}

/** One message more for each group, so that a batch of the stream has messages of all of them. */
async function writeRound(sequence: number): Promise<void> {
  const puts = profiles.map(({ id, memberIds }) => ({
    PutRequest: { Item: messageItem(id, aMessage(memberIds, sequence)) },
  }));
  while (puts.length > 0) {
    await table.client.send(new BatchWriteCommand({ RequestItems: { [table.name]: puts.splice(0, 25) } }));
  }
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

/** Prints a line for each batch, until all messages are done and only the summaries' own updates come by. */
async function followUntilIdle(): Promise<void> {
  let start = 0;
  let done = 0;
  print('  seconds   records  records/s   lag (s)');
  for await (const line of createInterface({ input: worker.stdout })) {
    const { msg, time, records = 0, lagMs = 0 } = JSON.parse(line);
    if (msg === 'shard taken') start = Date.parse(time);
    if (msg !== 'batch done') continue;
    done += records;
    const seconds = (Date.parse(time) - start) / 1000;
    const columns = [seconds.toFixed(1), done, Math.round(done / seconds), (lagMs / 1000).toFixed(1)];
    print(columns.map((column) => String(column).padStart(10)).join(''));
    if (done >= GROUPS * MESSAGES_A_GROUP && records < 1000) return;
  }
}

async function residentMb(): Promise<number> {
  const metrics = await (await fetch(`http://127.0.0.1:${metricsPort}`)).text();
  return Number(/^process_resident_memory_bytes (\S+)$/m.exec(metrics)?.[1]) / 1_048_576;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
