import { CognitoJwtVerifier, JwtVerifier } from 'aws-jwt-verify';
import {
  FetchError,
  JwksValidationError,
  JwkValidationError,
  JwtExpiredError,
  JwtNotBeforeError,
} from 'aws-jwt-verify/error';
import type { JwtPayload } from 'aws-jwt-verify/jwt-model';
import { LRUCache } from 'lru-cache';
import type { IdentityConfig } from '../config/identity.ts';
import { ExpiredTokenError, UnauthenticatedError, UnavailableError } from '../errors.ts';
import { IssuerKeys } from './issuer-keys.ts';

/** Who a token speaks for. */
export interface TokenVerifier {
  /**
   * The subject of a valid access token: signature, issuer, audience, use and lifetime hold.
   *
   * @throws ExpiredTokenError if the issuer signed the token, but it is expired or not valid yet
   * @throws UnauthenticatedError if the token is not valid
   * @throws UnavailableError if the issuer's keys cannot be fetched
   */
  subjectOf(token: string): Promise<string>;
}

/** How far the issuer's clock may be ahead, for `nbf`. */
const NOT_BEFORE_TOLERANCE_SECONDS = 5;

/** Bounds of the cache of verified tokens: their number, and their characters. Most tokens have 1,000, and none more than 16,000. */
const MAX_CACHED_TOKENS = 5_000;
const MAX_CACHED_CHARACTERS = 8 * 1024 * 1024;

/**
 * Verifies Cognito's access tokens, or those of any OpenID Connect issuer. Keys are fetched once, again at least every hour, and when a
 * token names an unknown key, at most every 10 s. Keys that were fetched stay in use while the issuer does not answer.
 *
 * A token whose signature was verified is cached until keys are fetched, since the issuer may have removed its key.
 */
export function createTokenVerifier(identity: IdentityConfig): TokenVerifier {
  const verified = new LRUCache<string, Claims>({
    max: MAX_CACHED_TOKENS,
    maxSize: MAX_CACHED_CHARACTERS,
    sizeCalculation: (_, token) => token.length,
  });
  const jwksCache = new IssuerKeys(() => verified.clear());
  const graceSeconds = NOT_BEFORE_TOLERANCE_SECONDS;
  const verifier =
    identity.kind === 'cognito'
      ? CognitoJwtVerifier.create(
          { userPoolId: identity.userPoolId, clientId: identity.clientId, tokenUse: 'access', graceSeconds },
          { jwksCache },
        )
      : JwtVerifier.create(
          {
            issuer: identity.issuer,
            jwksUri: identity.jwksUri,
            audience: null,
            graceSeconds,
            customJwtCheck: ({ payload }) => checkAccessToken(payload, identity.audience),
          },
          { jwksCache },
        );

  return {
    subjectOf: async (token) => {
      if (jwksCache.isOld()) await jwksCache.refresh();
      const cached = verified.get(token);
      if (cached) return validSubject(cached);
      try {
        const found = claims(await verifier.verify(token));
        verified.set(token, found);
        return validSubject(found);
      } catch (error) {
        if (error instanceof ExpiredTokenError) throw error;
        // The library compares times after it has verified the signature.
        if (error instanceof JwtExpiredError) verified.set(token, EXPIRED);
        if (error instanceof JwtExpiredError || error instanceof JwtNotBeforeError) throw expired(error);
        if (KEYS_MISSING.some((kind) => error instanceof kind))
          throw new UnavailableError('The issuer of tokens does not answer. Try again.', { cause: error });
        throw new UnauthenticatedError('The token is not valid.', { cause: error });
      }
    },
  };
}

/** The issuer does not answer, or not with keys. */
const KEYS_MISSING = [FetchError, JwksValidationError, JwkValidationError];

/**
 * An OpenID Connect issuer names the audience in `aud`; Cognito, and issuers after its fashion, leave that out of access
 * tokens and name the client in `client_id`. `token_use`, where there is one, tells an access token from an id token.
 */
function checkAccessToken(payload: JwtPayload, audience: string): void {
  const audiences = [payload.aud ?? payload['client_id']].flat();
  if (!audiences.includes(audience)) throw new Error('The token is for another audience');
  if (payload['token_use'] !== undefined && payload['token_use'] !== 'access')
    throw new Error('The token is no access token');
}

interface Claims {
  readonly subject: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

const EXPIRED: Claims = { subject: '', expiresAt: 0 };

/** The tolerance is for `nbf` alone. */
function validSubject({ subject, expiresAt }: Claims): string {
  if (Date.now() >= expiresAt) throw expired();
  return subject;
}

function expired(cause?: Error): ExpiredTokenError {
  return new ExpiredTokenError('The token is not valid.', { cause });
}

/** Reads the claims. The library accepts a token that never expires, or that is nobody's. */
function claims({ sub, exp }: JwtPayload): Claims {
  if (exp === undefined) throw new Error('The token never expires');
  if (!sub) throw new Error('The token is nobody’s');
  return { subject: sub, expiresAt: exp * 1_000 };
}
