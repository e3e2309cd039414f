import pRetry from 'p-retry';
import { toWire, type WireItem } from '../dynamodb/attribute-values.ts';
import { UnavailableError } from '../errors.ts';
import type { MessageGroupProfile } from '../model.ts';
import { parseProfile } from './items.ts';
import { profileKey } from './keys.ts';
import type { Table } from './table.ts';

/** Reads the profile of a group; undefined if there is no such group. One GetItem of 0.5 RCU, or 1 if consistent. */
export async function getProfile(
  table: Table,
  messageGroupId: string,
  { consistent = false }: { readonly consistent?: boolean } = {},
): Promise<MessageGroupProfile | undefined> {
  const { Item } = await table.call('GetItem', {
    TableName: table.name,
    Key: toWire(profileKey(messageGroupId)),
    ConsistentRead: consistent,
  });
  return Item && parseProfile(Item);
}

/**
 * Tells whether a person is a member of a group. One GetItem of 0.5 RCU, or 1 if consistent, also where there is no such group.
 *
 * It reads as little as it can of the profile, so that it takes as long where there is no such group.
 */
export async function isInProfile(
  table: Table,
  userId: string,
  messageGroupId: string,
  { consistent = false }: { readonly consistent?: boolean } = {},
): Promise<boolean> {
  const { Item } = await table.call('GetItem', {
    TableName: table.name,
    Key: toWire(profileKey(messageGroupId)),
    ProjectionExpression: 'memberIds',
    ConsistentRead: consistent,
  });
  return Item?.['memberIds']?.L?.some(({ S: id }) => id === userId) ?? false;
}

/** The most profiles that can be asked for at once: the most keys that one BatchGetItem takes. */
export const MAX_PROFILES = 100;

/**
 * The profiles of up to 100 groups, those that exist, by id and in no order. One BatchGetItem, and more
 * only for keys that the engine left unprocessed.
 *
 * @throws UnavailableError when keys stay unprocessed
 */
export async function getProfiles(
  table: Table,
  messageGroupIds: readonly string[],
  { consistent = false }: { readonly consistent?: boolean } = {},
): Promise<ReadonlyMap<string, MessageGroupProfile>> {
  if (messageGroupIds.length > MAX_PROFILES) throw new RangeError(`At most ${MAX_PROFILES} profiles at once`);
  const profiles = new Map<string, MessageGroupProfile>();
  let keys: WireItem[] = messageGroupIds.map((id) => toWire(profileKey(id)));
  await pRetry(
    async () => {
      const { Responses, UnprocessedKeys } = await table.call('BatchGetItem', {
        RequestItems: { [table.name]: { Keys: keys, ConsistentRead: consistent } },
      });
      for (const profile of (Responses?.[table.name] ?? []).map(parseProfile)) profiles.set(profile.id, profile);
      keys = UnprocessedKeys?.[table.name]?.Keys ?? [];
      if (keys.length > 0) throw new UnprocessedKeysError('The message store is overloaded. Try again.');
    },
    {
      retries: 5,
      minTimeout: 25,
      randomize: true,
      shouldRetry: ({ error }) => error instanceof UnprocessedKeysError,
    },
  );
  return profiles;
}

class UnprocessedKeysError extends UnavailableError {}
