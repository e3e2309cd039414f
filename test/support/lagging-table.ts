import type { Table } from '../../src/table/table.ts';

/** A table whose eventually consistent reads do not show some messages yet. */
export function laggingTable(table: Table, hidden: readonly number[]): Table {
  const isHidden = (sk: string | undefined) =>
    hidden.some((sequence) => sk === `MSG#${String(sequence).padStart(12, '0')}`);
  return {
    ...table,
    call: async (operation, input, limits) => {
      const query = input as { readonly ConsistentRead?: boolean; readonly Limit?: number };
      if (operation !== 'Query' || query.ConsistentRead) return table.call(operation, input, limits);
      const { Limit = 0 } = query;
      const more = { ...input, Limit: Limit + hidden.length };
      const output = (await table.call(operation, more, limits)) as { Items?: { sk?: { S?: string } }[] };
      const Items = output.Items?.filter(({ sk }) => !isHidden(sk?.S)).slice(0, Limit);
      return { ...output, Items } as Awaited<ReturnType<typeof table.call>>;
    },
  } as Table;
}
