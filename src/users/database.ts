import pg from 'pg';

/** Every server has this one, to be connected to while others are made or dropped. */
const MAINTENANCE_DATABASE = 'postgres';

/** The name of the database that a URL leads to. */
export function databaseName(url: string): string {
  return decodeURIComponent(new URL(url).pathname.slice(1)) || MAINTENANCE_DATABASE;
}

/** Makes the database unless it is there. @returns whether it was made */
export async function createDatabase(url: string): Promise<boolean> {
  return onServer(url, async (client, name) => {
    if (await exists(client, name)) return false;
    await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
    return true;
  });
}

/**
 * Drops the database with all that is in it. The server's own, as which an embedded engine knows its only one, can't be dropped: it
 * loses the directory's table instead.
 *
 * @returns whether there was something to drop
 * @throws pg.DatabaseError with code 55006 while somebody is connected
 */
export async function dropDatabase(url: string): Promise<boolean> {
  return onServer(url, async (client, name) => {
    if (name === MAINTENANCE_DATABASE) {
      const { rows } = await client.query("SELECT to_regclass('users') AS found");
      await client.query('DROP TABLE IF EXISTS users');
      return rows[0]?.found !== null;
    }
    if (!(await exists(client, name))) return false;
    await client.query(`DROP DATABASE ${client.escapeIdentifier(name)}`);
    return true;
  });
}

async function exists(client: pg.Client, name: string): Promise<boolean> {
  const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
  return rowCount === 1;
}

async function onServer<Result>(
  url: string,
  work: (client: pg.Client, name: string) => Promise<Result>,
): Promise<Result> {
  const server = new URL(url);
  server.pathname = `/${MAINTENANCE_DATABASE}`;
  const client = new pg.Client({ connectionString: server.href, connectionTimeoutMillis: 5_000 });
  await client.connect();
  try {
    return await work(client, databaseName(url));
  } finally {
    await client.end();
  }
}
