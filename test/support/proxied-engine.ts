import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { inject, onTestFinished } from 'vitest';

/** A call on its way to the engine: the API's name of the operation, and what it is given. */
export interface ProxiedCall {
  readonly operation: string;
  readonly input: Record<string, unknown>;
}

/**
 * The real engine behind an address that sees each call, whatever process makes it.
 *
 * @param onCall the name of the error that the call fails with; undefined to let it through
 * @returns the address, until the test is over
 */
export async function proxiedEngine(onCall: (call: ProxiedCall) => string | undefined): Promise<string> {
  const server = createServer(async (incoming, outgoing) => {
    const body = await buffer(incoming);
    const operation = incoming.headers['x-amz-target']?.toString().split('.').at(-1) ?? '';
    const error = onCall({ operation, input: JSON.parse(body.toString()) });
    if (error) {
      const type = `com.amazonaws.dynamodb.v20120810#${error}`;
      outgoing
        .writeHead(400, { 'content-type': 'application/x-amz-json-1.0' })
        .end(JSON.stringify({ __type: type, message: error }));
      return;
    }
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
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
