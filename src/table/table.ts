import { DynamoDBClient, DynamoDBServiceException } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { UnavailableError } from '../errors.ts';

/** The one table, and a client to reach it. */
export interface Table {
  readonly name: string;
  readonly client: DynamoDBDocumentClient;
}

/** One call to the engine, as it is reported once answered. */
export interface EngineCall {
  /** The API's name of the operation: `Query`, `TransactWriteItems` and so on. */
  readonly operation: string;
  /** What the call consumed, in read or write capacity units; 0 for a refused condition, which reports none. */
  readonly capacityUnits: number;
}

export interface TableOptions {
  readonly name: string;
  readonly region: string;
  /** Another engine than AWS, such as Dynoxide or DynamoDB Local. */
  readonly endpoint?: string | undefined;
  /** Told of every answered call. */
  readonly onCall?: (call: EngineCall) => void;
}

/** Calls that report what they consumed when asked. */
const METERED = new Set(['Query', 'GetItem', 'BatchGetItem', 'PutItem', 'UpdateItem', 'TransactWriteItems']);

/**
 * A client of the table. Credentials come from where the SDK finds them; an engine on another
 * endpoint takes any, so it is given some.
 *
 * The SDK tries each call up to three times; a connection has 1 s and an answer 3 s, so that a
 * request ends well within 10 s.
 */
export function openTable({ name, region, endpoint, onCall }: TableOptions): Table {
  const client = new DynamoDBClient({
    region,
    ...(endpoint && { endpoint, credentials: { accessKeyId: 'local', secretAccessKey: 'local' } }),
    maxAttempts: 3,
    requestHandler: { connectionTimeout: 1_000, requestTimeout: 3_000, throwOnRequestTimeout: true },
  });
  const documents = DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });
  if (onCall) meter(documents, onCall);
  return { name, client: documents };
}

function meter(client: DynamoDBDocumentClient, onCall: (call: EngineCall) => void): void {
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const operation = String(context.commandName).replace(/Command$/, '');
      const input = METERED.has(operation) ? { ...args.input, ReturnConsumedCapacity: 'TOTAL' } : args.input;
      try {
        const result = await next({ ...args, input });
        onCall({ operation, capacityUnits: consumed(result.output) });
        return result;
      } catch (error) {
        onCall({ operation, capacityUnits: 0 });
        throw error;
      }
    },
    { step: 'initialize', name: 'meter', priority: 'low' },
  );
}

interface Consumption {
  readonly CapacityUnits?: number;
}

/** Single calls report one figure, batches and transactions one for each table. */
function consumed(output: object): number {
  const { ConsumedCapacity: capacity } = output as { ConsumedCapacity?: Consumption | Consumption[] };
  return [capacity ?? []].flat().reduce((sum, each) => sum + (each.CapacityUnits ?? 0), 0);
}

/**
 * Turns an engine that cannot answer for the moment into an `UnavailableError`, and lets every other
 * error through.
 */
export async function answered<Result>(call: Promise<Result>): Promise<Result> {
  try {
    return await call;
  } catch (error) {
    if (isTransient(error))
      throw new UnavailableError('The message store does not answer. Try again.', { cause: error });
    throw error;
  }
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
