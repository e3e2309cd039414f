import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose';
import { LOCAL_CLIENT_ID, LOOPBACK } from './addresses.ts';

/** The issuer's key, private part included. */
type SigningKey = JWK & { readonly kid: string };

const ALGORITHM = 'RS256';

/** Long enough for a tab with Apollo Sandbox to stay signed in. */
const TOKEN_LIFETIME = '7 days';

/** Loads the key of the local issuer from the stack's folder, or makes one on the first start. */
export async function loadSigningKey(folder: string): Promise<SigningKey> {
  const key = await readSigningKey(folder);
  if (key) return key;
  const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true });
  const jwk = await exportJWK(privateKey);
  const made = { ...jwk, kid: await calculateJwkThumbprint(jwk) };
  await writeFile(keyFile(folder), JSON.stringify(made), { mode: 0o600, flush: true });
  return made;
}

/** The key of the local issuer; undefined when there is none yet. */
export async function readSigningKey(folder: string): Promise<SigningKey | undefined> {
  try {
    return JSON.parse(await readFile(keyFile(folder), 'utf8'));
  } catch (error) {
    // A file cut short by a crash is as good as none.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** An access token shaped like Cognito's: see "Using the access token" in the Amazon Cognito developer guide. */
export async function signToken(key: SigningKey, issuer: string, subject: string, username: string): Promise<string> {
  return new SignJWT({ token_use: 'access', client_id: LOCAL_CLIENT_ID, scope: 'openid', username, jti: randomUUID() })
    .setProtectedHeader({ alg: ALGORITHM, kid: key.kid })
    .setIssuer(issuer)
    .setSubject(subject)
    .setIssuedAt()
    .setExpirationTime(TOKEN_LIFETIME)
    .sign(await importJWK(key, ALGORITHM));
}

/** Serves the public part of the key, so that tokens are verified as anywhere else. */
export async function serveKeys(key: SigningKey, port: number): Promise<Server> {
  const { kty, kid, n, e } = key;
  const jwks = JSON.stringify({ keys: [{ kty, kid, n, e, use: 'sig', alg: ALGORITHM }] });
  const server = createServer((request, response) => {
    const found = request.url === '/.well-known/jwks.json';
    response.writeHead(found ? 200 : 404, { 'content-type': 'application/json' }).end(found ? jwks : '{}');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, LOOPBACK, resolve);
  });
  return server;
}

function keyFile(folder: string): string {
  return join(folder, 'issuer-key.json');
}
