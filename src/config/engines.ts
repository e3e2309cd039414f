import * as z from 'zod';
import { address, databaseUrl, integer, required, tableName } from './variables.ts';

/** Where the messages are. */
export interface TableConfig {
  readonly name: string;
  readonly region: string;
  /** Another engine than AWS. */
  readonly endpoint: string | undefined;
}

/** Where the people are. */
export interface DirectoryConfig {
  readonly url: string;
  /** Connections at most. */
  readonly poolSize: number;
}

/** Variables that say where the messages are. */
export const tableVariables = {
  DYNAMODB_ENDPOINT: address(['http', 'https']).optional(),
  DYNAMODB_TABLE: tableName.default('cruddur-messages'),
  AWS_REGION: z.string(required()).regex(/^[a-z0-9-]+$/, 'must be a region such as eu-central-1'),
};

/** Variables that say where the people are. */
export const directoryVariables = {
  DATABASE_URL: databaseUrl,
  DATABASE_POOL_SIZE: integer(1, 100).default(10),
};

const tableShape = z.object(tableVariables);
const directoryShape = z.object(directoryVariables);

export function tableConfig(given: z.infer<typeof tableShape>): TableConfig {
  return { name: given.DYNAMODB_TABLE, region: given.AWS_REGION, endpoint: given.DYNAMODB_ENDPOINT };
}

export function directoryConfig(given: z.infer<typeof directoryShape>): DirectoryConfig {
  return { url: given.DATABASE_URL, poolSize: given.DATABASE_POOL_SIZE };
}
