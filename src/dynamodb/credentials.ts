import { defaultProvider } from '@aws-sdk/credential-provider-node';
import type { AwsCredentialIdentity, AwsCredentialIdentityProvider } from '@smithy/types';
import { within } from '../calls.ts';

/** Credentials for the SDK's client, and the ones that it got last. */
export interface Credentials {
  /** For the client's option `credentials`. */
  readonly provider: AwsCredentialIdentityProvider;
  /** Returns the credentials in use; undefined when there are none yet, or when the SDK is due to refresh them. */
  readonly current: () => AwsCredentialIdentity | undefined;
}

/** How long the SDK may look for credentials, in milliseconds. Less than a request has, so that the next call can look again. */
const LOOK_UP_MS = 5_000;

/** The SDK refreshes credentials this long before they expire, in milliseconds. */
const REFRESH_MS = 300_000;

/**
 * Takes credentials from where the SDK finds them, and puts an end to a look-up that takes too long. The SDK itself would wait for a silent
 * container endpoint for ever, with all calls behind it. A failed look-up is not kept: the next call looks again. Credentials that are about
 * to expire stay in use while new ones are looked up.
 */
export function sdkCredentials(): Credentials {
  let held: AwsCredentialIdentity | undefined;
  let lookUp: Promise<AwsCredentialIdentity> | undefined;

  const lookUpOnce: AwsCredentialIdentityProvider = (properties) => {
    // The SDK's provider keeps a look-up that hangs, so each look-up has a provider of its own.
    lookUp ??= within(LOOK_UP_MS, defaultProvider()(properties))
      .then((found) => {
        held = found;
        return found;
      })
      .finally(() => {
        lookUp = undefined;
      });
    return lookUp;
  };

  const current = () => (held && lasts(held, REFRESH_MS) ? held : undefined);
  return {
    current,
    provider: async (properties) => {
      const found = current() ?? lookUpOnce(properties);
      if (!held || !lasts(held, 0)) return found;
      Promise.resolve(found).catch(() => {});
      return held;
    },
  };
}

/** Wraps credentials that never change. */
export function fixedCredentials(identity: AwsCredentialIdentity): Credentials {
  return { provider: async () => identity, current: () => identity };
}

function lasts({ expiration }: AwsCredentialIdentity, milliseconds: number): boolean {
  return expiration === undefined || expiration.getTime() - Date.now() > milliseconds;
}
