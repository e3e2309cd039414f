import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';

/** An engine whose table has a stream of its own, which delivers as fast as it is asked. */
export interface FakeStream {
  readonly endpoint: string;
  close(): void;
}

const SHARD = 'shardId-00000000000000000001-00000001';

/** Serves an engine's calls, and in front of it a stream with one shard of these images. */
export async function serveFakeStream(
  engine: string,
  tableName: string,
  images: readonly Record<string, AttributeValue>[],
): Promise<FakeStream> {
  const streamArn = `arn:aws:dynamodb:us-east-1:000000000000:table/${tableName}/stream/2026-03-01T09:30:00.000`;
  const writtenAt = Math.floor(Date.now() / 1000);
  const records = images.map((image, index) => ({
    eventName: 'INSERT',
    dynamodb: {
      ApproximateCreationDateTime: writtenAt,
      Keys: { pk: image['pk'], sk: image['sk'] },
      NewImage: image,
      SequenceNumber: String(100_000_000_000_000_000_000n + BigInt(index)),
      StreamViewType: 'NEW_IMAGE',
    },
  }));

  function ofStream(operation: string, input: Record<string, unknown>): object {
    if (operation === 'DescribeStream') {
      const range = { StartingSequenceNumber: '100000000000000000000' };
      const Shards = [{ ShardId: SHARD, SequenceNumberRange: range }];
      return { StreamDescription: { StreamArn: streamArn, StreamStatus: 'ENABLED', Shards } };
    }
    if (operation === 'GetShardIterator') {
      const after = input['SequenceNumber'];
      const position = after ? records.findIndex(({ dynamodb }) => dynamodb.SequenceNumber === after) + 1 : 0;
      return { ShardIterator: String(position) };
    }
    const position = Number(input['ShardIterator']);
    const page = records.slice(position, position + Number(input['Limit']));
    return { Records: page, NextShardIterator: String(position + page.length) };
  }

  async function ofEngine(operation: string, { headers }: IncomingMessage, body: string): Promise<string> {
    const sent = Object.entries(headers).filter(([name]) => !['host', 'connection', 'content-length'].includes(name));
    const answer = await fetch(engine, { method: 'POST', headers: sent as [string, string][], body });
    const answered = await answer.text();
    if (operation !== 'DescribeTable') return answered;
    const { Table: table } = JSON.parse(answered);
    return JSON.stringify({ Table: { ...table, LatestStreamArn: streamArn } });
  }

  const server = createServer(async (incoming, outgoing) => {
    const body = await text(incoming);
    const [service = '', operation = ''] = String(incoming.headers['x-amz-target']).split('.');
    const answer = service.startsWith('DynamoDBStreams')
      ? JSON.stringify(ofStream(operation, JSON.parse(body)))
      : await ofEngine(operation, incoming, body);
    // The engine's own errors have a type.
    const status = answer.includes('"__type"') ? 400 : 200;
    outgoing.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(answer);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
