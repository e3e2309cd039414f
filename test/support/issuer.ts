import type { webcrypto } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWK, type JWTHeaderParameters, type JWTPayload, SignJWT } from 'jose';
import type { IdentityConfig } from '../../src/config/identity.ts';

export const AUDIENCE = 'test-client';

/** An issuer with a real key, whose JWKS is served over HTTP. */
export interface TestIssuer {
  readonly identity: Extract<IdentityConfig, { kind: 'oidc' }>;
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
  stop(): Promise<void>;
}

export async function startIssuer(): Promise<TestIssuer> {
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
  const publicJwk = { ...(await exportJWK(publicKey)), kid: 'test-key', use: 'sig', alg: 'RS256' };
  let fetched = 0;
  const server: Server = createServer((_, response) => {
    fetched += 1;
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [publicJwk] }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const sign: TestIssuer['sign'] = (claims, header, key = privateKey) => {
    const now = Math.floor(Date.now() / 1000);
    const usual = { iss: issuer, client_id: AUDIENCE, token_use: 'access', iat: now, exp: now + 3600 };
    return new SignJWT({ ...usual, ...claims })
      .setProtectedHeader({ alg: 'RS256', kid: 'test-key', ...header })
      .sign(key);
  };
  return {
    identity: { kind: 'oidc', issuer, jwksUri: `${issuer}/jwks`, audience: AUDIENCE },
    privateKey,
    publicJwk,
    fetches: () => fetched,
    token: (subject) => sign({ sub: subject }),
    sign,
    stop: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
