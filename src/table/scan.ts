import { paginateScan } from '@aws-sdk/lib-dynamodb';
import type { MessageGroupProfile } from '../model.ts';
import { parseProfile } from './items.ts';
import { messageGroupIdOf, PROFILE_SORT_KEY, USER_PREFIX, userIdOf } from './keys.ts';
import type { Table } from './table.ts';

/** Every group's profile, in no order. Reads the whole table: for operators, not for requests. */
export async function* scanProfiles(table: Table): AsyncGenerator<MessageGroupProfile> {
  const pages = paginateScan(
    { client: table.client },
    {
      TableName: table.name,
      FilterExpression: 'sk = :profile',
      ExpressionAttributeValues: { ':profile': PROFILE_SORT_KEY },
      ConsistentRead: true,
    },
  );
  for await (const { Items = [] } of pages) yield* Items.map(parseProfile);
}

/** Whose summary of which group there is, in no order. Reads the whole table. */
export async function* scanSummaryKeys(table: Table): AsyncGenerator<{ userId: string; messageGroupId: string }> {
  const pages = paginateScan(
    { client: table.client },
    {
      TableName: table.name,
      FilterExpression: 'begins_with(pk, :user)',
      ExpressionAttributeValues: { ':user': USER_PREFIX },
      ProjectionExpression: 'pk, sk',
      ConsistentRead: true,
    },
  );
  for await (const { Items = [] } of pages) {
    for (const { pk, sk } of Items)
      yield { userId: userIdOf(String(pk)), messageGroupId: messageGroupIdOf(String(sk)) };
  }
}
