import { StandardRetryStrategy } from '@smithy/core/retry';
import type { RetryErrorInfo, StandardRetryToken } from '@smithy/types';

/** How often a call is attempted at most. */
export const MAX_ATTEMPTS = 3;

/** Retries what the SDK retries, and a single write that meets a transaction on its item. The transaction ends within milliseconds. */
export class Retries extends StandardRetryStrategy {
  constructor() {
    super(MAX_ATTEMPTS);
  }

  override refreshRetryTokenForRetry(token: StandardRetryToken, info: RetryErrorInfo): Promise<StandardRetryToken> {
    const isConflict = (info.error as Error | undefined)?.name === 'TransactionConflictException';
    return super.refreshRetryTokenForRetry(token, isConflict ? { ...info, errorType: 'TRANSIENT' } : info);
  }
}
