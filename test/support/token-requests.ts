import type { RequestListener } from 'node:http';
import { base64url } from 'jose';
import { expect, onTestFinished } from 'vitest';
import { anApi, type Reply, type TestApi } from './api.ts';
import { startIssuer, type TestIssuer } from './issuer.ts';

/** APIs with an issuer of their own, and requests with any token. */

/** An API that has not asked its issuer for the keys yet. */
export async function aColdApi(): Promise<{ api: TestApi; issuer: TestIssuer }> {
  const issuer = await startIssuer();
  onTestFinished(() => issuer.stop());
  return { api: await anApi({ issuer }), issuer };
}

/** An API that has the keys, with a token of a person that it let in. */
export async function aWarmApi() {
  const { api, issuer } = await aColdApi();
  const [ann] = await api.people(1);
  const good = await issuer.token(ann.subject);
  expect((await ask(api, good)).status).toBe(200);
  return { api, issuer, ann, good };
}

/** Asks for what calls the directory and the engine as soon as the token is believed. */
export async function ask(api: TestApi, token: string) {
  const response = await fetch(api.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ query: '{ viewer { handle } messageGroups(first: 1) { edges { cursor } } }' }),
  });
  const { data, errors } = (await response.json()) as Reply;
  const challenge = response.headers.get('www-authenticate');
  return { status: response.status, data, code: errors?.[0]?.extensions.code, challenge };
}

/** The token under key ids that the issuer does not have. */
export function underUnknownKeys(token: string, count: number): string[] {
  const [, payload, signature] = token.split('.');
  return Array.from({ length: count }, (_, number) => {
    const header = base64url.encode(JSON.stringify({ alg: 'RS256', kid: `unknown-${number}` }));
    return `${header}.${payload}.${signature}`;
  });
}

/** Asks with all of these tokens, some at once. */
export async function askWithEach(api: TestApi, tokens: readonly string[]) {
  const left = tokens.values();
  const replies: Awaited<ReturnType<typeof ask>>[] = [];
  const askOn = async () => {
    for (const token of left) replies.push(await ask(api, token));
  };
  await Promise.all(Array.from({ length: 20 }, askOn));
  return replies;
}

/** The answer while the keys can’t be had. */
export const UNAVAILABLE = { status: 503, data: undefined, code: 'UNAVAILABLE', challenge: null };

export const hangUp: RequestListener = (request) => request.socket.destroy();
