/** Why the local stack can't start: one sentence, with what to do about it. */
export class LocalStackError extends Error {
  override readonly name = 'LocalStackError';
}
