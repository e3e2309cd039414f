import { LRUCache } from 'lru-cache';
import { UnauthenticatedError } from '../errors.ts';
import type { User } from '../model.ts';
import type { TokenVerifier } from './token-verifier.ts';

/** How long a token's person is remembered: what changes in the directory is seen after this time at the latest. */
const REMEMBERED_MS = 60_000;

/** How many people are remembered: some 10 MB. */
const REMEMBERED_PEOPLE = 20_000;

/** How the directory is asked for a subject's person, where nobody remembers who that is. */
type FindBySubject = (subject: string) => Promise<User | undefined>;

/**
 * Makes the function that finds a token's person, by the directory as each request has it. It throws `UnauthenticatedError` for a token
 * that is not valid, and for a stranger: a valid token of somebody who has no row in the directory.
 */
export function createViewers(verifier: TokenVerifier): (token: string, findBySubject: FindBySubject) => Promise<User> {
  const people = new LRUCache<string, User, FindBySubject>({
    max: REMEMBERED_PEOPLE,
    ttl: REMEMBERED_MS,
    fetchMethod: (subject, _, { context: findBySubject }) => findBySubject(subject),
  });
  return async (token, findBySubject) => {
    const subject = await verifier.subjectOf(token);
    const viewer = people.get(subject) ?? (await people.fetch(subject, { context: findBySubject }));
    if (!viewer) throw new UnauthenticatedError('The token is valid, but the directory has nobody with its subject.');
    return viewer;
  };
}
