import { DynamoDBServiceException } from '@aws-sdk/client-dynamodb';
import { UnavailableError } from '../errors.ts';

/** Exceptions that answer a conditional write or a transaction. The caller goes on from them. */
const ANSWERS = new Set(['ConditionalCheckFailedException', 'TransactionCanceledException']);

/** Exceptions that repeat however often the call is made, because the call or the configuration is wrong. */
const OUR_FAULTS = new Set([
  'DuplicateItemException',
  'IdempotentParameterMismatchException',
  'ItemCollectionSizeLimitExceededException',
  'ResourceNotFoundException',
  'SerializationException',
  'UnknownOperationException',
  'ValidationException',
]);

/**
 * Returns the error that a failed call ends with: DynamoDB's exception where the caller goes on from it or is at fault, and
 * UnavailableError for everything else, with the reason as its cause.
 */
export function errorOfCall(error: unknown): Error {
  if (error instanceof DynamoDBServiceException && (ANSWERS.has(error.name) || OUR_FAULTS.has(error.name)))
    return error;
  return new UnavailableError('The message store does not answer. Try again.', { cause: withoutReply(error) });
}

/** DynamoDB's reply could not be read: it was cut off, or comes from a proxy. */
class UnreadableReplyError extends Error {
  override readonly name = 'UnreadableReplyError';
}

/** The SDK quotes an unreadable reply in its error. The reply may hold messages, which do not belong in a log. */
function withoutReply(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof DynamoDBServiceException || !('$response' in error)) return error;
  const { httpStatusCode } = (error as Error & { $metadata?: { httpStatusCode?: number } }).$metadata ?? {};
  return new UnreadableReplyError(`A reply with status ${httpStatusCode} cannot be read`);
}
