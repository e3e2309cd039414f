import * as z from 'zod';
import { type DirectoryConfig, directoryVariables, type TableConfig, tableConfig, tableVariables } from './engines.ts';
import { present, readAll } from './environment.ts';
import { cognitoVariables } from './identity.ts';
import { localDatabaseUrl, localDynamodbEndpoint, readLocalConfig } from './local.ts';
import { address, isLoopback } from './variables.ts';

/** What a command works on, and whether that is on this machine: what is not is destroyed only when its name is typed out. */
export type Target<Config> = Config & { readonly isLocal: boolean };

/** Whose users are written to the directory. */
export interface UserPoolConfig {
  readonly userPoolId: string;
  readonly region: string;
  /** Another service than AWS. */
  readonly endpoint: string | undefined;
}

const tableTarget = z.object({ ...tableVariables, AWS_REGION: tableVariables.AWS_REGION.default('us-east-1') });
const directoryTarget = z.object({ DATABASE_URL: directoryVariables.DATABASE_URL });
const userPool = z.object({
  COGNITO_USER_POOL_ID: cognitoVariables.COGNITO_USER_POOL_ID,
  COGNITO_ENDPOINT: address(['http', 'https']).optional(),
});

/** As soon as one of these is given, nothing else is guessed: a command must not work on two systems at once. */
const ELSEWHERE = ['AWS_REGION', 'DYNAMODB_ENDPOINT', 'DATABASE_URL'] as const;

/**
 * The table that a command works on: that of the local stack, unless the environment names an engine.
 *
 * @throws ConfigError with everything that is wrong
 */
export function readTableTarget(environment: NodeJS.ProcessEnv): Target<TableConfig> {
  const given = present(environment);
  if (isElsewhere(given)) {
    const required = given['DYNAMODB_ENDPOINT'] ? tableTarget : z.object(tableVariables);
    const table = tableConfig(readAll(required, given));
    return { ...table, isLocal: table.endpoint !== undefined && isLoopback(table.endpoint) };
  }
  const { port, tableName: name } = readLocalConfig(environment);
  return { name, region: 'us-east-1', endpoint: localDynamodbEndpoint(port), isLocal: true };
}

/**
 * The directory that a command works on: that of the local stack, unless the environment names an engine. One connection.
 *
 * @throws ConfigError with everything that is wrong
 */
export function readDirectoryTarget(environment: NodeJS.ProcessEnv): Target<DirectoryConfig> {
  const given = present(environment);
  const url = isElsewhere(given)
    ? readAll(directoryTarget, given).DATABASE_URL
    : localDatabaseUrl(readLocalConfig(environment).port);
  return { url, poolSize: 1, isLocal: isLoopback(url) };
}

/**
 * The user pool whose people are written to the directory; its id begins with its region.
 *
 * @throws ConfigError with everything that is wrong
 */
export function readUserPoolConfig(environment: NodeJS.ProcessEnv): UserPoolConfig {
  const { COGNITO_USER_POOL_ID: userPoolId, COGNITO_ENDPOINT: endpoint } = readAll(userPool, present(environment));
  return { userPoolId, region: userPoolId.slice(0, userPoolId.indexOf('_')), endpoint };
}

function isElsewhere(given: NodeJS.ProcessEnv): boolean {
  return ELSEWHERE.some((name) => given[name] !== undefined);
}
