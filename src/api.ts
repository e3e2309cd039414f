import closeWithGrace from 'close-with-grace';
import { ConfigError, readApiConfig } from './config.ts';
import { createHttpServer } from './http/server.ts';
import { createTokenVerifier } from './identity/token-verifier.ts';
import { createViewers } from './identity/viewers.ts';
import { openLog } from './log.ts';
import { pingTable } from './table/health.ts';
import { openTable } from './table/table.ts';
import { openDirectory } from './users/directory.ts';
import { openPool } from './users/pool.ts';

try {
  await start();
} catch (error) {
  process.stderr.write(`${error instanceof ConfigError ? error.message : (error as Error).stack}\n`);
  process.exit(1);
}

async function start(): Promise<void> {
  const config = readApiConfig(process.env);
  const log = openLog(config.logLevel);
  const table = openTable(config.table);
  const pool = openPool({ ...config.directory, onIdleError: (err) => log.warn({ err }, 'directory connection lost') });
  const directory = openDirectory(pool);
  const server = await createHttpServer({
    log,
    local: config.local,
    sandboxToken: config.sandboxToken,
    corsOrigins: config.corsOrigins,
    messaging: { table, findUsersByHandle: directory.findByHandles, now: Date.now },
    directory,
    viewerOf: createViewers(createTokenVerifier(config.identity), directory.findBySubject),
    healthChecks: { table: () => pingTable(table), directory: directory.ping },
  });

  const { close } = closeWithGrace({ delay: 9_000, logger: log }, async ({ signal, err }) => {
    if (err) log.fatal({ err }, 'stopping on an unexpected error');
    else log.info({ signal }, 'draining');
    await server.close();
    await pool.end();
    table.client.destroy();
  });
  // A parent that dies without a word takes the process with it.
  process.once('disconnect', close);

  await server.listen({ port: config.port, host: config.host });
  process.send?.('listening');
}
