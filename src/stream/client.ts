import { DescribeTableCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';

export interface StreamsOptions {
  readonly region: string;
  /** Another engine than AWS, such as Dynoxide or DynamoDB Local. */
  readonly endpoint: string | undefined;
}

/** Opens a client of DynamoDB Streams. It does not retry calls, because the reader of a stream retries each call by itself. */
export function openStreams({ region, endpoint }: StreamsOptions): DynamoDBStreamsClient {
  return new DynamoDBStreamsClient({
    region,
    ...(endpoint && { endpoint, credentials: { accessKeyId: 'local', secretAccessKey: 'local' } }),
    maxAttempts: 1,
    requestHandler: { connectionTimeout: 1_000, requestTimeout: 5_000, throwOnRequestTimeout: true },
  });
}

/** A table's stream. */
export interface TableStream {
  readonly streamArn: string;
  /** Whether records show the new image of their item. Without it there is nothing to process. */
  readonly hasNewImages: boolean;
  /** When the table was created, in milliseconds since 1970. */
  readonly tableCreatedAt: number;
}

/** Finds the latest stream of a table, also if it was switched off. Returns undefined if the table never had one. */
export async function findStream(
  client: Pick<DynamoDBClient, 'send'>,
  tableName: string,
): Promise<TableStream | undefined> {
  const { Table: table } = await client.send(new DescribeTableCommand({ TableName: tableName }));
  const { LatestStreamArn: streamArn, StreamSpecification: specification, CreationDateTime } = table ?? {};
  if (!streamArn) return undefined;
  // A stream that was switched off has no specification. It is read to its end.
  const viewType = specification?.StreamViewType ?? 'NEW_IMAGE';
  const hasNewImages = viewType === 'NEW_IMAGE' || viewType === 'NEW_AND_OLD_IMAGES';
  return { streamArn, hasNewImages, tableCreatedAt: CreationDateTime?.getTime() ?? 0 };
}
