import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

/** A service that invokes one Lambda function, by HTTP as Lambda does. */
export interface FunctionService {
  readonly endpoint: string;
  /** Every event so far. */
  readonly events: readonly unknown[];
  stop(): Promise<void>;
}

/** Serves invocations of the function, whatever name it is called by; see Invoke in AWS Lambda's API reference. */
export async function serveFunction(handler: (event: unknown) => Promise<unknown>): Promise<FunctionService> {
  const events: unknown[] = [];
  const server = createServer(async (incoming, outgoing) => {
    const event = await json(incoming);
    events.push(event);
    try {
      outgoing.end(JSON.stringify(await handler(event)));
    } catch (error) {
      const { name, message } = error as Error;
      outgoing
        .setHeader('x-amz-function-error', 'Unhandled')
        .end(JSON.stringify({ errorType: name, errorMessage: message }));
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    events,
    stop: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
