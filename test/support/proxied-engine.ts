import { answerWithError, proxyEngine } from './engine-proxy.ts';

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
export function proxiedEngine(onCall: (call: ProxiedCall) => string | undefined): Promise<string> {
  return proxyEngine(({ operation, body, outgoing }) => {
    const error = onCall({ operation, input: JSON.parse(body) });
    return error !== undefined && answerWithError(outgoing, 400, error);
  });
}
