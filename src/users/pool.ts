import pg from 'pg';

export interface PoolOptions {
  /** `postgres://…`, as libpq takes it. */
  readonly url: string;
  /** How many connections at most. */
  readonly poolSize: number;
  /** Told when an idle connection breaks; the pool makes a new one when it is needed. */
  readonly onIdleError: (error: Error) => void;
}

/** A pool of connections to the directory: 1.5 s to get one, 2 s for an answer. */
export function openPool({ url, poolSize, onIdleError }: PoolOptions): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: poolSize,
    connectionTimeoutMillis: 1_500,
    query_timeout: 2_000,
    application_name: 'cruddur-messages',
  });
  pool.on('error', onIdleError);
  return pool;
}
