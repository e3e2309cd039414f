import type pg from 'pg';
import * as z from 'zod';

const row = z.object({
  pid: z.int(),
  usename: z.string().nullable(),
  application_name: z.string(),
  client: z.string().nullable(),
  state: z.string().nullable(),
  backend_start: z.date(),
});

/** A connection to the database. */
export type Session = z.infer<typeof row>;

/** Who is connected to the database, the asker included, oldest first. See pg_stat_activity in the PostgreSQL manual. */
export async function listSessions(pool: pg.Pool): Promise<Session[]> {
  const { rows } = await pool.query(
    `SELECT pid, usename, application_name, host(client_addr) AS client, state, backend_start
     FROM pg_stat_activity WHERE datname = current_database() ORDER BY backend_start`,
  );
  return rows.map((each) => row.parse(each));
}
