import type { Table } from '../../src/table/table.ts';
import { interceptCalls } from './intercepted-calls.ts';

/**
 * Faults that the engine itself never shows. They sit below the SDK's retries, where the network is: a fault is met by
 * each attempt of a call.
 */
export interface Faults {
  /** The next `times` attempts of the operation fail, before they reach the engine. */
  fail(operation: string, times: number, error: () => Error): void;
  /** The next `times` attempts of the operation are carried out, but their answer is lost. */
  loseReply(operation: string, times: number): void;
  /** The next answers of the operation are changed. */
  change(operation: string, times: number, edit: (output: Record<string, unknown>) => void): void;
}

interface Fault {
  times: number;
  before?: () => Error;
  after?: (output: Record<string, unknown>) => void;
}

export function injectFaults({ client }: Pick<Table, 'client'>): Faults {
  const faults = new Map<string, Fault>();
  interceptCalls(client, async ({ operation }, attempt) => {
    const fault = faults.get(operation);
    if (!fault || fault.times === 0) return attempt();
    fault.times -= 1;
    if (fault.before) throw fault.before();
    const output = await attempt();
    fault.after?.(output);
    return output;
  });
  return {
    fail: (operation, times, before) => faults.set(operation, { times, before }),
    loseReply: (operation, times) =>
      faults.set(operation, {
        times,
        after: () => {
          throw timeout();
        },
      }),
    change: (operation, times, after) => faults.set(operation, { times, after }),
  };
}

/** What the SDK makes of an answer that does not come in time. */
export function timeout(): Error {
  return Object.assign(new Error('No answer'), { name: 'TimeoutError', $metadata: {} });
}

/** A table whose UpdateItem fails with a timeout if the function says so of the input, as JSON. */
export function failUpdates(table: Table, isFailing: (input: string) => boolean): Table {
  const { call } = table;
  return {
    ...table,
    call: (...[operation, input, limits]: Parameters<typeof call>) =>
      operation === 'UpdateItem' && isFailing(JSON.stringify(input))
        ? Promise.reject(timeout())
        : call(operation, input, limits),
  } as Table;
}
