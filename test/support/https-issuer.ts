import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';

/** An issuer by https, as production demands, with a certificate of its own. */
export interface HttpsIssuer {
  /** What a process has to trust: NODE_EXTRA_CA_CERTS. */
  readonly certificateFile: string;
  /** An access token of the subject, for an hour. */
  token(subject: string): Promise<string>;
  stop(): void;
}

export interface HttpsIssuerOptions {
  /** Its name, as processes know it: `https://issuer.example.com:8443`. */
  readonly issuer: string;
  /** Where its keys are fetched, if not under its name. */
  readonly url?: string;
  readonly audience: string;
  /** Where it listens. */
  readonly address: string;
  /** Where its certificate is put. */
  readonly folder: string;
}

/** Starts the issuer, whose keys are at any path. Needs openssl. */
export async function startHttpsIssuer({
  issuer,
  url = issuer,
  audience,
  address,
  folder,
}: HttpsIssuerOptions): Promise<HttpsIssuer> {
  const [key, certificate] = [join(folder, 'issuer.key'), join(folder, 'issuer.crt')];
  const { hostname, port } = new URL(url);
  await promisify(execFile)('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-keyout', key, '-out', certificate],
    ...['-subj', `/CN=${hostname}`, '-addext', `subjectAltName=DNS:${hostname}`],
  ]);
  const { privateKey, publicKey } = await generateKeyPair('RS256');
  const keys = [{ ...(await exportJWK(publicKey)), kid: 'key', use: 'sig', alg: 'RS256' }];
  const server = createServer({ key: await readFile(key), cert: await readFile(certificate) }, (_, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys }));
  }).listen(Number(port), address);
  await once(server, 'listening');
  return {
    certificateFile: certificate,
    token: (subject) =>
      new SignJWT({ token_use: 'access', client_id: audience })
        .setProtectedHeader({ alg: 'RS256', kid: 'key' })
        .setIssuer(issuer)
        .setSubject(subject)
        .setIssuedAt()
        .setExpirationTime('1 hour')
        .sign(privateKey),
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
