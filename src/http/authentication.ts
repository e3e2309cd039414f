import type { IncomingMessage } from 'node:http';
import { DomainError, ExpiredTokenError, UnauthenticatedError } from '../errors.ts';
import type { User } from '../model.ts';

/**
 * Why a request is not authenticated, as RFC 6750 section 3 has it told: the status, and the challenge for
 * `WWW-Authenticate`.
 */
export class ChallengeError extends DomainError {
  readonly code = 'UNAUTHENTICATED';
  readonly status: 400 | 401;
  readonly challenge: string;
  /** Whether the request may be a guess at a token, which counts against its address. */
  readonly isGuess: boolean;

  constructor(message: string, error?: 'invalid_request' | 'invalid_token', { isGuess = true } = {}) {
    super(message);
    this.isGuess = isGuess;
    this.status = error === 'invalid_request' ? 400 : 401;
    this.challenge = `Bearer realm="cruddur-messages"${error ? `, error="${error}", error_description="${message}"` : ''}`;
  }
}

/** RFC 6750 section 2.1; the scheme's case does not matter, by RFC 9110 section 11.1. */
const BEARER = /^Bearer +([A-Za-z0-9\-._~+/]+=*) *$/i;
const BEARER_SCHEME = /^Bearer( |$)/i;

/**
 * The person whose access token the request carries in its `Authorization` header, the only place where one is
 * looked for.
 *
 * @throws ChallengeError when there is none or it is not valid
 * @throws UnavailableError when the token can't be verified for the moment
 */
export async function authenticate(
  request: IncomingMessage,
  viewerOf: (token: string) => Promise<User>,
): Promise<User> {
  const token = bearerToken(request);
  try {
    return await viewerOf(token);
  } catch (error) {
    if (error instanceof UnauthenticatedError)
      throw new ChallengeError(error.message, 'invalid_token', { isGuess: !(error instanceof ExpiredTokenError) });
    throw error;
  }
}

/** Whether the request makes no claim at all about who sent it. */
export function isAnonymous(request: IncomingMessage): boolean {
  return authorizationHeaders(request).length === 0;
}

/** The answer to a request without a token: RFC 6750 section 3.1 wants no error code in its challenge. */
export function missingToken(): ChallengeError {
  return new ChallengeError('Send an access token in the header Authorization, as: Bearer <token>.');
}

function bearerToken(request: IncomingMessage): string {
  const [header, ...more] = authorizationHeaders(request);
  if (header === undefined || (more.length === 0 && !BEARER_SCHEME.test(header))) throw missingToken();
  if (more.length > 0) throw new ChallengeError('Send one Authorization header.', 'invalid_request');
  const token = BEARER.exec(header)?.[1];
  if (token === undefined) throw new ChallengeError('The token is not valid.', 'invalid_token');
  return token;
}

/** Node keeps only the first of several in `headers`, and a request that came through AWS Lambda has no `headersDistinct`. */
function authorizationHeaders({ rawHeaders }: IncomingMessage): string[] {
  return rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === 'authorization');
}
