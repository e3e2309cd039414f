import DataLoader from 'dataloader';
import { foldHandle, type GroupMessage, type MessageGroupProfile, type User } from '../model.ts';
import { MAX_BATCH } from '../table/batch-get.ts';
import { getMessages } from '../table/log.ts';
import { getCachedProfiles } from '../table/profiles.ts';
import type { Table } from '../table/table.ts';
import type { CachedDirectory } from '../users/user-cache.ts';

/** Batches and remembers what one request reads. Made for each request, so that nothing outlives it. */
export interface Loaders {
  /**
   * By id; null for an account that is gone. Who is known is there at once, without a promise: a page is mostly of few people. All
   * others come by one SQL statement a batch.
   */
  readonly user: (id: string) => User | null | Promise<User | null>;
  /** By handle, compared without regard to ASCII case; null if there is no such user. One SQL statement a batch. */
  readonly userByHandle: (handle: string) => Promise<User | null>;
  /** By group id; null if there is no such group. One BatchGetItem a batch of uncached profiles. Only for groups that the viewer may read. */
  readonly profile: (messageGroupId: string) => Promise<MessageGroupProfile | null>;
  /** By group id and sequence; null if the log has no such message. One BatchGetItem a batch. Only for groups that the viewer may read. */
  readonly message: (messageGroupId: string, sequence: number) => Promise<GroupMessage | null>;
  /** Calls `load` once for each key, and returns its result to every later call with that key. */
  readonly once: (key: string, load: () => unknown) => unknown;
}

type MessageId = Pick<GroupMessage, 'messageGroupId' | 'sequence'>;

function keyOf({ messageGroupId, sequence }: MessageId): string {
  return `${messageGroupId}#${sequence}`;
}

/** A request makes only those that it needs: the others would cost it more than much of what it does. */
export function createLoaders(directory: CachedDirectory, table: Table): Loaders {
  let users: DataLoader<string, User | null> | undefined;
  let handles: DataLoader<string, User | null> | undefined;
  let messages: DataLoader<MessageId, GroupMessage | null, string> | undefined;
  let profiles: DataLoader<string, MessageGroupProfile | null> | undefined;
  let loaded: Map<string, unknown> | undefined;
  return {
    user: (id) => {
      const known = directory.cached(id);
      if (known) return known;
      users ??= new DataLoader(async (ids) => {
        const found = new Map((await directory.findByIds(ids)).map((user) => [user.id, user]));
        return ids.map((each) => found.get(each) ?? null);
      });
      return users.load(id);
    },
    userByHandle: (handle) => {
      handles ??= new DataLoader(async (given) => {
        const found = new Map((await directory.findByHandles(given)).map((user) => [foldHandle(user.handle), user]));
        return given.map((each) => found.get(foldHandle(each)) ?? null);
      });
      return handles.load(handle);
    },
    profile: (messageGroupId) => {
      profiles ??= new DataLoader(
        async (ids) => {
          const found = await getCachedProfiles(table, ids);
          return ids.map((each) => found.get(each) ?? null);
        },
        { maxBatchSize: MAX_BATCH },
      );
      return profiles.load(messageGroupId);
    },
    message: (messageGroupId, sequence) => {
      messages ??= new DataLoader<MessageId, GroupMessage | null, string>(
        async (ids) => {
          const found = new Map((await getMessages(table, ids)).map((message) => [keyOf(message), message]));
          return ids.map((id) => found.get(keyOf(id)) ?? null);
        },
        { maxBatchSize: MAX_BATCH, cacheKeyFn: keyOf },
      );
      return messages.load({ messageGroupId, sequence });
    },
    once: (key, load) => {
      loaded ??= new Map();
      if (!loaded.has(key)) loaded.set(key, load());
      return loaded.get(key);
    },
  };
}
