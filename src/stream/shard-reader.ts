import { setTimeout as delay } from 'node:timers/promises';
import {
  type DynamoDBStreamsClient,
  ExpiredIteratorException,
  GetRecordsCommand,
  GetShardIteratorCommand,
  ResourceNotFoundException,
  TrimmedDataAccessException,
} from '@aws-sdk/client-dynamodb-streams';
import type { LimitFunction } from 'p-limit';
import { KEPT_MS } from './current-stream.ts';
import type { StreamRecord } from './shards.ts';

/** How fast a shard is read. */
export interface Pace {
  /** Between two calls of GetRecords while there is something to read. The service allows 5 a second for each shard. */
  readonly busyMs: number;
  /** The longest time between two calls while there is nothing. */
  readonly idleMs: number;
  /** The first wait after a call that failed; it doubles up to `maxBackoffMs`, with jitter. */
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
}

export const DEFAULT_PACE: Pace = { busyMs: 200, idleMs: 300, backoffMs: 200, maxBackoffMs: 5_000 };

export interface ShardReading {
  readonly client: DynamoDBStreamsClient;
  readonly streamArn: string;
  readonly shardId: string;
  /** The last record that is done; from the horizon when absent. */
  readonly checkpoint: string | undefined;
  readonly pace: Pace;
  readonly signal: AbortSignal;
  /** Runs the reading and processing of a page when it is its turn, so that few pages are in memory at once. */
  readonly turns: LimitFunction;
  /** Resolves once the records are processed, with a promise that resolves once the next page may be read; false stops the reading. */
  readonly onRecords: (records: readonly StreamRecord[]) => Promise<{ mayGoOn: Promise<boolean> }>;
  /** Told when there is nothing to read for the moment. */
  readonly onCaughtUp: () => void;
  /** Called when records were lost that were never read: they were older than the 24 hours that a stream keeps. */
  readonly onTrimmed: () => Promise<void>;
  /** Told of a call that failed and will be tried again. */
  readonly onRetry: (error: unknown) => void;
}

/** How the reading of a shard ended: at the shard's end, or before it. */
export type ShardEnd = 'finished' | 'stopped';

/**
 * Reads a shard from its checkpoint on, batch after batch, in order. It has ended when GetRecords gives no next iterator.
 *
 * Iterators live 15 minutes: an expired one is renewed from the last record that is done. See "GetRecords" and
 * "GetShardIterator" in the DynamoDB Streams API reference.
 */
export async function readShard(reading: ShardReading): Promise<ShardEnd> {
  const { client, pace, signal, turns, onRecords, onCaughtUp, onTrimmed, onRetry } = reading;
  let { checkpoint } = reading;
  let iterator: string | undefined;
  let idle = pace.busyMs;
  let failures = 0;
  let isTrimmed = false;
  let readAt = Date.now();
  while (!signal.aborted) {
    try {
      if (isTrimmed) {
        await onTrimmed();
        checkpoint = undefined;
        isTrimmed = false;
      }
      iterator ??= await shardIterator(reading, checkpoint);
      // No iterator for a shard that is there means that its end was reached.
      if (iterator === undefined) return 'finished';
      const command = new GetRecordsCommand({ ShardIterator: iterator, Limit: 1000 });
      const { last, next, mayGoOn } = await turns(async () => {
        const page = await client.send(command, { abortSignal: signal });
        failures = 0;
        // Without a checkpoint, the service does not tell that records were trimmed.
        if (checkpoint === undefined && Date.now() - readAt > KEPT_MS) await onTrimmed();
        readAt = Date.now();
        const { Records: records = [], NextShardIterator } = page;
        const processed = records.length > 0 ? await onRecords(records) : undefined;
        return { last: records.at(-1), next: NextShardIterator, mayGoOn: processed?.mayGoOn };
      });
      if (mayGoOn) {
        if (!(await mayGoOn)) return 'stopped';
        checkpoint = last?.dynamodb?.SequenceNumber ?? checkpoint;
      } else onCaughtUp();
      if (next === undefined) return 'finished';
      iterator = next;
      idle = mayGoOn ? pace.busyMs : Math.min(idle * 1.25, pace.idleMs);
      await pause(idle, signal);
    } catch (error) {
      if (signal.aborted) break;
      // The shard is gone before its end was seen.
      if (error instanceof ResourceNotFoundException) return 'stopped';
      iterator = undefined;
      if (error instanceof ExpiredIteratorException) continue;
      if (error instanceof TrimmedDataAccessException) {
        isTrimmed = true;
        continue;
      }
      onRetry(error);
      failures += 1;
      await pause(backoff(pace, failures), signal);
    }
  }
  return 'stopped';
}

async function shardIterator(
  { client, streamArn, shardId, signal }: ShardReading,
  checkpoint: string | undefined,
): Promise<string | undefined> {
  const position = checkpoint
    ? ({ ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', SequenceNumber: checkpoint } as const)
    : ({ ShardIteratorType: 'TRIM_HORIZON' } as const);
  const command = new GetShardIteratorCommand({ StreamArn: streamArn, ShardId: shardId, ...position });
  return (await client.send(command, { abortSignal: signal })).ShardIterator;
}

/** Doubling from the first wait on, anywhere between half of it and the whole. */
function backoff({ backoffMs, maxBackoffMs }: Pace, failures: number): number {
  const most = Math.min(backoffMs * 2 ** (failures - 1), maxBackoffMs);
  return most * (0.5 + Math.random() / 2);
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, { signal }).catch(() => {});
}
