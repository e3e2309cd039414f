import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import { onTestFinished } from 'vitest';
import { openStreams } from '../../src/stream/client.ts';

/** What a stream of DynamoDB does that no local engine shows. It is read over HTTP by the real client. */

export type StreamOperation = 'DescribeStream' | 'GetShardIterator' | 'GetRecords';

/** A call as it arrived. */
export interface StreamCall {
  readonly operation: StreamOperation;
  /** Milliseconds of `performance.now()`. */
  readonly at: number;
  readonly shardId: string | undefined;
  readonly input: Readonly<Record<string, unknown>>;
}

/** An image of an item in DynamoDB JSON. */
export type Image = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export interface ShardOptions {
  readonly parentId?: string;
  readonly closed?: boolean;
  /** Gives an `EndingSequenceNumber` though the shard is open, as Dynoxide does. */
  readonly showsEnd?: boolean;
}

interface FakeShard {
  readonly id: string;
  readonly parentId: string | undefined;
  readonly showsEnd: boolean;
  readonly records: { readonly sequenceNumber: string; readonly wire: object }[];
  closed: boolean;
  /** How many of the records are no longer kept. */
  trimmed: number;
  /** How many pages without records come next. */
  emptyPages: number;
}

/** An error of the service, as it goes over the wire. */
class WireError extends Error {
  constructor(type: string, message: string) {
    super(message);
    this.name = type;
  }
}

export class FakeStreams {
  readonly streamArn: string;
  readonly calls: StreamCall[] = [];
  /** The real client, at this endpoint. */
  readonly client: DynamoDBStreamsClient;
  /** How many shards a page of DescribeStream has at most. */
  shardsPerPage = 100;
  /** How many records GetRecords gives at most. */
  recordsPerPage = 1000;
  /** Newest first: a reader must not rely on meeting parents before children. */
  readonly #shards: FakeShard[] = [];
  readonly #throttles = new Map<StreamOperation, { type: string; times: number }>();
  #iteratorsAfter = 0;
  #iterators = 0;
  #written = 0n;
  #isGone = false;

  constructor(endpoint: string, streamArn: string) {
    this.streamArn = streamArn;
    this.client = openStreams({ region: 'us-east-1', endpoint });
  }

  /** Adds a shard with this many records. @returns their sequence numbers */
  addShard(id: string, records: number, { parentId, closed = false, showsEnd = false }: ShardOptions = {}): string[] {
    this.#shards.unshift({ id, parentId, showsEnd, records: [], closed: false, trimmed: 0, emptyPages: 0 });
    const sequenceNumbers = this.append(id, records);
    this.#shard(id).closed = closed;
    return sequenceNumbers;
  }

  /** @returns the new records' sequence numbers */
  append(shardId: string, records: number): string[] {
    return Array.from({ length: records }, () => this.appendImage(shardId, {}));
  }

  /** Adds a record that shows this image, with the shard's id beside it. @returns its sequence number */
  appendImage(shardId: string, image: Image): string {
    const shard = this.#shard(shardId);
    if (shard.closed) throw new Error(`Shard ${shardId} is closed`);
    this.#written += 1n;
    const sequenceNumber = String(100_000_000_000_000_000_000n + this.#written);
    const key = { pk: { S: shardId }, sk: { S: sequenceNumber } };
    shard.records.push({
      sequenceNumber,
      wire: {
        eventID: `event-${sequenceNumber}`,
        eventName: 'INSERT',
        eventVersion: '1.1',
        eventSource: 'aws:dynamodb',
        awsRegion: 'us-east-1',
        dynamodb: {
          ApproximateCreationDateTime: Math.floor(Date.now() / 1000),
          Keys: key,
          NewImage: { ...key, ...image },
          SequenceNumber: sequenceNumber,
          SizeBytes: 100,
          StreamViewType: 'NEW_IMAGE',
        },
      },
    });
    return sequenceNumber;
  }

  close(shardId: string): void {
    this.#shard(shardId).closed = true;
  }

  /** Closes a shard and adds its two children. */
  split(shardId: string, children: readonly [string, string]): void {
    this.close(shardId);
    for (const child of children) this.addShard(child, 0, { parentId: shardId });
  }

  deleteShard(shardId: string): void {
    this.#shards.splice(this.#shards.indexOf(this.#shard(shardId)), 1);
  }

  deleteStream(): void {
    this.#isGone = true;
  }

  /** The records up to this one are no longer kept. */
  trim(shardId: string, sequenceNumber: string): void {
    const shard = this.#shard(shardId);
    shard.trimmed = shard.records.findIndex((record) => record.sequenceNumber === sequenceNumber) + 1;
  }

  /** All iterators given out so far expire. */
  expireIterators(): void {
    this.#iteratorsAfter = this.#iterators;
  }

  /** The next calls of the operation fail. */
  throttle(operation: StreamOperation, type: string, times: number): void {
    this.#throttles.set(operation, { type, times });
  }

  /** The next pages of the shard are empty, whatever is in it. */
  emptyPages(shardId: string, pages: number): void {
    this.#shard(shardId).emptyPages = pages;
  }

  callsOf(operation: StreamOperation, shardId?: string): StreamCall[] {
    return this.calls.filter((call) => call.operation === operation && (!shardId || call.shardId === shardId));
  }

  /** Answers a call. */
  answer(operation: StreamOperation, input: Record<string, unknown>): object {
    const iterator = operation === 'GetRecords' ? this.#parse(String(input['ShardIterator'])) : undefined;
    const shardId = iterator?.shardId ?? (input['ShardId'] as string | undefined);
    this.calls.push({ operation, at: performance.now(), shardId, input });
    const throttle = this.#throttles.get(operation);
    if (throttle && throttle.times > 0) {
      throttle.times -= 1;
      throw new WireError(throttle.type, 'Slow down');
    }
    if (this.#isGone) throw new WireError('ResourceNotFoundException', 'Requested resource not found: Stream');
    if (operation === 'DescribeStream') return this.#describe(input['ExclusiveStartShardId'] as string | undefined);
    const shard = this.#shards.find(({ id }) => id === shardId);
    if (!shard) throw new WireError('ResourceNotFoundException', 'Requested resource not found: Shard does not exist');
    return iterator ? this.#records(shard, iterator, Number(input['Limit'])) : this.#iteratorOf(shard, input);
  }

  #describe(after: string | undefined): object {
    const start = after === undefined ? 0 : this.#shards.findIndex(({ id }) => id === after) + 1;
    const page = this.#shards.slice(start, start + this.shardsPerPage);
    const hasMore = start + page.length < this.#shards.length;
    return {
      StreamDescription: {
        StreamArn: this.streamArn,
        StreamStatus: 'ENABLED',
        StreamViewType: 'NEW_IMAGE',
        Shards: page.map(({ id, parentId, records, closed, showsEnd }) => ({
          ShardId: id,
          ...(parentId && { ParentShardId: parentId }),
          SequenceNumberRange: {
            StartingSequenceNumber: records[0]?.sequenceNumber ?? '100000000000000000000',
            ...((closed || showsEnd) && {
              EndingSequenceNumber: records.at(-1)?.sequenceNumber ?? '100000000000000000000',
            }),
          },
        })),
        ...(hasMore && { LastEvaluatedShardId: page.at(-1)?.id }),
      },
    };
  }

  #iteratorOf(shard: FakeShard, { ShardIteratorType: type, SequenceNumber: after }: Record<string, unknown>): object {
    if (type === 'TRIM_HORIZON') return { ShardIterator: this.#iterator(shard, shard.trimmed) };
    if (type !== 'AFTER_SEQUENCE_NUMBER') throw new WireError('ValidationException', `No ${type} here`);
    const position = shard.records.findIndex(({ sequenceNumber }) => sequenceNumber === after) + 1;
    if (position <= shard.trimmed) throw new WireError('TrimmedDataAccessException', 'Beyond the horizon');
    return { ShardIterator: this.#iterator(shard, position) };
  }

  #records(shard: FakeShard, { position, number }: { position: number; number: number }, limit: number): object {
    if (number <= this.#iteratorsAfter) throw new WireError('ExpiredIteratorException', 'Iterator expired');
    if (position < shard.trimmed) throw new WireError('TrimmedDataAccessException', 'Beyond the horizon');
    const isEmpty = shard.emptyPages > 0;
    if (isEmpty) shard.emptyPages -= 1;
    const end = isEmpty ? position : Math.min(position + Math.min(this.recordsPerPage, limit), shard.records.length);
    const isEnd = shard.closed && !isEmpty && end === shard.records.length;
    return {
      Records: shard.records.slice(position, end).map(({ wire }) => wire),
      ...(!isEnd && { NextShardIterator: this.#iterator(shard, end) }),
    };
  }

  #iterator(shard: FakeShard, position: number): string {
    this.#iterators += 1;
    return `${this.#iterators}|${position}|${shard.id}`;
  }

  #parse(iterator: string): { shardId: string; position: number; number: number } {
    const [number, position, shardId = ''] = iterator.split('|');
    return { shardId, position: Number(position), number: Number(number) };
  }

  #shard(id: string): FakeShard {
    const shard = this.#shards.find((each) => each.id === id);
    if (!shard) throw new Error(`No shard ${id}`);
    return shard;
  }
}

let streams = 0;

/** A stream of the test's own, gone when the test is over. */
export async function aFakeStream(): Promise<FakeStreams> {
  const server = createServer(async (request, response) => {
    const { status, body } = await reply(request);
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  streams += 1;
  const label = `2026-03-01T09:30:00.${String(streams).padStart(3, '0')}`;
  const fake = new FakeStreams(
    `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    `arn:aws:dynamodb:us-east-1:000000000000:table/fake/stream/${label}`,
  );
  onTestFinished(() => {
    fake.client.destroy();
    server.close();
    server.closeAllConnections();
  });
  return fake;

  async function reply(request: IncomingMessage): Promise<{ status: number; body: object }> {
    const [, operation] = String(request.headers['x-amz-target']).split('DynamoDBStreams_20120810.');
    const input = JSON.parse(await text(request));
    try {
      return { status: 200, body: fake.answer(operation as StreamOperation, input) };
    } catch (error) {
      if (!(error instanceof WireError)) return { status: 500, body: { message: String(error) } };
      const { name, message } = error;
      return { status: 400, body: { __type: `com.amazonaws.dynamodb.v20120810#${name}`, message } };
    }
  }
}
