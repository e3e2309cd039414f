import { readWorkerConfig } from '../config/worker.ts';
import { openLog } from '../log.ts';
import { openTable } from '../table/table.ts';
import { createUpdateSummaries } from './handlers.ts';

/**
 * The worker as an AWS Lambda function, behind an event source mapping of the table's stream with `ReportBatchItemFailures`.
 */
const config = readWorkerConfig(process.env);
export const handler = createUpdateSummaries(openTable(config.table), openLog(config.logLevel));
