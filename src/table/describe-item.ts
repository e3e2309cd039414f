import { marshall } from '@aws-sdk/util-dynamodb';
import { parseMessage, parseProfile, parseSentBefore, parseSummary } from './items.ts';
import { itemTypeOf, type Key } from './keys.ts';

/** What an item is about, for a person to read: its type, the ids of its keys, and what it holds. */
export interface DescribedItem {
  readonly itemType: ReturnType<typeof itemTypeOf>['itemType'] | 'malformed';
  readonly [detail: string]: unknown;
}

/** Reads an item as what its key says it is. One that is not is described as malformed, with the reason, since whoever looks at a table wants to see those too. */
export function describeItem(item: Record<string, unknown>): DescribedItem {
  const key = { pk: String(item['pk']), sk: String(item['sk']) };
  try {
    return { ...itemTypeOf(key), ...held(key, item) };
  } catch (error) {
    return { itemType: 'malformed', reason: (error as Error).message, item };
  }
}

function held(key: Key, plain: Record<string, unknown>): object {
  const item = marshall(plain);
  switch (itemTypeOf(key).itemType) {
    case 'message':
      return parseMessage(item);
    case 'message group':
      return parseProfile(item);
    case 'summary':
      return parseSummary(item);
    case 'sent-before record':
      return parseSentBefore(item);
    case 'unknown':
      return { item: plain };
  }
}

/** Returns the id of the group that an item with this key belongs to; undefined for other items. */
export function groupOfKey(key: Key): string | undefined {
  const type = itemTypeOf(key);
  return 'messageGroupId' in type ? type.messageGroupId : undefined;
}
