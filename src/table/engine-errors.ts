import { type DynamoDBClient, Query$ } from '@aws-sdk/client-dynamodb';
import { HttpResponse } from '@smithy/core/protocols';
import { isServerError, isThrottlingError, isTransientError } from '@smithy/core/retry';
import { operation as operationSchema } from '@smithy/core/schema';
import type { ClientProtocol, RetryErrorType, SdkError, SerdeFunctions } from '@smithy/types';

/** How a call to the engine ends without an answer to it. */

/** Told apart by its name, like the SDK's own. */
export class OutOfTimeError extends Error {
  override readonly name = 'TimeoutError';

  constructor() {
    super('The call is out of time');
  }
}

/** An answer that was cut off, or that somebody between here and the engine made. What it says is left out: that may be of a message. */
export class UnreadableAnswerError extends Error {
  readonly code = 'UNREADABLE_ANSWER';

  constructor(statusCode: number) {
    super(`An answer with status ${statusCode} is none of the engine's`);
  }
}

/** The exception that the SDK makes of a reply. */
export async function exceptionOf(
  { config }: DynamoDBClient,
  { statusCode, headers }: HttpResponse,
  reply: string,
): Promise<SdkError> {
  const [, namespace, name, traits, input, output] = Query$;
  // Which operation it was makes no difference to its errors.
  const schema = operationSchema(namespace, name, traits, input, output);
  const response = new HttpResponse({ statusCode, headers, body: Buffer.from(reply) });
  const protocol = config.protocol as ClientProtocol<unknown, unknown>;
  return protocol
    .deserializeResponse(schema, config as unknown as SerdeFunctions, response)
    .catch((error: SdkError) => error) as Promise<SdkError>;
}

/** Whether trying again may help. */
export function retryErrorType(error: SdkError): RetryErrorType {
  if (isThrottlingError(error)) return 'THROTTLING';
  if (isTransientError(error) || isServerError(error) || isUndici(error) || error instanceof UnreadableAnswerError)
    return 'TRANSIENT';
  return 'CLIENT_ERROR';
}

/** A connection that ends in the middle of an answer is known by a code of the HTTP client alone. */
function isUndici(error: object): boolean {
  return 'code' in error && String(error.code).startsWith('UND_ERR_');
}
