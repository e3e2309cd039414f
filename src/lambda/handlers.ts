import { applyRecords, type TableRecord } from '../summaries/apply.ts';
import type { Table } from '../table/table.ts';

/** A record of the event of a DynamoDB stream, as far as it matters here. */
export interface LambdaRecord extends TableRecord {
  readonly dynamodb?: TableRecord['dynamodb'] & { readonly SequenceNumber?: string };
}

export interface LambdaEvent {
  readonly Records?: readonly LambdaRecord[];
}

/** Where the service has to begin when it tries again; empty when all is done. */
export interface LambdaResponse {
  readonly batchItemFailures: readonly { readonly itemIdentifier: string }[];
}

interface HandlerLog {
  warn(details: object, message: string): void;
}

/**
 * Makes the handler. It answers with the lowest sequence number that failed: the service tries again from there, and moves
 * what never succeeds to the mapping's destination. See "Reporting batch item failures for Lambda with DynamoDB" in the AWS
 * Lambda developer guide.
 */
export function createUpdateSummaries(table: Table, log: HandlerLog): (event: LambdaEvent) => Promise<LambdaResponse> {
  return async ({ Records: records = [] }) => {
    const failures = await applyRecords(table, records);
    for (const { record, reason, transient } of failures) {
      log.warn({ sequenceNumber: record.dynamodb?.SequenceNumber, reason, transient }, 'record failed');
    }
    const failed = failures.flatMap(({ record }) => record.dynamodb?.SequenceNumber ?? []);
    const [lowest] = failed.sort(bySequenceNumber);
    return { batchItemFailures: lowest === undefined ? [] : [{ itemIdentifier: lowest }] };
  };
}

function bySequenceNumber(a: string, b: string): number {
  return BigInt(a) < BigInt(b) ? -1 : 1;
}
