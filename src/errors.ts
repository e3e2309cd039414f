/** The codes that a client can rely on. */
export type ErrorCode =
  | 'UNAUTHENTICATED'
  | 'NOT_FOUND'
  | 'BAD_USER_INPUT'
  | 'PEOPLE_SEARCH_OFF'
  | 'RATE_LIMITED'
  | 'UNAVAILABLE';

/**
 * An error that a client may see: its message holds nothing internal. Every other error is
 * masked and logged.
 */
export abstract class DomainError extends Error {
  abstract readonly code: ErrorCode;
  override readonly name = this.constructor.name;
}

/** The request carries no valid token, or one of nobody's. */
export class UnauthenticatedError extends DomainError {
  readonly code = 'UNAUTHENTICATED';
}

/** The token was signed by the issuer, but is expired or not valid yet. It is no guess at a token. */
export class ExpiredTokenError extends UnauthenticatedError {}

/** It does not exist, or is not the viewer's: nobody can tell which. */
export class NotFoundError extends DomainError {
  readonly code = 'NOT_FOUND';
}

/** The client program, not the person, sent something that can't be meant. */
export class BadUserInputError extends DomainError {
  readonly code = 'BAD_USER_INPUT';
}

/** The operator has switched the search for people off. */
export class PeopleSearchOffError extends DomainError {
  readonly code = 'PEOPLE_SEARCH_OFF';
}

/** The person, or the address, has asked for more than is let through in a minute. */
export class RateLimitedError extends DomainError {
  readonly code = 'RATE_LIMITED';
  /** After as many seconds there is room again. */
  readonly retryAfterSeconds: number;

  constructor(retryAfterSeconds: number) {
    super(`Too many requests. Try again in ${retryAfterSeconds} s.`);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** A part that the request needs does not answer; trying again later may help. */
export class UnavailableError extends DomainError {
  readonly code = 'UNAVAILABLE';
}
