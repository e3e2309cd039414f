import type { Table } from '../../src/table/table.ts';
import { interceptCalls } from './intercepted-calls.ts';

/**
 * The key of each partition that is read or written from now on, as it is asked for; of a call that does not name its partitions, such
 * as a Scan, its name.
 */
export function touchedPartitions(table: Table): string[] {
  const touched: string[] = [];
  interceptCalls(table.client, (call, attempt) => {
    const partitions = partitionsOf(call.input);
    touched.push(...(partitions.length > 0 ? partitions : [call.operation]));
    return attempt();
  });
  return touched;
}

type Value = { readonly S: string };
type Attributes = Readonly<Record<string, Value>>;

interface Input {
  readonly Key?: Attributes;
  readonly Item?: Attributes;
  readonly KeyConditionExpression?: string;
  readonly ExpressionAttributeValues?: Attributes;
  readonly RequestItems?: Readonly<Record<string, { readonly Keys: readonly Attributes[] }>>;
  readonly TransactItems?: readonly Readonly<Record<string, Input>>[];
}

function partitionsOf(input: Input): string[] {
  const { Key, Item, KeyConditionExpression = '', ExpressionAttributeValues = {}, RequestItems, TransactItems } = input;
  const queried = /^pk = (:\w+)/.exec(KeyConditionExpression)?.[1];
  const values = [
    Key?.['pk'],
    Item?.['pk'],
    queried && ExpressionAttributeValues[queried],
    ...Object.values(RequestItems ?? {}).flatMap(({ Keys }) => Keys.map(({ pk }) => pk)),
  ];
  const parts = (TransactItems ?? []).flatMap((item) => Object.values(item));
  return [
    ...values.filter((value) => typeof value === 'object').map((value) => value.S),
    ...parts.flatMap(partitionsOf),
  ];
}
