import DataLoader from 'dataloader';
import type { MessageGroupProfile, User } from '../model.ts';
import { getProfiles } from '../table/profiles.ts';
import type { Table } from '../table/table.ts';
import type { Directory } from '../users/directory.ts';

/** Batches what one reply needs. Made for each request, so that nothing outlives it. */
export interface Loaders {
  /** By id; null for an account that is gone. One SQL statement a batch. */
  readonly users: DataLoader<string, User | null>;
  /** By group id; null when there is no such group. One BatchGetItem a batch. Only for groups that the viewer may read. */
  readonly profiles: DataLoader<string, MessageGroupProfile | null>;
}

export function createLoaders(directory: Directory, table: Table): Loaders {
  return {
    users: new DataLoader(async (ids) => {
      const users = new Map((await directory.findByIds(ids)).map((user) => [user.id, user]));
      return ids.map((id) => users.get(id) ?? null);
    }),
    profiles: new DataLoader(
      async (ids) => {
        const profiles = await getProfiles(table, ids);
        return ids.map((id) => profiles.get(id) ?? null);
      },
      { maxBatchSize: 100 },
    ),
  };
}
