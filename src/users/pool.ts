import pg from 'pg';

export interface PoolOptions {
  /** `postgres://…`, as libpq takes it. */
  readonly url: string;
  /** How many connections at most. */
  readonly poolSize: number;
  /** Told when an idle connection breaks; the pool makes a new one when it is needed. */
  readonly onIdleError: (error: Error) => void;
  /** How long to get a connection, and again how long for an answer, in milliseconds; 1,500 and 2,000 when absent. */
  readonly patienceMs?: number;
}

/** A pool of connections to the directory. One on which an answer did not come in time is given up with it. */
export function openPool({ url, poolSize, onIdleError, patienceMs }: PoolOptions): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: poolSize,
    connectionTimeoutMillis: patienceMs ?? 1_500,
    query_timeout: patienceMs ?? 2_000,
    application_name: 'cruddur-messages',
  });
  pool.on('error', onIdleError);
  return pool;
}

/**
 * Gives up the connections that are idle. Where one is dead without anybody having been told, the others may well be too, and each would
 * cost somebody the wait to find out.
 */
export function giveUpIdle(pool: pg.Pool): void {
  for (let count = pool.idleCount; count > 0; count -= 1) {
    pool.connect().then(
      (client) => client.release(true),
      () => {},
    );
  }
}
