import { randomUUID } from 'node:crypto';
import { DeleteTableCommand } from '@aws-sdk/client-dynamodb';
import { inject, onTestFinished } from 'vitest';
import { createTableIfMissing } from '../../src/table/definition.ts';
import { type EngineCall, observeCalls, openTable, type Table } from '../../src/table/table.ts';

/** A table of the test's own, gone when the test is over. */
export async function aTable(onCall: (call: EngineCall) => void = () => {}): Promise<Table> {
  const name = `test-${randomUUID()}`;
  const table = observeCalls(openTable({ name, region: 'us-east-1', endpoint: inject('dynamodbEndpoint') }), onCall);
  await createTableIfMissing(table);
  onTestFinished(async () => {
    await table.client.send(new DeleteTableCommand({ TableName: name }));
    table.client.destroy();
  });
  return table;
}
