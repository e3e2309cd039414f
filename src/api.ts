import { composeApi } from './compose-api.ts';
import { readApiConfig } from './config/api.ts';
import { pooledHttp } from './dynamodb/http.ts';
import { drainOnStop, startProcess, tellReady } from './process.ts';

/** The server answers everything that has arrived within this time. See src/http/draining.ts. */
const DRAIN_MS = 9_900;

await startProcess(start);

async function start(): Promise<void> {
  const config = readApiConfig(process.env);
  const { server, log, close } = await composeApi(config, { requestHandler: pooledHttp() });
  drainOnStop(log, config.shutdownDelayMs + DRAIN_MS, close);
  await server.listen({ port: config.port, host: config.host });
  tellReady();
}
