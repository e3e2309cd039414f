import { isDeepStrictEqual } from 'node:util';
import {
  type CreateTableCommandInput,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  type TableDescription,
  UpdateTimeToLiveCommand,
  type UpdateTimeToLiveCommandInput,
} from '@aws-sdk/client-dynamodb';
import { createTable } from '../dynamodb/create-table.ts';
import { INBOX_INDEX } from './keys.ts';
import type { Table } from './table.ts';

/** The table as CreateTable wants it: the one definition, used everywhere that the table is made. */
export function tableDefinition(name: string): CreateTableCommandInput {
  return {
    TableName: name,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [
      { AttributeName: 'pk', AttributeType: 'S' },
      { AttributeName: 'sk', AttributeType: 'S' },
      { AttributeName: 'activityKey', AttributeType: 'S' },
    ],
    KeySchema: [
      { AttributeName: 'pk', KeyType: 'HASH' },
      { AttributeName: 'sk', KeyType: 'RANGE' },
    ],
    GlobalSecondaryIndexes: [
      {
        IndexName: INBOX_INDEX,
        KeySchema: [
          { AttributeName: 'pk', KeyType: 'HASH' },
          { AttributeName: 'activityKey', KeyType: 'RANGE' },
        ],
        Projection: { ProjectionType: 'ALL' },
      },
    ],
    StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_IMAGE' },
  };
}

/** The table's time to live, which CreateTable can't set. */
export function timeToLiveDefinition(name: string): UpdateTimeToLiveCommandInput {
  return {
    TableName: name,
    TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
  };
}

/**
 * Makes the table unless it is there, and waits until it can be used, at most a minute.
 *
 * @returns whether it was made
 */
export async function createTableIfMissing({ client, name }: TableClient): Promise<boolean> {
  const made = await createTable(client, tableDefinition(name));
  // Also where a run before this one was cut short.
  if (made || (await timeToLiveStatus({ client, name })) === 'DISABLED') {
    await client.send(new UpdateTimeToLiveCommand(timeToLiveDefinition(name)));
  }
  return made;
}

/**
 * In what a table that is there is not as this code defines it: one sentence each. What it has besides is its owner's business.
 */
export async function tableDifferences({ client, name }: TableClient): Promise<string[]> {
  const { Table: found = {} } = await client.send(new DescribeTableCommand({ TableName: name }));
  const wanted = tableDefinition(name);
  const { TimeToLiveDescription: timeToLive } = await client.send(new DescribeTimeToLiveCommand({ TableName: name }));
  const index = wanted.GlobalSecondaryIndexes?.[0];
  const foundIndex = found.GlobalSecondaryIndexes?.find(({ IndexName }) => IndexName === INBOX_INDEX);
  const compared: [string, unknown, unknown][] = [
    ['key', found.KeySchema, wanted.KeySchema],
    ['billing mode', billingMode(found), wanted.BillingMode],
    [`key of the index ${INBOX_INDEX}`, foundIndex?.KeySchema, index?.KeySchema],
    [
      `projection of the index ${INBOX_INDEX}`,
      foundIndex?.Projection?.ProjectionType,
      index?.Projection?.ProjectionType,
    ],
    ['stream view', found.StreamSpecification?.StreamViewType, wanted.StreamSpecification?.StreamViewType],
    ['time to live', timeToLive?.AttributeName, timeToLiveDefinition(name).TimeToLiveSpecification?.AttributeName],
  ];
  return compared
    .filter(([, is, should]) => !isDeepStrictEqual(is, should))
    .map(([what, is, should]) => `${name}: the ${what} is ${told(is)}, not ${told(should)}.`);
}

/** Not every engine has a summary of it; on-demand tables have no throughput that was provisioned. */
function billingMode({ ProvisionedThroughput: provisioned }: TableDescription): string {
  return provisioned?.ReadCapacityUnits ? 'PROVISIONED' : 'PAY_PER_REQUEST';
}

async function timeToLiveStatus({ client, name }: TableClient): Promise<string | undefined> {
  const { TimeToLiveDescription: found } = await client.send(new DescribeTimeToLiveCommand({ TableName: name }));
  return found?.TimeToLiveStatus;
}

function told(value: unknown): string {
  return value === undefined ? 'missing' : typeof value === 'string' ? value : JSON.stringify(value);
}

type TableClient = Pick<Table, 'client' | 'name'>;
