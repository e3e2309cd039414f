import { type ProxiedCall, proxiedEngine } from './proxied-engine.ts';

/** What IAM is asked for when DynamoDB is called, as `dynamodb:Query table/cruddur-messages/index/inbox`. */
export type Access = string;

interface Statement {
  readonly Effect: 'Allow' | 'Deny';
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
}

/**
 * The real engine behind an address that notes which access each call needs.
 *
 * @param tableName the table that streams are of
 */
export async function accessedEngine(tableName: string): Promise<{ endpoint: string; accesses: Set<Access> }> {
  const accesses = new Set<Access>();
  const endpoint = await proxiedEngine((call) => {
    for (const access of accessesOf(call, tableName)) accesses.add(access);
    return undefined;
  });
  return { endpoint, accesses };
}

/** A policy's permissions, one for each action on each resource. */
export function permissionsOf(document: { readonly Statement: readonly Statement[] }): Access[] {
  return document.Statement.filter(({ Effect }) => Effect === 'Allow').flatMap(({ Action, Resource }) =>
    [Action].flat().flatMap((action) => [Resource].flat().map((resource) => `${action} ${shortened(resource)}`)),
  );
}

/** The part of DynamoDB's ARNs that tells them apart; a stream without its label, which is the time when it was made. */
function shortened(arn: string): string {
  return arn.replace(/^arn:aws:dynamodb:[^:]*:\d*:/, '').replace(/(\/stream)\/.*/, '$1');
}

const OF_STREAMS = new Set(['DescribeStream', 'GetShardIterator', 'GetRecords']);

function accessesOf({ operation, input }: ProxiedCall, tableName: string): Access[] {
  if (OF_STREAMS.has(operation)) return [`dynamodb:${operation} table/${tableName}/stream`];
  if (operation === 'ListTables') return [`dynamodb:${operation} *`];
  if (operation === 'BatchGetItem') {
    return Object.keys(input['RequestItems'] as object).map((name) => `dynamodb:${operation} table/${name}`);
  }
  if (operation === 'TransactWriteItems') {
    return (input['TransactItems'] as Record<string, { TableName: string }>[])
      .flatMap((item) => Object.entries(item))
      .map(([kind, { TableName }]) => `dynamodb:${kind}Item table/${TableName}`);
  }
  const index = input['IndexName'] === undefined ? '' : `/index/${input['IndexName']}`;
  return [`dynamodb:${operation} table/${input['TableName']}${index}`];
}
