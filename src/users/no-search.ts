import { PeopleSearchOffError } from '../errors.ts';
import type { RememberingDirectory } from './known-people.ts';

/** Wraps a directory: refuses every search for people, and asks the directory nothing. */
export function withoutSearch(directory: RememberingDirectory): RememberingDirectory {
  return {
    ...directory,
    search: async () => {
      throw new PeopleSearchOffError('The search for people is switched off.');
    },
  };
}
