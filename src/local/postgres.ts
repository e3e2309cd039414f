import { access, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
import { LOOPBACK } from './addresses.ts';

/** An embedded Postgres that is listening. */
export interface EmbeddedPostgres {
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * Starts PGlite behind a socket.
 *
 * @param port 0 for any free one
 * @param folder where its data are kept; in memory when absent
 */
export async function startPostgres(port: number, folder?: string): Promise<EmbeddedPostgres> {
  const database = folder === undefined ? await PGlite.create() : await openKept(folder);
  const server = new PGLiteSocketServer({
    db: keepStatementsWhole(database),
    host: LOOPBACK,
    port,
    maxConnections: 100,
  });
  await server.start();
  return {
    url: `postgres://postgres@${server.getServerConn()}/postgres`,
    stop: async () => {
      await server.stop();
      await database.close();
    },
  };
}

/** A first start that was killed leaves half a database behind, which nothing can open: it is made anew. */
async function openKept(folder: string): Promise<PGlite> {
  const completeMark = join(folder, 'complete');
  const isComplete = await access(completeMark).then(
    () => true,
    () => false,
  );
  if (!isComplete) await rm(folder, { recursive: true, force: true });
  const database = await PGlite.create(folder);
  await writeFile(completeMark, '');
  return database;
}

/** Frontend messages by their first byte: see "Message Formats" in the PostgreSQL manual. */
const PARSE = 'P'.charCodeAt(0);
const BIND = 'B'.charCodeAt(0);
const SYNC = 'S'.charCodeAt(0);

/**
 * The socket server takes turns between its clients after each message, unless a transaction is open. A statement with
 * parameters is several messages, and with a single session behind them those of two clients must not mix. So a
 * statement that is under way, from Parse to Sync, is made to look like a transaction.
 */
function keepStatementsWhole(database: PGlite): PGlite {
  let underWay = false;
  return new Proxy(database, {
    get(target, name) {
      if (name === 'isInTransaction') return () => underWay || target.isInTransaction();
      if (name === 'execProtocolRawStream') {
        return (...[message, options]: Parameters<PGlite['execProtocolRawStream']>) => {
          if (message[0] === PARSE || message[0] === BIND) underWay = true;
          if (message[0] === SYNC) underWay = false;
          return target.execProtocolRawStream(message, options);
        };
      }
      if (name === 'exec') {
        // The server rolls back what a lost client left open.
        return (...args: Parameters<PGlite['exec']>) => {
          underWay = false;
          return target.exec(...args);
        };
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
