import { readUpdateSummariesConfig } from '../config/worker.ts';
import { openLog } from '../log.ts';
import { checkpointTable } from '../stream/checkpoint-table.ts';
import { openTable } from '../table/table.ts';
import { openFailureQueue } from './failure-queue.ts';
import { createUpdateSummaries } from './handlers.ts';

/** The worker as an AWS Lambda function, behind an event source mapping of the table's stream with `ReportBatchItemFailures`. */
const config = readUpdateSummariesConfig(process.env);
const table = openTable(config.table);
export const handler = createUpdateSummaries({
  table,
  store: checkpointTable(table),
  log: openLog(config.logLevel),
  sendDeadLetter: openFailureQueue(config.table.region, config.failureQueueUrl),
});
