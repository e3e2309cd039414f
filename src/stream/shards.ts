import {
  type _Record,
  DescribeStreamCommand,
  type DynamoDBStreamsClient,
  ResourceNotFoundException,
  type Shard as SdkShard,
} from '@aws-sdk/client-dynamodb-streams';
import pRetry from 'p-retry';

/** With waits up to 2 s, a page is retried for about a minute. */
const PAGE_RETRIES = 30;

/** A part of a stream that is read in order. */
export interface Shard {
  readonly id: string;
  /** The shard that this one goes on from; it may be gone from the stream. */
  readonly parentId: string | undefined;
}

/** A record as the service hands it out. */
export type StreamRecord = _Record;

/**
 * Lists all shards of a stream. DescribeStream gives 100 at a time, so each page is retried by itself: calls are throttled at 10 a second.
 *
 * @param onRetry is called after each attempt that failed
 */
export async function listShards(
  client: DynamoDBStreamsClient,
  streamArn: string,
  signal: AbortSignal,
  onRetry: () => void = () => {},
): Promise<Shard[]> {
  const shards: SdkShard[] = [];
  let start: string | undefined;
  do {
    const command = new DescribeStreamCommand({ StreamArn: streamArn, ExclusiveStartShardId: start });
    const { StreamDescription: page } = await pRetry(() => client.send(command, { abortSignal: signal }), {
      retries: PAGE_RETRIES,
      minTimeout: 100,
      maxTimeout: 2_000,
      randomize: true,
      signal,
      onFailedAttempt: onRetry,
      shouldRetry: ({ error }) => !(error instanceof ResourceNotFoundException),
    });
    shards.push(...(page?.Shards ?? []));
    start = page?.LastEvaluatedShardId;
  } while (start !== undefined);
  return shards.flatMap(({ ShardId, ParentShardId }) => (ShardId ? [{ id: ShardId, parentId: ParentShardId }] : []));
}

/**
 * The shards that may be read now. A record of a child comes after all of its parent's for the same key, so a shard waits
 * for its parent: until that was read to its end, or is no longer in the stream.
 */
export function readableShards(shards: readonly Shard[], isFinished: (shardId: string) => boolean): Shard[] {
  const present = new Set(shards.map(({ id }) => id));
  return shards.filter(
    ({ id, parentId }) => !isFinished(id) && (parentId === undefined || !present.has(parentId) || isFinished(parentId)),
  );
}
