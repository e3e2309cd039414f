import { CognitoJwtVerifier, JwtVerifier } from 'aws-jwt-verify';
import { FetchError, JwksValidationError, JwkValidationError } from 'aws-jwt-verify/error';
import { assertIsJwks, type Jwks, SimpleJwksCache } from 'aws-jwt-verify/jwk';
import type { JwtPayload } from 'aws-jwt-verify/jwt-model';
import { LRUCache } from 'lru-cache';
import type { IdentityConfig } from '../config/identity.ts';
import { UnauthenticatedError, UnavailableError } from '../errors.ts';

/** Who a token speaks for. */
export interface TokenVerifier {
  /**
   * The subject of a valid access token: signature, issuer, audience, use and lifetime hold.
   *
   * @throws UnauthenticatedError when the token is not valid
   * @throws UnavailableError when the issuer's keys can't be had
   */
  subjectOf(token: string): Promise<string>;
}

/** How long the issuer may take to hand out its keys. */
const JWKS_TIMEOUT_MS = 3_000;

/** How long an issuer that did not answer is left alone: unknown keys are easily made up, and each would ask it again. */
const JWKS_PAUSE_MS = 1_000;

/** As many valid tokens are remembered, of which most take 1 KB, and so much of their text: a token may take 16 KB. */
const REMEMBERED_TOKENS = 5_000;
const REMEMBERED_CHARACTERS = 8 * 1024 * 1024;

/**
 * Verifies Cognito's access tokens, or those of any OpenID Connect issuer. Keys are fetched once, and again
 * when a token names an unknown one, at most every 10 s. Those that are there go on while no others can be had.
 *
 * A token that was found valid is remembered until it expires, or keys are fetched: those of before may hold no more.
 */
export function createTokenVerifier(identity: IdentityConfig): TokenVerifier {
  const subjects = new LRUCache<string, Claims>({
    max: REMEMBERED_TOKENS,
    maxSize: REMEMBERED_CHARACTERS,
    sizeCalculation: (_, token) => token.length,
  });
  const jwksCache = new IssuerKeys(() => subjects.clear());
  const verifier =
    identity.kind === 'cognito'
      ? CognitoJwtVerifier.create(
          { userPoolId: identity.userPoolId, clientId: identity.clientId, tokenUse: 'access' },
          { jwksCache },
        )
      : JwtVerifier.create(
          {
            issuer: identity.issuer,
            jwksUri: identity.jwksUri,
            audience: null,
            customJwtCheck: ({ payload }) => checkAccessToken(payload, identity.audience),
          },
          { jwksCache },
        );

  return {
    subjectOf: async (token) => {
      const known = subjects.get(token);
      // By the clock that tells the time: the cache's own goes on from when the token was verified.
      if (known && Date.now() < known.expiresAt) return known.subject;
      try {
        const verified = claims(await verifier.verify(token));
        subjects.set(token, verified);
        return verified.subject;
      } catch (error) {
        if (KEYS_MISSING.some((kind) => error instanceof kind))
          throw new UnavailableError('The issuer of tokens does not answer. Try again.', { cause: error });
        throw new UnauthenticatedError('The token is not valid.', { cause: error });
      }
    },
  };
}

/** The issuer does not answer, or not with keys. */
const KEYS_MISSING = [FetchError, JwksValidationError, JwkValidationError];

/** The issuer's keys. Whatever goes wrong with fetching others, those that were fetched before stay. */
class IssuerKeys extends SimpleJwksCache {
  private failure: { readonly error: unknown; readonly until: number } | undefined;

  /** @param onFetched told of keys that were fetched, before they are used */
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
      return await super.getJwks(uri);
    } catch (error) {
      this.failure = { error, until: performance.now() + JWKS_PAUSE_MS };
      throw error;
    }
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

/** The library takes a token that never expires, or that is nobody's. */
interface Claims {
  readonly subject: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

function claims({ sub, exp }: JwtPayload): Claims {
  if (exp === undefined) throw new Error('The token never expires');
  if (!sub) throw new Error('The token is nobody’s');
  return { subject: sub, expiresAt: exp * 1_000 };
}
