import { GetRecordsCommand, GetShardIteratorCommand } from '@aws-sdk/client-dynamodb-streams';
import type { LambdaRecord } from '../../src/lambda/handlers.ts';
import { findStream, openStreams } from '../../src/stream/client.ts';
import { listShards, type StreamRecord } from '../../src/stream/shards.ts';
import type { Table } from '../../src/table/table.ts';
import { dynamodbEndpoint } from './dynamodb.ts';
import { testRegion } from './table.ts';

/** The ARN of the table's stream. */
export async function streamArnOf(table: Table): Promise<string> {
  const stream = await findStream(table.client, table.name);
  if (!stream) throw new Error('The table has a stream');
  return stream.streamArn;
}

/** All records of the table's stream so far. */
export async function streamRecords(table: Table): Promise<StreamRecord[]> {
  const client = openStreams({ region: testRegion(), endpoint: dynamodbEndpoint() });
  const StreamArn = await streamArnOf(table);
  const records: StreamRecord[] = [];
  try {
    for (const { id: ShardId } of await listShards(client, StreamArn, new AbortController().signal)) {
      let iterator = await client
        .send(new GetShardIteratorCommand({ StreamArn, ShardId, ShardIteratorType: 'TRIM_HORIZON' }))
        .then(({ ShardIterator }) => ShardIterator);
      while (iterator) {
        const page = await client.send(new GetRecordsCommand({ ShardIterator: iterator }));
        records.push(...(page.Records ?? []));
        // A shard that is open always has a next iterator.
        iterator = page.Records?.length ? page.NextShardIterator : undefined;
      }
    }
  } finally {
    client.destroy();
  }
  return records;
}

/** Records as Lambda puts them into a function's event: the same, with times in seconds. */
export function asLambdaRecords(records: readonly StreamRecord[], eventSourceARN: string): LambdaRecord[] {
  return records.map(
    ({ dynamodb, ...record }) =>
      ({
        ...record,
        eventSourceARN,
        dynamodb: {
          ...dynamodb,
          ApproximateCreationDateTime: Number(dynamodb?.ApproximateCreationDateTime) / 1000,
        },
      }) as LambdaRecord,
  );
}
