import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import {
  type BatchGetItemInput,
  type BatchGetItemOutput,
  type DynamoDBClient,
  type GetItemInput,
  type GetItemOutput,
  type PutItemInput,
  type PutItemOutput,
  QueryCommand,
  type QueryInput,
  type QueryOutput,
  type ScanInput,
  type ScanOutput,
  type TransactWriteItemsInput,
  type TransactWriteItemsOutput,
  type UpdateItemInput,
  type UpdateItemOutput,
} from '@aws-sdk/client-dynamodb';
import { getEndpointFromInstructions } from '@smithy/core/endpoints';
import { HttpRequest, type HttpResponse } from '@smithy/core/protocols';
import { isClockSkewError, StandardRetryStrategy } from '@smithy/core/retry';
import { SignatureV4 } from '@smithy/signature-v4';
import type { SdkError } from '@smithy/types';
import { exceptionOf, OutOfTimeError, retryErrorType, UnreadableAnswerError } from './engine-errors.ts';
import { Sha256 } from './sha256.ts';

/** The operations on items, by the API's names, as they are on the wire: an item's values are `{ S: 'text' }`, `{ N: '1' }` and so on. */
export interface EngineOperations {
  readonly BatchGetItem: { readonly input: BatchGetItemInput; readonly output: BatchGetItemOutput };
  readonly GetItem: { readonly input: GetItemInput; readonly output: GetItemOutput };
  readonly PutItem: { readonly input: PutItemInput; readonly output: PutItemOutput };
  readonly Query: { readonly input: QueryInput; readonly output: QueryOutput };
  readonly Scan: { readonly input: ScanInput; readonly output: ScanOutput };
  readonly TransactWriteItems: { readonly input: TransactWriteItemsInput; readonly output: TransactWriteItemsOutput };
  readonly UpdateItem: { readonly input: UpdateItemInput; readonly output: UpdateItemOutput };
}

export type EngineOperation = keyof EngineOperations;

/** When a call is given up. */
export interface Patience {
  /** At this time, by `performance.now()`. */
  readonly deadline?: number;
  /** Once it is aborted. It costs more than a deadline. */
  readonly signal?: AbortSignal;
}

/**
 * Makes a call, up to three times where trying again may help.
 *
 * @throws the SDK's exceptions, as its client does; an `Error` named TimeoutError or AbortError when it was given up
 */
export type EngineCaller = <Operation extends EngineOperation>(
  operation: Operation,
  input: EngineOperations[Operation]['input'],
  patience?: Patience,
) => Promise<EngineOperations[Operation]['output']>;

const MAX_ATTEMPTS = 3;

/** How long an attempt may take, to the end of its answer. */
const ANSWER_MS = 3_000;

/** AWS refuses a signature whose date is 5 minutes or more from its own. */
const MOST_SKEW_MS = 4 * 60_000;

const CONTENT_TYPE = 'application/x-amz-json-1.0';
const TARGET_PREFIX = 'DynamoDB_20120810.';

/**
 * Calls the engine by parts of the SDK, the client's credentials and HTTP handler, its signer, retry strategy and exceptions, but past the
 * client's chain of middleware and its schemas: these take most of the processor time of a call, to arrive at the same request (see
 * README.md). The wire is described under "DynamoDB low-level API" in the DynamoDB developer guide.
 *
 * Binary values are not supported: there are none in the table.
 */
export function engineCaller(client: DynamoDBClient): EngineCaller {
  const { credentials, region, requestHandler } = client.config;
  // The body's hash is part of what is signed; as a header of its own nobody reads it.
  const signer = new SignatureV4({ service: 'dynamodb', region, credentials, sha256: Sha256, applyChecksum: false });
  const retries = new StandardRetryStrategy(MAX_ATTEMPTS);
  let address: Promise<URL> | undefined;
  /** What this machine's clock lacks to the engine's, where they are far apart. */
  let clockOffsetMs = 0;

  /** @returns whether the offset that was signed with is wrong, by the date of an answer: others may have corrected it meanwhile */
  function correctClock({ headers }: HttpResponse, usedOffsetMs: number): boolean {
    const offsetMs = Date.parse(headers['date'] ?? '') - Date.now();
    const isWrong = Math.abs(offsetMs - usedOffsetMs) > MOST_SKEW_MS;
    if (isWrong) clockOffsetMs = offsetMs;
    return isWrong;
  }

  async function attempt(operation: EngineOperation, body: string, { deadline, signal }: Patience): Promise<unknown> {
    address ??= addressOf(client);
    const { protocol, hostname, port, host, pathname } = await address;
    const unsigned = new HttpRequest({
      method: 'POST',
      protocol,
      hostname,
      ...(port && { port: Number(port) }),
      path: pathname,
      headers: { host, 'content-type': CONTENT_TYPE, 'x-amz-target': TARGET_PREFIX + operation },
      body,
    });
    const usedOffsetMs = clockOffsetMs;
    const request = await signer.sign(unsigned, { signingDate: new Date(Date.now() + usedOffsetMs) });
    const startedAt = performance.now();
    const patienceMs = Math.min((deadline ?? Number.POSITIVE_INFINITY) - startedAt, ANSWER_MS);
    if (patienceMs <= 0) throw new OutOfTimeError();
    const { response } = await requestHandler.handle(request, {
      requestTimeout: patienceMs,
      ...(signal && { abortSignal: signal }),
    });
    const reply = await textOf(response.body, startedAt + patienceMs);
    const output = parse(reply, response);
    if (response.statusCode === 200) return output;
    if (response.statusCode < 300) throw new UnreadableAnswerError(response.statusCode);
    const error = await exceptionOf(client, response, reply);
    if (isClockSkewError(error) && correctClock(response, usedOffsetMs))
      error.$metadata = { ...error.$metadata, clockSkewCorrected: true };
    throw error;
  }

  return async (operation, input, patience = {}) => {
    const body = JSON.stringify(input);
    let token = await retries.acquireInitialRetryToken('');
    for (;;) {
      try {
        const output = await attempt(operation, body, patience);
        retries.recordSuccess(token);
        return output as EngineOperations[typeof operation]['output'];
      } catch (error) {
        const errorType = isOver(patience) ? 'CLIENT_ERROR' : retryErrorType(error as SdkError);
        token = await retries.refreshRetryTokenForRetry(token, { errorType }).catch(() => {
          throw error;
        });
      }
    }
  };
}

/** Of an answer that was collected, or comes as a stream, which has to end by then: nobody else sees to that. */
async function textOf(body: Buffer | Readable, until: number): Promise<string> {
  if (Buffer.isBuffer(body)) return body.toString();
  const timer = setTimeout(() => body.destroy(new OutOfTimeError()), until - performance.now());
  try {
    return await text(body);
  } finally {
    clearTimeout(timer);
  }
}

function parse(reply: string, { statusCode }: HttpResponse): unknown {
  try {
    return JSON.parse(reply);
  } catch {
    throw new UnreadableAnswerError(statusCode);
  }
}

function isOver({ deadline, signal }: Patience): boolean {
  return signal?.aborted === true || (deadline !== undefined && performance.now() >= deadline);
}

/** Where the engine is: at the endpoint of the configuration, of the SDK's own variables and files, or else of the region. */
async function addressOf(client: DynamoDBClient): Promise<URL> {
  return (await getEndpointFromInstructions({}, QueryCommand, { ...client.config })).url;
}
