import pRetry from 'p-retry';
import { toWire, type WireItem } from '../dynamodb/attribute-values.ts';
import { UnavailableError } from '../errors.ts';
import type { Key } from './keys.ts';
import type { ReadOptions, Table } from './table.ts';

/** The most items that one BatchGetItem reads. */
export const MAX_BATCH = 100;

class UnprocessedKeysError extends UnavailableError {}

/**
 * Reads up to 100 items, those that exist, in no order. One BatchGetItem, and more only for keys that DynamoDB left unprocessed.
 *
 * @throws UnavailableError if keys stay unprocessed
 */
export async function batchGet(
  table: Table,
  keys: readonly Key[],
  { consistent = false }: ReadOptions = {},
): Promise<WireItem[]> {
  if (keys.length > MAX_BATCH) throw new RangeError(`At most ${MAX_BATCH} items at once`);
  if (keys.length === 0) return [];
  const items: WireItem[] = [];
  let left: WireItem[] = keys.map((key) => toWire(key));
  await pRetry(
    async () => {
      const { Responses, UnprocessedKeys } = await table.call('BatchGetItem', {
        RequestItems: { [table.name]: { Keys: left, ConsistentRead: consistent } },
      });
      items.push(...(Responses?.[table.name] ?? []));
      left = UnprocessedKeys?.[table.name]?.Keys ?? [];
      if (left.length > 0) throw new UnprocessedKeysError('The message store is overloaded. Try again.');
    },
    {
      retries: 5,
      minTimeout: 25,
      randomize: true,
      shouldRetry: ({ error }) => error instanceof UnprocessedKeysError,
    },
  );
  return items;
}
