import { randomUUID } from 'node:crypto';
import { parse } from 'node:path';
import { DeleteTableCommand } from '@aws-sdk/client-dynamodb';
import { expect, onTestFinished } from 'vitest';
import { createTableIfMissing } from '../../src/table/definition.ts';
import { type EngineCall, observeCalls, openTable, type Table } from '../../src/table/table.ts';
import { dynamodbEndpoint } from './dynamodb.ts';

/**
 * The region that a test file's tables are in. DynamoDB Local keeps a database for each region, and a write takes the longer, the more
 * records the streams of its database hold: with those of the whole suite tests would run out of time.
 */
export function testRegion(): string {
  return parse(expect.getState().testPath ?? '').name.replaceAll('.', '-');
}

/** A table of the test's own, gone when the test is over. */
export async function aTable(
  onCall: (call: EngineCall) => void = () => {},
  endpoint = dynamodbEndpoint(),
): Promise<Table> {
  const name = `test-${randomUUID()}`;
  const table = observeCalls(openTable({ name, region: testRegion(), endpoint }), onCall);
  await createTableIfMissing(table);
  onTestFinished(async () => {
    await table.client.send(new DeleteTableCommand({ TableName: name }));
    table.client.destroy();
  });
  return table;
}
