import { randomUUID } from 'node:crypto';
import { DeleteTableCommand } from '@aws-sdk/client-dynamodb';
import { onTestFinished } from 'vitest';
import type { CheckpointTable } from '../../src/stream/checkpoint-table.ts';
import { createCheckpointTableIfMissing } from '../../src/stream/checkpoint-table.ts';
import { openTable } from '../../src/table/table.ts';
import { dynamodbEndpoint } from './dynamodb.ts';
import { testRegion } from './table.ts';

/** A table of leases of the test's own, gone when the test is over. */
export async function aCheckpointTable(): Promise<CheckpointTable> {
  const table = sameTable({ name: `test-${randomUUID()}` });
  await createCheckpointTableIfMissing(table);
  onTestFinished(async () => {
    await table.client.send(new DeleteTableCommand({ TableName: table.name }));
  });
  return table;
}

/** The same table as another process reaches it: through a client of its own, whose operations are told of. */
export function sameTable(
  { name }: { readonly name: string },
  onOperation: (operation: string) => void = () => {},
): CheckpointTable {
  const { client } = openTable({ name, region: testRegion(), endpoint: dynamodbEndpoint() });
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const result = await next(args);
      onOperation(operationOf(context));
      return result;
    },
    { step: 'initialize', name: 'operations' },
  );
  onTestFinished(() => client.destroy());
  return { client, name };
}

function operationOf({ commandName }: { readonly commandName?: string }): string {
  return String(commandName).replace(/Command$/, '');
}

/** Calls that were held back on their way to the engine. */
export interface HeldCalls {
  /** How many calls wait now. */
  readonly waiting: () => number;
  /** From now on calls wait. */
  hold(): void;
  /** Lets all calls go on, those that wait and those to come. */
  letGo(): void;
}

/** Holds back the calls that are meant, all unless told, as a process or a network does that stands still. */
export function holdCalls(
  { client }: CheckpointTable,
  isMeant: (operation: string, input: object) => boolean = () => true,
): HeldCalls {
  let gate: { readonly open: Promise<void>; readonly letGo: () => void } | undefined;
  let waiting = 0;
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const operation = operationOf(context);
      if (gate && isMeant(operation, args.input)) {
        waiting += 1;
        await gate.open;
        waiting -= 1;
      }
      return next(args);
    },
    { step: 'initialize', name: 'hold', priority: 'high' },
  );
  const letGo = () => {
    gate?.letGo();
    gate = undefined;
  };
  onTestFinished(letGo);
  return {
    waiting: () => waiting,
    hold: () => {
      const { promise, resolve } = withResolvers();
      gate = { open: promise, letGo: resolve };
    },
    letGo,
  };
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((resolved) => {
    resolve = resolved;
  });
  return { promise, resolve };
}
