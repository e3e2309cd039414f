import { createServer, type Server } from 'node:http';
import { Counter, Gauge, Registry } from 'prom-client';

/** What the worker counts, by the names that Prometheus knows it under. */
export interface WorkerMetrics {
  readonly registry: Registry;
  /** Told of each batch that is done. */
  onBatch(batch: { readonly records: number; readonly poison: number; readonly lagMs: number }): void;
}

export function createWorkerMetrics(): WorkerMetrics {
  const registry = new Registry();
  const registers = [registry];
  const records = new Counter({ name: 'stream_records_total', help: 'Records of the stream that are done', registers });
  const deadLetters = new Counter({
    name: 'stream_dead_letters_total',
    help: 'Records that were set aside',
    registers,
  });
  const lag = new Gauge({
    name: 'stream_lag_seconds',
    help: 'How long ago the newest record of the latest batch was written',
    registers,
  });
  return {
    registry,
    onBatch: (batch) => {
      records.inc(batch.records);
      deadLetters.inc(batch.poison);
      lag.set(batch.lagMs / 1000);
    },
  };
}

/** Serves the metrics to Prometheus, at any path. */
export function serveMetrics(
  registry: Registry,
  { host, port }: { readonly host: string; readonly port: number },
): Server {
  return createServer(async (_, response) => {
    response.setHeader('content-type', registry.contentType).end(await registry.metrics());
  }).listen(port, host);
}
