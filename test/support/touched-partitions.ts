import type { Table } from '../../src/table/table.ts';

/**
 * The key of each partition that is read or written from now on, as it is asked for; of a call that does not name its partitions, such
 * as a Scan, its name.
 */
export function touchedPartitions(table: Table): string[] {
  const touched: string[] = [];
  table.client.middlewareStack.add(
    (next, context) => (args) => {
      const partitions = partitionsOf(args.input as Input);
      touched.push(...(partitions.length > 0 ? partitions : [String(context.commandName)]));
      return next(args);
    },
    { step: 'initialize', priority: 'low' },
  );
  return touched;
}

/** A value as it is given to the document client, or as that hands it on. */
type Value = string | { readonly S: string };
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
    ...values.filter((value) => value !== undefined).map((value) => (typeof value === 'string' ? value : value.S)),
    ...parts.flatMap(partitionsOf),
  ];
}
