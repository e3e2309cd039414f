import { UnauthenticatedError } from '../errors.ts';
import type { User } from '../model.ts';
import type { TokenVerifier } from './token-verifier.ts';

/** The part of a directory that finds a token's user. */
interface Subjects {
  /** The user from the cache; undefined if the directory has to be asked. */
  cachedBySubject(subject: string): User | undefined;
  findBySubject(subject: string): Promise<User | undefined>;
}

/** Finds a token's user, by the directory as one request sees it. */
export type ViewerOf = (token: string, directory: Subjects) => Promise<User>;

/**
 * Creates the function that finds a token's user. It throws `UnauthenticatedError` for a token that is not valid, and for a valid token
 * of somebody without a row in the directory.
 */
export function createViewers(verifier: TokenVerifier): ViewerOf {
  return async (token, directory) => {
    const subject = await verifier.subjectOf(token);
    const viewer = directory.cachedBySubject(subject) ?? (await directory.findBySubject(subject));
    if (!viewer) throw new UnauthenticatedError('The token is valid, but the directory has nobody with its subject.');
    return viewer;
  };
}
