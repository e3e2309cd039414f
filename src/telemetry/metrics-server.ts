import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { Registry } from 'prom-client';
import type { MetricsConfig } from '../config/telemetry.ts';

/** Serves the metrics to Prometheus, at any path, on a port of their own: they are for operators. */
export async function serveMetrics(registry: Registry, { host, port }: MetricsConfig): Promise<Server> {
  const server = createServer(async (_, response) => {
    response.setHeader('content-type', registry.contentType).end(await registry.metrics());
  }).listen(port, host);
  await once(server, 'listening');
  return server;
}

/** Ends the connections too: Prometheus keeps its own. */
export function stopMetrics(server: Server): void {
  server.close();
  server.closeAllConnections();
}
