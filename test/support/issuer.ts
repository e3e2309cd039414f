import { randomUUID, type webcrypto } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWK, type JWTHeaderParameters, type JWTPayload, SignJWT } from 'jose';
import type { IdentityConfig } from '../../src/config/identity.ts';
import { keepSecret } from '../logs/collect.ts';

export const AUDIENCE = 'test-client';

/** An issuer with a real key, whose JWKS is served over HTTP. */
export interface TestIssuer {
  readonly identity: Extract<IdentityConfig, { kind: 'oidc' }>;
  /** The key that tokens are signed with. */
  readonly privateKey: webcrypto.CryptoKey;
  readonly publicJwk: JWK;
  /** How often the JWKS was fetched. */
  readonly fetches: () => number;
  /** A valid access token of the subject. */
  token(subject: string): Promise<string>;
  /** A token as told, signed with the issuer's key. A claim of `undefined` is left out. */
  sign(
    claims: JWTPayload,
    header?: Partial<JWTHeaderParameters>,
    key?: webcrypto.CryptoKey | Uint8Array,
  ): Promise<string>;
  /** Signs with another key from now on. With an overlap the JWKS holds the one before too. */
  rotate(options: { readonly overlap: boolean }): Promise<void>;
  /** Answers like this where the JWKS is asked for, in place of the JWKS itself, until the function that it gives is called. */
  answerWith(listener: RequestListener): () => void;
  stop(): Promise<void>;
}

/** The variables that make a process believe the issuer's tokens. */
export function issuerVariables({ identity }: TestIssuer): NodeJS.ProcessEnv {
  return { OIDC_ISSUER: identity.issuer, OIDC_JWKS_URI: identity.jwksUri, OIDC_AUDIENCE: identity.audience };
}

export async function startIssuer(): Promise<TestIssuer> {
  let current = await aKey('test-key');
  let published = [current.publicJwk];
  let fetched = 0;
  let answer: RequestListener | undefined;
  const server = createServer((request, response) => {
    fetched += 1;
    if (answer) answer(request, response);
    else response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: published }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const sign: TestIssuer['sign'] = async (claims, header, key = current.privateKey) => {
    const now = Math.floor(Date.now() / 1000);
    const usual = { iss: issuer, client_id: AUDIENCE, token_use: 'access', iat: now, exp: now + 3600 };
    const token = await new SignJWT({ ...usual, ...claims })
      .setProtectedHeader({ alg: 'RS256', kid: current.publicJwk.kid, ...header })
      .sign(key);
    keepToken(token);
    return token;
  };
  return {
    identity: { kind: 'oidc', issuer, jwksUri: `${issuer}/jwks`, audience: AUDIENCE },
    get privateKey() {
      return current.privateKey;
    },
    get publicJwk() {
      return current.publicJwk;
    },
    fetches: () => fetched,
    token: (subject) => sign({ sub: subject }),
    sign,
    rotate: async ({ overlap }) => {
      const before = current.publicJwk;
      current = await aKey(randomUUID());
      published = [current.publicJwk, ...(overlap ? [before] : [])];
    },
    answerWith: (listener) => {
      answer = listener;
      return () => {
        answer = undefined;
      };
    },
    stop: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function aKey(kid: string) {
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
  return { privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, use: 'sig', alg: 'RS256' } };
}

/** Keeps a token, and what of it lets somebody in, out of all logs. */
export function keepToken(token: string): void {
  keepSecret('a token', token);
  keepSecret('a token’s signature', token.slice(token.lastIndexOf('.') + 1));
}
