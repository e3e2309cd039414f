import { readdir, readFile } from 'node:fs/promises';
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { JwtVerifier } from 'aws-jwt-verify';
import DataLoader from 'dataloader';
import { GraphQLError } from 'graphql';
import pg from 'pg';
import { type PersonRow, resolvers, type StockContext } from './resolvers.ts';

/**
 * A stock server, to compare the API with: the public schema on the packages that the API uses too, put together as their documentation
 * shows, with the access patterns of the API's table. Its parent starts it, and asks for its processor time by messages.
 */

/** What the parent tells the server, as JSON in its first argument. */
export interface StockSettings {
  readonly dynamodbEndpoint: string;
  readonly databaseUrl: string;
  readonly issuer: string;
  readonly jwksUri: string;
  readonly port: number;
}

const { dynamodbEndpoint, databaseUrl, issuer, jwksUri, port }: StockSettings = JSON.parse(process.argv[2] ?? '');

const documents = DynamoDBDocumentClient.from(
  new DynamoDBClient({
    region: 'us-east-1',
    endpoint: dynamodbEndpoint,
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  }),
  { marshallOptions: { removeUndefinedValues: true } },
);
// The embedded Postgres has one session.
const pool = new pg.Pool({ connectionString: databaseUrl, max: 1 });
const verifier = JwtVerifier.create({ issuer, jwksUri, audience: null });

const folder = new URL('../../schema/', import.meta.url);
// A merged copy of all files would define everything twice.
const files = (await readdir(folder)).filter((name) => name.endsWith('.graphql') && name !== 'schema.graphql');
const typeDefs = await Promise.all(files.map((name) => readFile(new URL(name, folder), 'utf8')));

const server = new ApolloServer<StockContext>({ typeDefs, resolvers });
await startStandaloneServer(server, {
  listen: { port, host: '127.0.0.1' },
  context: async ({ req }) => {
    const viewer = await viewerOf(req.headers.authorization);
    return { viewer, documents, pool, people: new DataLoader(findPeople) };
  },
});

process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send?.((user + system) / 1_000_000);
});
process.send?.('ready');

const COLUMNS = 'id, handle, display_name AS "displayName"';

async function viewerOf(authorization = ''): Promise<PersonRow> {
  const { sub } = await verifier.verify(authorization.replace(/^Bearer /, ''));
  const { rows } = await pool.query(`SELECT ${COLUMNS} FROM users WHERE cognito_user_id = $1`, [sub]);
  if (rows[0]) return rows[0];
  throw new GraphQLError('No such person', { extensions: { code: 'UNAUTHENTICATED', http: { status: 401 } } });
}

async function findPeople(ids: readonly string[]): Promise<(PersonRow | undefined)[]> {
  const { rows } = await pool.query<PersonRow>(`SELECT ${COLUMNS} FROM users WHERE id = ANY($1::uuid[])`, [ids]);
  const byId = new Map(rows.map((row) => [row.id, row]));
  return ids.map((id) => byId.get(id));
}
