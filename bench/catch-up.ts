import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { BatchWriteCommand } from '@aws-sdk/lib-dynamodb';
import { messageGroupIdOf } from '../src/messaging/destination.ts';
import { kindOf, type Message, type MessageGroupProfile } from '../src/model.ts';
import { checkpointTable, createLeaseTableIfMissing } from '../src/stream/table.ts';
import { findDifferences } from '../src/summaries/audit.ts';
import { startMessageGroup } from '../src/table/appends.ts';
import { createTableIfMissing } from '../src/table/definition.ts';
import { messageItem } from '../src/table/items.ts';
import { openTable } from '../src/table/table.ts';
import { dynamodbEngine } from '../test/support/engines.ts';

/**
 * How fast the worker catches up: writes 20,000 messages into 20 groups while it is off, starts it, and prints a line for each
 * batch: how many records were done since its start, how many a second, and how long ago the last of them was written.
 */

const GROUPS = 20;
const MESSAGES_A_GROUP = 1000;
const WORKER = fileURLToPath(new URL('../src/worker.ts', import.meta.url));

const engine = await dynamodbEngine(process.env['DYNAMODB_ENDPOINT']);
const table = openTable({ name: `bench-${randomUUID()}`, region: 'us-east-1', endpoint: engine.endpoint });
await createTableIfMissing(table);
await createLeaseTableIfMissing(checkpointTable(table));

print(`writing ${GROUPS * MESSAGES_A_GROUP} messages into ${GROUPS} groups`);
const profiles = await Promise.all(Array.from({ length: GROUPS }, (_, index) => startGroup(2 + (index % 4))));
for (let sequence = 2; sequence <= MESSAGES_A_GROUP; sequence += 1) await writeRound(sequence);

const worker = spawn(process.execPath, [...process.execArgv, WORKER], {
  env: {
    ...process.env,
    AWS_REGION: 'us-east-1',
    DYNAMODB_ENDPOINT: engine.endpoint,
    DYNAMODB_TABLE: table.name,
    LOG_LEVEL: 'debug',
  },
  stdio: ['ignore', 'pipe', 'inherit'],
});
await followUntilIdle();
worker.kill();
await once(worker, 'exit');

let differences = 0;
for await (const _ of findDifferences(table)) differences += 1;
print(`${differences} summaries differ from the logs`);
table.client.destroy();
await engine.stop();
process.exit(differences === 0 ? 0 : 1);

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

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
