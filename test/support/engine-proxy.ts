import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import { dynamodbEndpoint } from './dynamodb.ts';

/** An attempt of a call, on its way to the engine. */
export interface Attempt {
  /** The API's name of the operation. */
  readonly operation: string;
  readonly body: string;
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
}

/**
 * The real engine behind another address.
 *
 * @param answer answers an attempt in the engine's place, or tells with false to let it through
 * @param onAnswer told of each answer of the engine, before it is passed on
 * @returns the address, until the test is over
 */
export async function proxyEngine(
  answer: (attempt: Attempt) => Promise<boolean> | boolean,
  onAnswer: (operation: string, body: string) => void = () => {},
): Promise<string> {
  const server = createServer(async (incoming, outgoing) => {
    const body = await buffer(incoming);
    const operation = incoming.headers['x-amz-target']?.toString().split('.').at(-1) ?? '';
    if (await answer({ operation, body: body.toString(), incoming, outgoing })) return;
    const forwarded = request(dynamodbEndpoint(), { method: incoming.method, headers: incoming.headers });
    forwarded.on('response', async (response) => {
      const answered = await buffer(response);
      onAnswer(operation, answered.toString());
      outgoing.writeHead(response.statusCode ?? 500, response.headers).end(answered);
    });
    forwarded.on('error', () => outgoing.destroy());
    forwarded.end(body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Answers with an error of the engine, by its name. */
export function answerWithError(outgoing: ServerResponse, status: number, name: string, more: object = {}): true {
  const body = { __type: `com.amazonaws.dynamodb.v20120810#${name}`, message: name, ...more };
  outgoing.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify(body));
  return true;
}
