import type { FormattedExecutionResult } from 'graphql';

/** A page of 100 of the longest messages is 0.6 MB at most. */
const MAX_REPLY_BYTES = 2 * 1024 * 1024;

/**
 * Spells a result in JSON. A reply of more than 2 MB is replaced by the error `REPLY_TOO_LARGE`, because replies wait in memory until
 * clients take them. Only queries have replies of that size.
 */
export function replyText(result: FormattedExecutionResult): string {
  const text = `${JSON.stringify(result)}\n`;
  // A character takes 3 bytes at most.
  if (text.length * 3 <= MAX_REPLY_BYTES || Buffer.byteLength(text) <= MAX_REPLY_BYTES) return text;
  const message = `The reply is larger than ${MAX_REPLY_BYTES / 1024 / 1024} MB. Ask for less at once.`;
  return `${JSON.stringify({ errors: [{ message, extensions: { code: 'REPLY_TOO_LARGE' } }] })}\n`;
}
