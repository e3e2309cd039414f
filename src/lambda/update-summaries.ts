import { readUpdateSummariesConfig } from '../config/worker.ts';
import { openLog } from '../log.ts';
import { checkpointTable } from '../stream/checkpoint-table.ts';
import { openTable, type Table } from '../table/table.ts';
import { openFailureQueue } from './failure-queue.ts';
import { createUpdateSummaries } from './handlers.ts';

/** The worker as an AWS Lambda function, behind an event source mapping of the table's stream with `ReportBatchItemFailures`. */
const config = readUpdateSummariesConfig(process.env);
const log = openLog(config.logLevel);
const table: Table = {
  ...openTable(config.table),
  onSkipped: (skipped) => log.warn(skipped, 'a part of the table was skipped'),
};
export const handler = createUpdateSummaries({
  table,
  store: checkpointTable(table),
  log,
  sendDeadLetter: openFailureQueue(config.table.region, config.failureQueueUrl),
});
