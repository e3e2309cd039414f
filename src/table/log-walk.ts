import { toWire, type WireItem } from '../dynamodb/attribute-values.ts';
import { parseOrReason, parseStoredMessage, type StoredMessage, type UnreadableItem } from './items.ts';
import { FIRST_MESSAGE_SORT_KEY, groupPartition, PROFILE_SORT_KEY, sequenceOfSortKey } from './keys.ts';
import type { Table } from './table.ts';

/** An item of a log. */
export interface WalkedEntry {
  /** Undefined for a sort key that has no number. */
  readonly sequence: number | undefined;
  readonly message: StoredMessage | UnreadableItem;
}

/** Items that are in memory at once, for each log that is walked. */
const PAGE = 200;

/** Reads the whole log of a group consistently, oldest first, page by page. */
export async function* walkLog(table: Table, messageGroupId: string): AsyncGenerator<WalkedEntry> {
  let position: WireItem | undefined;
  do {
    const page = await table.call('Query', {
      TableName: table.name,
      KeyConditionExpression: 'pk = :group AND sk BETWEEN :from AND :to',
      ExpressionAttributeValues: toWire({
        ':group': groupPartition(messageGroupId),
        ':from': FIRST_MESSAGE_SORT_KEY,
        ':to': PROFILE_SORT_KEY,
      }),
      ConsistentRead: true,
      Limit: PAGE,
      ExclusiveStartKey: position,
    });
    for (const item of page.Items ?? []) {
      const sk = item['sk']?.S ?? '';
      if (sk !== PROFILE_SORT_KEY)
        yield { sequence: sequenceOfSortKey(sk), message: parseOrReason(parseStoredMessage, item) };
    }
    position = page.LastEvaluatedKey;
  } while (position);
}
