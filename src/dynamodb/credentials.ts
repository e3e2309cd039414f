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

/**
 * Each look-up that timed out leaves a connection behind, because the SDK cannot cancel it. After so many in a row, one look-up is made in
 * this time, in milliseconds.
 */
const TIMEOUTS_IN_A_ROW = 3;
const PAUSE_MS = 30_000;

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
  let timeouts = 0;
  let timedOutAt = 0;

  const onTimeout = (late: Error): Error => {
    timeouts += 1;
    timedOutAt = performance.now();
    return late;
  };

  const lookUpOnce: AwsCredentialIdentityProvider = async (properties) => {
    if (timeouts >= TIMEOUTS_IN_A_ROW && performance.now() - timedOutAt < PAUSE_MS && !lookUp)
      throw new Error('The source of credentials did not answer. It is asked again in 30 s at the latest.');
    // The SDK's provider keeps a look-up that hangs, so each look-up has a provider of its own.
    lookUp ??= within(LOOK_UP_MS, defaultProvider()(properties), onTimeout)
      .then((found) => {
        timeouts = 0;
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
