import { FetchError, JwksValidationError } from 'aws-jwt-verify/error';
import { assertIsJwks, type Jwks, SimpleJwksCache } from 'aws-jwt-verify/jwk';

/** How long the issuer may take to hand out its keys. */
const JWKS_TIMEOUT_MS = 3_000;

/** How long no keys are fetched after a failure: unknown keys are easily made up, and each would cause a fetch. */
const JWKS_PAUSE_MS = 1_000;

/** Keys of this age are fetched again in the background, in milliseconds. */
const JWKS_REFRESH_MS = 30 * 60_000;

/** With keys of this age, no token is accepted before they were fetched again, or before that failed. */
const JWKS_MAX_AGE_MS = 60 * 60_000;

/** Keys that could not be fetched again are tried again after this time. */
const JWKS_RETRY_MS = 60_000;

/** The issuer's keys. If fetching fails, those that were fetched before stay. */
export class IssuerKeys extends SimpleJwksCache {
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
