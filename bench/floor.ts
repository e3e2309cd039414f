import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  TransactWriteCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import { Pool } from 'undici';
import type { EngineCallInput } from './engine-calls.ts';

/**
 * A process that does nothing but call the engine, to compare the API with: by a stock document client of the AWS SDK, or by HTTP
 * alone, where requests are made beforehand and replies are not looked at.
 */

/** What the process is asked to do: these calls, one after the other for each sample, as many samples at once as told. */
export interface FloorTask {
  readonly floor: 'sdk' | 'http';
  readonly samples: readonly (readonly EngineCallInput[])[];
  readonly atOnce: number;
}

export interface FloorResult {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

const endpoint = process.argv[2] ?? '';
const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };

// As it comes: nothing is set but where the engine is.
const client = DynamoDBDocumentClient.from(new DynamoDBClient({ region: 'us-east-1', endpoint, credentials }), {
  marshallOptions: { removeUndefinedValues: true },
});
const pool = new Pool(endpoint);

const COMMANDS = {
  GetItem: GetCommand,
  PutItem: PutCommand,
  Query: QueryCommand,
  TransactWriteItems: TransactWriteCommand,
  UpdateItem: UpdateCommand,
} as const;

const PREPARE = { sdk: (calls: readonly EngineCallInput[]) => () => bySdk(calls), http: byHttp } as const;

process.on('message', async ({ floor, samples, atOnce }: FloorTask) => {
  const work = samples.map(PREPARE[floor]);
  const cpu = process.cpuUsage();
  const start = performance.now();
  let next = 0;
  const loop = async () => {
    for (let run = work[next++]; run; run = work[next++]) await run();
  };
  await Promise.all(Array.from({ length: atOnce }, loop));
  const { user, system } = process.cpuUsage(cpu);
  const result: FloorResult = {
    seconds: (performance.now() - start) / 1_000,
    cpuSeconds: (user + system) / 1_000_000,
  };
  process.send?.(result);
});

async function bySdk(calls: readonly EngineCallInput[]): Promise<void> {
  for (const { operation, input } of calls) {
    const Command = COMMANDS[operation] as new (input: object) => GetCommand;
    await client.send(new Command(input));
  }
}

function byHttp(calls: readonly EngineCallInput[]): () => Promise<void> {
  const requests = calls.map(({ operation, input }) => ({
    path: '/',
    method: 'POST' as const,
    headers: {
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': `DynamoDB_20120810.${operation}`,
      // An embedded engine wants one, and does not check it.
      authorization:
        'AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0',
      'x-amz-date': '20260101T000000Z',
    },
    body: JSON.stringify(onTheWire(input)),
  }));
  return async () => {
    for (const request of requests) {
      const { statusCode, body } = await pool.request(request);
      if (statusCode !== 200) throw new Error(await body.text());
      await body.arrayBuffer();
    }
  };
}

/** Items and values in the form in which they are sent. */
function onTheWire(input: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(input).map(([name, value]) => {
      if (ITEMS.has(name)) return [name, marshall(value, { removeUndefinedValues: true })];
      if (name === 'TransactItems')
        return [name, (value as { Put: Record<string, unknown> }[]).map(({ Put }) => ({ Put: onTheWire(Put) }))];
      return [name, value];
    }),
  );
}

const ITEMS = new Set(['ExpressionAttributeValues', 'Item', 'Key']);

process.send?.('ready');
