import { PeopleSearchOffError } from '../errors.ts';
import type { CachedDirectory } from './user-cache.ts';

/** Wraps a directory: refuses every search for people, and asks the directory nothing. */
export function withoutSearch(directory: CachedDirectory): CachedDirectory {
  return {
    ...directory,
    search: async () => {
      throw new PeopleSearchOffError('The search for people is switched off.');
    },
  };
}
