import { DynamoDBClient, DynamoDBServiceException } from '@aws-sdk/client-dynamodb';
import {
  BatchGetCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  ScanCommand,
  TransactWriteCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import { type Call, timed } from '../calls.ts';
import { UnavailableError } from '../errors.ts';

/** The one table, and how to reach it. */
export interface Table {
  readonly name: string;
  /**
   * Sends a command.
   *
   * @throws UnavailableError when the engine cannot answer for the moment
   */
  readonly send: DynamoDBDocumentClient['send'];
  /** The client underneath: for the table's definition and for paginators. */
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
}

/**
 * Connections at once. A call that waits for one in vain is given up like one that can't connect, so there are enough for 100 operations, of
 * which some make two calls at a time.
 */
const MAX_CONNECTIONS = 200;

/**
 * Opens the table. Credentials come from where the SDK finds them; an engine on another
 * endpoint takes any, so it is given some.
 *
 * The SDK tries each call up to three times; a connection has 1 s and an answer 3 s, so that a
 * request ends well within 10 s.
 */
export function openTable({ name, region, endpoint }: TableOptions): Table {
  const client = DynamoDBDocumentClient.from(
    new DynamoDBClient({
      region,
      ...(endpoint && { endpoint, credentials: { accessKeyId: 'local', secretAccessKey: 'local' } }),
      maxAttempts: 3,
      requestHandler: {
        connectionTimeout: 1_000,
        requestTimeout: 3_000,
        throwOnRequestTimeout: true,
        httpAgent: { maxSockets: MAX_CONNECTIONS },
        httpsAgent: { maxSockets: MAX_CONNECTIONS },
      },
    }),
    { marshallOptions: { removeUndefinedValues: true } },
  );
  const send = async (command: Command, options?: { abortSignal: AbortSignal }) => {
    try {
      return await client.send(command, options);
    } catch (error) {
      if (isTransient(error))
        throw new UnavailableError('The message store does not answer. Try again.', { cause: error });
      throw error;
    }
  };
  return { name, client, send: send as Table['send'] };
}

/** The commands that report what they consumed when asked, by the API's names of them: a bundler may change those of classes. */
const METERED = new Map<unknown, string>([
  [BatchGetCommand, 'BatchGetItem'],
  [GetCommand, 'GetItem'],
  [PutCommand, 'PutItem'],
  [QueryCommand, 'Query'],
  [ScanCommand, 'Scan'],
  [TransactWriteCommand, 'TransactWriteItems'],
  [UpdateCommand, 'UpdateItem'],
]);

type Command = Parameters<DynamoDBDocumentClient['send']>[0];

/**
 * The same table, whose calls are told of, and given up when the signal is aborted, as the engine's not answering. What is sent by other
 * means than `send` is not.
 */
export function observeCalls(table: Table, onCall: (call: EngineCall) => void, signal?: AbortSignal): Table {
  const own = signal && { abortSignal: signal };
  const send = async (command: Command, options = own) => {
    const operation = METERED.get(command.constructor);
    if (operation === undefined) return table.send(command, options);
    Object.assign(command.input, { ReturnConsumedCapacity: 'TOTAL' });
    return timed(
      operation,
      () => table.send(command, options),
      (call, output) => onCall({ ...call, capacityUnits: consumed(output) }),
    );
  };
  return { ...table, send: send as Table['send'] };
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
