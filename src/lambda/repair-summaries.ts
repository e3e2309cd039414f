import { readWorkerConfig } from '../config/worker.ts';
import { openLog } from '../log.ts';
import { checkpointTable } from '../stream/checkpoint-table.ts';
import { openTable } from '../table/table.ts';
import { createRepairSummaries } from './handlers.ts';

/** The worker's parked work and repair as an AWS Lambda function, on a schedule. */
const config = readWorkerConfig(process.env);
const table = openTable(config.table);
export const handler = createRepairSummaries({ table, store: checkpointTable(table), log: openLog(config.logLevel) });
