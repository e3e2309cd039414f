import { address, port } from './variables.ts';

/** Where metrics are served. */
export interface MetricsConfig {
  readonly host: string;
  readonly port: number;
}

/** Variables that say where a process tells how it is doing. */
export const telemetryVariables = {
  METRICS_PORT: port.optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: address(['http', 'https']).optional(),
};

/** Metrics are served on the host that the process listens on; nowhere without a port. */
export function metricsConfig(given: {
  readonly HOST: string;
  readonly METRICS_PORT?: number | undefined;
}): MetricsConfig | undefined {
  return given.METRICS_PORT === undefined ? undefined : { host: given.HOST, port: given.METRICS_PORT };
}
