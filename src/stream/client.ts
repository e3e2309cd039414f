import { DescribeTableCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';

export interface StreamsOptions {
  readonly region: string;
  /** Another engine than AWS, such as Dynoxide or DynamoDB Local. */
  readonly endpoint: string | undefined;
}

/** A client of DynamoDB Streams. It does not try again by itself: who reads a stream does, and knows how long. */
export function openStreams({ region, endpoint }: StreamsOptions): DynamoDBStreamsClient {
  return new DynamoDBStreamsClient({
    region,
    ...(endpoint && { endpoint, credentials: { accessKeyId: 'local', secretAccessKey: 'local' } }),
    maxAttempts: 1,
    requestHandler: { connectionTimeout: 1_000, requestTimeout: 5_000, throwOnRequestTimeout: true },
  });
}

/** The ARN of a table's stream; undefined when the table has none. */
export async function findStreamArn(
  client: Pick<DynamoDBClient, 'send'>,
  tableName: string,
): Promise<string | undefined> {
  const { Table: table } = await client.send(new DescribeTableCommand({ TableName: tableName }));
  return table?.LatestStreamArn;
}
