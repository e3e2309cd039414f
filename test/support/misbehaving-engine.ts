import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { inject, onTestFinished } from 'vitest';

/** What stands between the API and the real engine, and lets everything through until it is told to misbehave. */
export interface MisbehavingEngine {
  readonly endpoint: string;
  /** From now on; undefined to let everything through again. */
  misbehave(how: Misbehaviour | undefined): void;
  /** How many attempts of calls came so far. */
  attempts(): number;
}

/** Answers an attempt in the engine's place; resolves with false to let it through. */
export type Misbehaviour = (attempt: Attempt) => Promise<boolean> | boolean;

export interface Attempt {
  /** The API's name of the operation. */
  readonly operation: string;
  readonly body: string;
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
}

const TYPE = { 'content-type': 'application/x-amz-json-1.0' };

function error(outgoing: ServerResponse, status: number, name: string, more: object = {}): true {
  const body = { __type: `com.amazonaws.dynamodb.v20120810#${name}`, message: name, ...more };
  outgoing.writeHead(status, TYPE).end(JSON.stringify(body));
  return true;
}

/** What an engine on a network can do wrong. Faults of some kinds meet four calls in five: those that never end would end every request alike. */
export const MISBEHAVIOURS: Readonly<Record<string, Misbehaviour>> = {
  'answers 2 s late': async () => {
    await delay(2_000);
    return false;
  },
  'resets connections': ({ incoming }) => {
    incoming.socket.destroy();
    return true;
  },
  'does not answer at all': () => true,
  'answers with faults of its own': ({ outgoing }) => error(outgoing, 500, 'InternalServerError'),
  'throttles four calls in five': ({ outgoing }) =>
    Math.random() < 0.8 && error(outgoing, 400, 'ProvisionedThroughputExceededException'),
  'has other transactions in the way': ({ operation, body, outgoing }) =>
    operation === 'TransactWriteItems' &&
    Math.random() < 0.8 &&
    error(outgoing, 400, 'TransactionCanceledException', {
      CancellationReasons: JSON.parse(body).TransactItems.map(() => ({ Code: 'TransactionConflict' })),
    }),
  'leaves keys unprocessed': ({ operation, body, outgoing }) => {
    if (operation !== 'BatchGetItem') return false;
    outgoing
      .writeHead(200, TYPE)
      .end(JSON.stringify({ Responses: {}, UnprocessedKeys: JSON.parse(body).RequestItems }));
    return true;
  },
};

export async function aMisbehavingEngine(): Promise<MisbehavingEngine> {
  let misbehaviour: Misbehaviour | undefined;
  let attempts = 0;
  const server = createServer(async (incoming, outgoing) => {
    const body = await buffer(incoming);
    const operation = String(incoming.headers['x-amz-target']).split('.').at(-1) ?? '';
    attempts += 1;
    if (misbehaviour && (await misbehaviour({ operation, body: body.toString(), incoming, outgoing }))) return;
    const forwarded = request(inject('dynamodbEndpoint'), { method: incoming.method, headers: incoming.headers });
    forwarded.on('response', (response) => {
      outgoing.writeHead(response.statusCode ?? 500, response.headers);
      response.pipe(outgoing);
    });
    forwarded.on('error', () => outgoing.destroy());
    forwarded.end(body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    misbehave: (how) => {
      misbehaviour = how;
    },
    attempts: () => attempts,
  };
}
