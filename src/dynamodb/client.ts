import { addAbortSignal, Readable } from 'node:stream';
import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { HttpHandler, HttpRequest, HttpResponse } from '@smithy/core/protocols';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { correctedTime } from './clock.ts';
import { fixedCredentials, sdkCredentials } from './credentials.ts';
import { errorOfCall } from './errors.ts';
import { FastPath } from './fast-path.ts';
import { type CallLimits, withinLimits } from './limits.ts';
import { COMMANDS, type DynamoDbOperation, type DynamoDbOperations } from './operations.ts';
import { MAX_ATTEMPTS, Retries } from './retries.ts';

/** Where DynamoDB is, and what requests travel over. */
export interface DynamoDbOptions {
  readonly region: string;
  /** Another engine than AWS, such as Dynoxide or DynamoDB Local. */
  readonly endpoint?: string | undefined;
  /** An HTTP client; Node's own unless given. */
  readonly requestHandler?: HttpHandler;
}

/** Makes calls to DynamoDB. */
export interface DynamoDb {
  readonly call: DynamoDbCaller;
  /** A document client of the SDK, for definitions of tables and for paginators. Has no deadline and throws the SDK's errors. */
  readonly client: DynamoDBDocumentClient;
  /** Returns the time in milliseconds since 1970, by DynamoDB's clock where this machine's is far from it. */
  readonly now: () => number;
}

/**
 * Makes a call, up to three times where trying again may help, for 10 s at most.
 *
 * @throws ConditionalCheckFailedException, TransactionCanceledException, and exceptions for a call that can never succeed
 * @throws UnavailableError for every other failure, also at the deadline
 */
export type DynamoDbCaller = <Operation extends DynamoDbOperation>(
  operation: Operation,
  input: DynamoDbOperations[Operation]['input'],
  limits?: CallLimits,
) => Promise<DynamoDbOperations[Operation]['output']>;

/** A call waits for a free connection, so there are enough for 100 operations, of which some make two calls at a time. */
const MAX_CONNECTIONS = 200;

const NODE_HTTP = {
  connectionTimeout: 1_000,
  requestTimeout: 3_000,
  throwOnRequestTimeout: true,
  // Between two parts of a reply.
  socketTimeout: 3_000,
  httpAgent: { maxSockets: MAX_CONNECTIONS },
  httpsAgent: { maxSockets: MAX_CONNECTIONS },
};

/**
 * Opens a client. Credentials come from where the SDK finds them. An engine on another endpoint accepts any credentials, so it gets fixed
 * ones.
 */
export function openDynamoDb({
  region,
  endpoint,
  requestHandler = new NodeHttpHandler(NODE_HTTP),
}: DynamoDbOptions): DynamoDb {
  const credentials = endpoint
    ? fixedCredentials({ accessKeyId: 'local', secretAccessKey: 'local' })
    : sdkCredentials();
  const config: DynamoDBClientConfig = {
    region,
    ...(endpoint && { endpoint }),
    credentials: credentials.provider,
    maxAttempts: MAX_ATTEMPTS,
    retryStrategy: new Retries(),
    requestHandler,
  };
  // Saves a third of a call's processor time. The document client does not accept it, and has a client of its own.
  const client = new DynamoDBClient({ ...config, cacheMiddleware: true });
  const fastPath = new FastPath(client.config, credentials);
  const signals = guardAttempts(client, fastPath);

  async function send(operation: DynamoDbOperation, input: object, signal: AbortSignal): Promise<object> {
    signal.throwIfAborted();
    const Command = COMMANDS[operation] as new (input: object) => InstanceType<typeof COMMANDS.Query>;
    const command = new Command({ ...input });
    signals.set(command.input, signal);
    return client.send(command);
  }

  return {
    client: DynamoDBDocumentClient.from(new DynamoDBClient(config), {
      marshallOptions: { removeUndefinedValues: true },
    }),
    now: () => correctedTime(client.config),
    call: async (operation, input, limits = {}) => {
      try {
        return await withinLimits(
          limits,
          async (signal) => (await fastPath.read(operation, input, signal)) ?? send(operation, input, signal),
        );
      } catch (error) {
        throw errorOfCall(error);
      }
    },
  };
}

/**
 * Adds a middleware next to the network. It starts no attempt, and reads no reply, once the call's signal is aborted, and it shows the fast
 * path where the SDK sends requests.
 *
 * @returns where to put the signal of a command, by the command's input; an option of `send` would build the chain of middleware anew
 */
function guardAttempts(client: DynamoDBClient, fastPath: FastPath): WeakMap<object, AbortSignal> {
  const signals = new WeakMap<object, AbortSignal>();
  client.middlewareStack.add(
    (next) => async (args) => {
      const signal = signals.get(args.input);
      signal?.throwIfAborted();
      const result = await next(args);
      const { statusCode, body } = result.response as HttpResponse;
      if (signal && body instanceof Readable) addAbortSignal(signal, body);
      if (statusCode === 200) fastPath.learnFrom(args.request as HttpRequest);
      return result;
    },
    { step: 'deserialize', priority: 'low', name: 'guardAttempts' },
  );
  return signals;
}
