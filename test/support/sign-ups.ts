import { randomBytes, randomUUID } from 'node:crypto';

/** What Cognito knows of somebody who just signed up. */
export function aNewcomer() {
  const handle = `n_${randomBytes(8).toString('hex')}`;
  return { sub: randomUUID(), email: `${handle}@example.com`, preferred_username: handle };
}

/** The event of a confirmed sign-up, with all that a pool sends. */
export function signUpEvent<Attributes extends Record<string, string | undefined>>(userAttributes: Attributes) {
  return {
    version: '1',
    region: 'eu-central-1',
    userPoolId: 'eu-central-1_AbCdEfGhI',
    userName: userAttributes['preferred_username'] ?? '',
    callerContext: { awsSdkVersion: 'aws-sdk-unknown-unknown', clientId: '1example23456789' },
    triggerSource: 'PostConfirmation_ConfirmSignUp',
    request: { userAttributes: { 'cognito:user_status': 'CONFIRMED', email_verified: 'true', ...userAttributes } },
    response: {},
  };
}
