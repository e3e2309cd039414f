import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { HttpRequest, HttpResponse } from '@smithy/core/protocols';
import type { Table } from '../../src/table/table.ts';

/** An attempt of a call, as it is on the wire. */
export interface AttemptedCall {
  /** The API's name of the operation. */
  readonly operation: string;
  readonly input: Record<string, unknown>;
}

/**
 * Stands between a client and the network: sees each attempt of each call, and may answer, change or fail it.
 *
 * @param around is given the attempt, and what carries it out and gives the output
 */
export function interceptCalls(
  client: Table['client'],
  around: (call: AttemptedCall, attempt: () => Promise<Record<string, unknown>>) => Promise<Record<string, unknown>>,
): void {
  const handler = client.config.requestHandler;
  const handle = handler.handle.bind(handler);
  handler.handle = async (request, options) => {
    const { headers, body } = request as HttpRequest;
    const operation = headers['x-amz-target']?.split('.').at(-1) ?? '';
    let reply: { response: HttpResponse } | undefined;
    const output = await around(
      { operation, input: JSON.parse(typeof body === 'string' ? body : new TextDecoder().decode(body)) },
      async () => {
        reply = (await handle(request, options)) as { response: HttpResponse };
        return JSON.parse(await text(reply.response.body as Readable));
      },
    );
    if (!reply) throw new Error('There is no reply without an attempt');
    reply.response.body = Readable.from([JSON.stringify(output)]);
    return reply;
  };
}
