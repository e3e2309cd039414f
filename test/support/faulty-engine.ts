import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { inject, onTestFinished } from 'vitest';

/**
 * The real engine behind an address at which one operation fails as told.
 *
 * @param fault the error's name for the operation's input; undefined to let the call through
 * @returns the address, until the test is over
 */
export async function withFault(
  operation: string,
  fault: (input: Record<string, unknown>) => string | undefined,
): Promise<string> {
  const server = createServer(async (incoming, outgoing) => {
    const body = await buffer(incoming);
    const isMeant = incoming.headers['x-amz-target']?.toString().endsWith(`.${operation}`);
    const error = isMeant ? fault(JSON.parse(body.toString())) : undefined;
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
