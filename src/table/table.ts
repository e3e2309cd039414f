import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { type Call, timed } from '../calls.ts';
import { type DynamoDb, type DynamoDbCaller, type DynamoDbOptions, openDynamoDb } from '../dynamodb/client.ts';
import type { CallLimits } from '../dynamodb/limits.ts';

export interface ReadOptions {
  /** Costs twice the capacity, and sees all that was written before. */
  readonly consistent?: boolean;
}

/** Something of the table that a reader passed over. It holds keys, and never a text that a person wrote. */
export interface Skipped {
  readonly kind: 'missing number' | 'unreadable item';
  readonly pk: string;
  /** A sort key; for missing numbers the first and the last one. */
  readonly sk: string;
  /** The attribute that is wrong; empty for missing numbers. */
  readonly reason: string;
}

/** The one table, and how to reach it. */
export interface Table {
  readonly name: string;
  /** Makes a call to DynamoDB. */
  readonly call: DynamoDbCaller;
  /** A document client of the SDK: for the table's definition and for paginators. */
  readonly client: DynamoDBDocumentClient;
  /** Returns the time in milliseconds since 1970, by DynamoDB's clock where this machine's is far from it. */
  readonly now: DynamoDb['now'];
  /** Is called once in each process with each item that cannot be read, and with numbers that a log misses. */
  readonly onSkipped?: (skipped: Skipped) => void;
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

/** Wraps a table: reports each call, and adds these limits to those that a call has of its own. Does not cover what `client` sends. */
export function observeCalls(table: Table, onCall: (call: EngineCall) => void, limits?: CallLimits): Table {
  return {
    ...table,
    call: (operation, input, own) =>
      timed(
        operation,
        () => table.call(operation, { ...input, ReturnConsumedCapacity: 'TOTAL' }, { ...limits, ...own }),
        (call, output) => onCall({ ...call, capacityUnits: consumed(output) }),
      ),
  };
}

/** Wraps a table: gives each call a deadline of its own, in milliseconds from its start. */
export function limitCalls(table: Table, milliseconds: number): Table {
  return {
    ...table,
    call: (operation, input, limits) =>
      table.call(operation, input, { ...limits, deadline: performance.now() + milliseconds }),
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
