import { CognitoJwtVerifier, JwtVerifier } from 'aws-jwt-verify';
import {
  FetchError,
  JwksValidationError,
  JwkValidationError,
  JwtExpiredError,
  JwtNotBeforeError,
} from 'aws-jwt-verify/error';
import { assertIsJwks, type Jwks, SimpleJwksCache } from 'aws-jwt-verify/jwk';
import type { JwtPayload } from 'aws-jwt-verify/jwt-model';
import { LRUCache } from 'lru-cache';
import type { IdentityConfig } from '../config/identity.ts';
import { ExpiredTokenError, UnauthenticatedError, UnavailableError } from '../errors.ts';

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

/** How long the issuer may take to hand out its keys. */
const JWKS_TIMEOUT_MS = 3_000;

/** How long an issuer that did not answer is left alone: unknown keys are easily made up, and each would ask it again. */
const JWKS_PAUSE_MS = 1_000;

/** Keys of this age are fetched again in the background, in milliseconds. */
const JWKS_REFRESH_MS = 30 * 60_000;

/** With keys of this age, no token is accepted before they were fetched again, or before that failed. */
const JWKS_MAX_AGE_MS = 60 * 60_000;

/** Keys that could not be fetched again are tried again after this time. */
const JWKS_RETRY_MS = 60_000;

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

/** The issuer's keys. If fetching fails, those that were fetched before stay. */
class IssuerKeys extends SimpleJwksCache {
  private failure: { readonly error: unknown; readonly until: number } | undefined;
  /** When keys were fetched, by their address, in milliseconds since 1970. An issuer of Cognito has two addresses. */
  private readonly fetchedAt = new Map<string, number>();
  private retryAt = 0;

  /** @param onFetched is called with keys that were fetched, before they are used */
  constructor(onFetched: () => void) {
    super({
      fetcher: { fetch: fetchKeys },
      jwksParser: (bytes) => {
        const keys = parseKeys(bytes);
        onFetched();
        return keys;
      },
    });
  }

  override async getJwks(uri: string): Promise<Jwks> {
    if (this.failure && performance.now() < this.failure.until) throw this.failure.error;
    try {
      const keys = await super.getJwks(uri);
      this.fetchedAt.set(uri, Date.now());
      return keys;
    } catch (error) {
      this.failure = { error, until: performance.now() + JWKS_PAUSE_MS };
      throw error;
    }
  }

  /** Whether keys should be fetched again. */
  isOld(): boolean {
    return this.age() >= JWKS_REFRESH_MS && Date.now() >= this.retryAt;
  }

  /** Fetches keys again. Waits for them only if they have reached their maximum age, and the last attempt did not fail. */
  async refresh(): Promise<void> {
    const mustWait = this.age() >= JWKS_MAX_AGE_MS && this.retryAt === 0;
    const refreshed = Promise.allSettled([...this.fetchedAt.keys()].map((uri) => this.getJwks(uri))).then(() => {
      this.retryAt = this.age() >= JWKS_REFRESH_MS ? Date.now() + JWKS_RETRY_MS : 0;
    });
    if (mustWait) await refreshed;
  }

  /** How long ago the oldest keys were fetched, in milliseconds; 0 if there are none. */
  private age(): number {
    return this.fetchedAt.size === 0 ? 0 : Date.now() - Math.min(...this.fetchedAt.values());
  }
}

/** Unlike the library's own, this also fetches by http, for an issuer on this machine; the configuration allows no other. */
async function fetchKeys(uri: string): Promise<ArrayBuffer> {
  try {
    const response = await fetch(uri, { redirect: 'error', signal: AbortSignal.timeout(JWKS_TIMEOUT_MS) });
    if (!response.ok) throw new Error(`Status ${response.status}`);
    return await response.arrayBuffer();
  } catch (error) {
    throw new FetchError(uri, error);
  }
}

/** Unlike the library's own, this refuses a list without keys, which would take the place of the keys that are there. */
function parseKeys(bytes: ArrayBuffer): Jwks {
  let jwks: Parameters<typeof assertIsJwks>[0];
  try {
    jwks = JSON.parse(Buffer.from(bytes).toString());
  } catch (error) {
    throw new JwksValidationError('The issuer answers with something else than JSON', { cause: error });
  }
  assertIsJwks(jwks);
  if (jwks.keys.length === 0) throw new JwksValidationError('The issuer answers without keys');
  return jwks;
}

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
