import { type ProxiedCall, proxiedEngine } from './proxied-engine.ts';

/**
 * The real engine behind an address at which one operation fails as told.
 *
 * @param fault the error's name for the operation's input; undefined to let the call through
 * @returns the address, until the test is over
 */
export function withFault(
  operation: string,
  fault: (input: ProxiedCall['input']) => string | undefined,
): Promise<string> {
  return proxiedEngine((call) => (call.operation === operation ? fault(call.input) : undefined));
}
