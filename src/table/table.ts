import { DynamoDBClient, DynamoDBServiceException } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { HttpHandler } from '@smithy/core/protocols';
import { type Call, timed } from '../calls.ts';
import { UnavailableError } from '../errors.ts';
import { type EngineCaller, engineCaller, type Patience } from './engine.ts';

/** The one table, and how to reach it. */
export interface Table {
  readonly name: string;
  /**
   * Makes a call.
   *
   * @throws UnavailableError when the engine cannot answer for the moment
   */
  readonly call: EngineCaller;
  /** A client of the SDK: for the table's definition and for paginators. */
  readonly client: DynamoDBDocumentClient;
}

/** One call to the engine; `operation` is the API's name: `Query`, `TransactWriteItems` and so on. */
export interface EngineCall extends Call {
  /** What the call consumed, in read or write capacity units; 0 for a refused condition, which reports none. */
  readonly capacityUnits: number;
}

export interface TableOptions {
  readonly name: string;
  readonly region: string;
  /** Another engine than AWS, such as Dynoxide or DynamoDB Local. */
  readonly endpoint?: string | undefined;
  /** What calls go over; Node's own HTTP client unless given. */
  readonly requestHandler?: HttpHandler;
}

/**
 * Connections at once, over Node's own client. A call that waits for one in vain is given up like one that can't connect, so there are enough
 * for 100 operations, of which some make two calls at a time.
 */
const MAX_CONNECTIONS = 200;

const NODE_HTTP = {
  connectionTimeout: 1_000,
  requestTimeout: 3_000,
  throwOnRequestTimeout: true,
  httpAgent: { maxSockets: MAX_CONNECTIONS },
  httpsAgent: { maxSockets: MAX_CONNECTIONS },
};

/**
 * Opens the table. Credentials come from where the SDK finds them; an engine on another
 * endpoint takes any, so it is given some.
 *
 * Each call is tried up to three times; a connection has 1 s and an answer 3 s.
 */
export function openTable({ name, region, endpoint, requestHandler }: TableOptions): Table {
  const client = new DynamoDBClient({
    region,
    ...(endpoint && { endpoint, credentials: { accessKeyId: 'local', secretAccessKey: 'local' } }),
    maxAttempts: 3,
    requestHandler: requestHandler ?? NODE_HTTP,
  });
  const call = engineCaller(client);
  return {
    name,
    client: DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } }),
    call: async (operation, input, patience) => {
      try {
        return await call(operation, input, patience);
      } catch (error) {
        if (isTransient(error))
          throw new UnavailableError('The message store does not answer. Try again.', { cause: error });
        throw error;
      }
    },
  };
}

/**
 * The same table, whose calls are told of, and given up when the patience is over, as the engine's not answering. What is sent by other
 * means than `call` is not.
 */
export function observeCalls(table: Table, onCall: (call: EngineCall) => void, patience?: Patience): Table {
  return {
    ...table,
    call: (operation, input, own = patience) =>
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

/**
 * What the SDK gave up on after its retries: no answer at all, a fault of the service, or
 * throttling; see "Error handling with DynamoDB" in the DynamoDB developer guide.
 */
function isTransient(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (!(error instanceof DynamoDBServiceException))
    return '$metadata' in error || 'code' in error || TIMEOUTS.has(error.name);
  return error.$fault === 'server' || (error.$metadata.httpStatusCode ?? 0) >= 500 || THROTTLING.has(error.name);
}

const TIMEOUTS = new Set(['TimeoutError', 'AbortError']);
const THROTTLING = new Set([
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'ThrottlingException',
  'TransactionInProgressException',
]);
