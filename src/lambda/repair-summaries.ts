import { readWorkerConfig } from '../config/worker.ts';
import { openLog } from '../log.ts';
import { checkpointTable } from '../stream/checkpoint-table.ts';
import { openTable, type Table } from '../table/table.ts';
import { createRepairSummaries } from './handlers.ts';

/** The worker's parked work and repair as an AWS Lambda function, on a schedule. */
const config = readWorkerConfig(process.env);
const log = openLog(config.logLevel);
const table: Table = {
  ...openTable(config.table),
  onSkipped: (skipped) => log.warn(skipped, 'a part of the table was skipped'),
};
export const handler = createRepairSummaries({ table, store: checkpointTable(table), log });
