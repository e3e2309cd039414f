import { Command } from 'commander';
import { describeItem } from '../../table/describe-item.ts';
import { scanItems } from '../../table/scan.ts';
import { meterReads } from '../capacity.ts';
import { type Operator, wholeNumber, withTable } from '../operator.ts';

interface Options {
  readonly limit: number;
  readonly after?: string;
  readonly raw?: true;
}

export function scan(operator: Operator): Command {
  const { terminal } = operator;
  return new Command('scan')
    .description(
      'print the items of the table, in no order, as JSON, one a line; which capacity was consumed is on standard error',
    )
    .option('--limit <count>', 'at most so many items', wholeNumber(1, 999_999_999), 100)
    .option('--after <position>', 'go on from where an earlier scan ended, as it told')
    .option('--raw', 'as they are in the table, rather than as messages, message groups, summaries and so on')
    .action(({ limit, after, raw }: Options) =>
      withTable(operator, async (table) => {
        const meter = meterReads(table);
        const progress = terminal.progress('Items', limit);
        let position: string | undefined;
        try {
          for await (const page of scanItems(meter.table, { limit, after })) {
            for (const item of page.items) terminal.print(JSON.stringify(raw ? item : describeItem(item)));
            progress.advance(page.items.length);
            position = page.position;
          }
        } finally {
          progress.end();
        }
        terminal.remark(meter.summary());
        if (position) terminal.remark(`There is more: --after ${position}`);
      }),
    );
}
