import { readApiConfig } from './config/api.ts';
import { createHttpServer } from './http/server.ts';
import { createTokenVerifier } from './identity/token-verifier.ts';
import { createViewers } from './identity/viewers.ts';
import { openLog } from './log.ts';
import { drainOnStop, startProcess, tellReady } from './process.ts';
import { pingTable } from './table/health.ts';
import { openTable } from './table/table.ts';
import { openDirectory } from './users/directory.ts';
import { openPool } from './users/pool.ts';

await startProcess(start);

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

  drainOnStop(log, 9_000, async () => {
    await server.close();
    await pool.end();
    table.client.destroy();
  });
  await server.listen({ port: config.port, host: config.host });
  tellReady();
}
