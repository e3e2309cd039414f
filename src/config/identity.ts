import * as z from 'zod';
import { read } from './environment.ts';
import { issuerAddress, required } from './variables.ts';

/** Whose tokens are believed. */
export type IdentityConfig =
  | { readonly kind: 'cognito'; readonly userPoolId: string; readonly clientId: string }
  | { readonly kind: 'oidc'; readonly issuer: string; readonly jwksUri: string; readonly audience: string };

/** As aws-jwt-verify wants it. */
const USER_POOL_ID = /^(eusc-[a-z]{2}|[a-z]{2})-(gov-)?[a-z]+-\d_[0-9A-Za-z]+$/;

/** Variables that name a user pool. */
export const cognitoVariables = {
  COGNITO_USER_POOL_ID: z
    .string(required())
    .regex(USER_POOL_ID, 'must be a user pool id such as eu-central-1_AbCdEfGhI'),
  COGNITO_CLIENT_ID: z.string(required()).regex(/^[\w+]+$/, 'must be an app client id'),
};

const cognitoShape = z.object(cognitoVariables);

const oidcShape = z.object({
  OIDC_ISSUER: issuerAddress,
  OIDC_JWKS_URI: issuerAddress,
  OIDC_AUDIENCE: z.string(required()),
});

/** The one issuer that the variables name; what is wrong is added to the problems. */
export function readIdentity(given: NodeJS.ProcessEnv, problems: string[]): IdentityConfig | undefined {
  const hasCognito = Object.keys(cognitoVariables).some((name) => given[name] !== undefined);
  const hasOidc = Object.keys(oidcShape.shape).some((name) => given[name] !== undefined);
  if (hasCognito === hasOidc) {
    problems.push(
      'COGNITO_USER_POOL_ID and COGNITO_CLIENT_ID, or OIDC_ISSUER, OIDC_JWKS_URI and OIDC_AUDIENCE: ' +
        (hasCognito ? 'only one of these sets can be given' : 'one of these sets is required'),
    );
  }
  const cognito = hasCognito ? read(cognitoShape, given, problems) : undefined;
  const oidc = hasOidc ? read(oidcShape, given, problems) : undefined;
  if (cognito)
    return { kind: 'cognito', userPoolId: cognito.COGNITO_USER_POOL_ID, clientId: cognito.COGNITO_CLIENT_ID };
  if (oidc)
    return { kind: 'oidc', issuer: oidc.OIDC_ISSUER, jwksUri: oidc.OIDC_JWKS_URI, audience: oidc.OIDC_AUDIENCE };
  return undefined;
}

/** Names and addresses of this machine, as `URL` spells them: loopback, unspecified, and IPv4 in IPv6. See RFC 6761 section 6.3. */
const THIS_MACHINE = /^((.+\.)?localhost\.?|127(\.\d+){3}|0\.0\.0\.0|\[::1?\]|\[::ffff:(7f[\da-f]{2}:[\da-f]+|0:0)\])$/;

/** Tells whether an issuer is on this machine, which is for development alone. */
export function isLocalIssuer(issuer: string): boolean {
  return THIS_MACHINE.test(new URL(issuer).hostname);
}
