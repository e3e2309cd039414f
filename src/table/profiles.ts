import { LRUCache } from 'lru-cache';
import { toWire } from '../dynamodb/attribute-values.ts';
import type { MessageGroupProfile } from '../model.ts';
import { batchGet } from './batch-get.ts';
import { parseProfile } from './items.ts';
import { profileKey } from './keys.ts';
import { readOrSkip } from './skipped.ts';
import type { ReadOptions, Table } from './table.ts';

/** Reads the profile of a group; undefined if there is no such group, or if the profile cannot be read. One GetItem of 0.5 RCU, or 1 if consistent. */
export async function getProfile(
  table: Table,
  messageGroupId: string,
  { consistent = false }: ReadOptions = {},
): Promise<MessageGroupProfile | undefined> {
  const { Item } = await table.call('GetItem', {
    TableName: table.name,
    Key: toWire(profileKey(messageGroupId)),
    ConsistentRead: consistent,
  });
  return Item && readOrSkip(table, parseProfile, Item);
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
  { consistent = false }: ReadOptions = {},
): Promise<boolean> {
  const { Item } = await table.call('GetItem', {
    TableName: table.name,
    Key: toWire(profileKey(messageGroupId)),
    ProjectionExpression: 'memberIds',
    ConsistentRead: consistent,
  });
  return Item?.['memberIds']?.L?.some(({ S: id }) => id === userId) ?? false;
}

/** Tells whether a group has a profile, also if the profile cannot be read. */
export async function hasProfile(table: Table, messageGroupId: string): Promise<boolean> {
  const { Item } = await table.call('GetItem', {
    TableName: table.name,
    Key: toWire(profileKey(messageGroupId)),
    ProjectionExpression: 'pk',
    ConsistentRead: true,
  });
  return Item !== undefined;
}

/**
 * Reads the profiles of up to 100 groups, those that exist and can be read, by id and in no order. One BatchGetItem, and more only for keys
 * that DynamoDB left unprocessed.
 *
 * @throws UnavailableError if keys stay unprocessed
 */
export async function getProfiles(
  table: Table,
  messageGroupIds: readonly string[],
  options?: ReadOptions,
): Promise<Map<string, MessageGroupProfile>> {
  const items = await batchGet(table, messageGroupIds.map(profileKey), options);
  const profiles = items.flatMap((item) => readOrSkip(table, parseProfile, item) ?? []);
  return new Map(profiles.map((profile) => [profile.id, profile]));
}

/** Profiles never change, but for the erasure of a person, which waits until caches have let go: 2,000 take 10 MB at most. */
const cache = new LRUCache<string, MessageGroupProfile>({ max: 2_000, ttl: 60_000 });

/** Forgets all profiles: the table is another one of the same name. */
export function forgetProfiles(): void {
  cache.clear();
}

/** Reads profiles as `getProfiles` does, but those that this process read within the last minute come from its cache. */
export async function getCachedProfiles(
  table: Table,
  messageGroupIds: readonly string[],
): Promise<Map<string, MessageGroupProfile>> {
  const keyOf = (id: string) => `${table.name} ${id}`;
  const found = new Map<string, MessageGroupProfile>();
  for (const id of messageGroupIds) {
    const profile = cache.get(keyOf(id));
    if (profile) found.set(id, profile);
  }
  const others = messageGroupIds.filter((id) => !found.has(id));
  if (others.length === 0) return found;
  for (const [id, profile] of await getProfiles(table, others)) {
    cache.set(keyOf(id), profile);
    found.set(id, profile);
  }
  return found;
}
