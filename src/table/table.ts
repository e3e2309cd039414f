import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { type Call, timed } from '../calls.ts';
import { type DynamoDb, type DynamoDbCaller, type DynamoDbOptions, openDynamoDb } from '../dynamodb/client.ts';
import type { CallLimits } from '../dynamodb/limits.ts';

/** The one table, and how to reach it. */
export interface Table {
  readonly name: string;
  /** Makes a call to DynamoDB. */
  readonly call: DynamoDbCaller;
  /** A document client of the SDK: for the table's definition and for paginators. */
  readonly client: DynamoDBDocumentClient;
  /** Returns the time in milliseconds since 1970, by DynamoDB's clock where this machine's is far from it. */
  readonly now: DynamoDb['now'];
}

/** One call to DynamoDB; `operation` is the API's name: `Query`, `TransactWriteItems` and so on. */
export interface EngineCall extends Call {
  /** The capacity that the call consumed, in read or write units; 0 for a refused condition, which reports none. */
  readonly capacityUnits: number;
}

export interface TableOptions extends DynamoDbOptions {
  readonly name: string;
}

/** Opens the table. */
export function openTable({ name, ...options }: TableOptions): Table {
  return { name, ...openDynamoDb(options) };
}

/** Wraps a table: reports each call, and gives calls these limits unless they have their own. Does not cover what `client` sends. */
export function observeCalls(table: Table, onCall: (call: EngineCall) => void, limits?: CallLimits): Table {
  return {
    ...table,
    call: (operation, input, own = limits) =>
      timed(
        operation,
        () => table.call(operation, { ...input, ReturnConsumedCapacity: 'TOTAL' }, own),
        (call, output) => onCall({ ...call, capacityUnits: consumed(output) }),
      ),
  };
}

interface Consumption {
  readonly CapacityUnits?: number;
}

/** Single calls report one figure, batches and transactions one for each table. */
function consumed(output: object | undefined): number {
  const { ConsumedCapacity: capacity } = (output ?? {}) as { ConsumedCapacity?: Consumption | Consumption[] };
  return [capacity ?? []].flat().reduce((sum, each) => sum + (each.CapacityUnits ?? 0), 0);
}
