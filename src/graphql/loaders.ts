import DataLoader from 'dataloader';
import type { MessageGroupProfile, User } from '../model.ts';
import { getProfiles } from '../table/profiles.ts';
import type { Table } from '../table/table.ts';
import type { RememberingDirectory } from '../users/known-people.ts';

/** Batches what one reply needs. Made for each request, so that nothing outlives it. */
export interface Loaders {
  /**
   * By id; null for an account that is gone. Who is known is there at once, without a promise: a page is mostly of few people. All
   * others come by one SQL statement a batch.
   */
  readonly user: (id: string) => User | null | Promise<User | null>;
  /** By group id; null when there is no such group. One BatchGetItem a batch. Only for groups that the viewer may read. */
  readonly profiles: DataLoader<string, MessageGroupProfile | null>;
}

export function createLoaders(directory: RememberingDirectory, table: Table): Loaders {
  const users = new DataLoader<string, User | null>(async (ids) => {
    const found = new Map((await directory.findByIds(ids)).map((user) => [user.id, user]));
    return ids.map((id) => found.get(id) ?? null);
  });
  return {
    user: (id) => directory.known(id) ?? users.load(id),
    profiles: new DataLoader(
      async (ids) => {
        const profiles = await getProfiles(table, ids);
        return ids.map((id) => profiles.get(id) ?? null);
      },
      { maxBatchSize: 100 },
    ),
  };
}
