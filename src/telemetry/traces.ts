import {
  type Attributes,
  type Context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { setGlobalErrorHandler, W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import type { Call } from '../calls.ts';
import type { EngineCall } from '../table/table.ts';
import type { RequestReport } from './request-report.ts';

/** A batch of the stream, once it is done or given up. */
export interface BatchReport extends Omit<Call, 'operation'> {
  readonly records: number;
  readonly engineCalls: readonly EngineCall[];
}

/** Traces by OpenTelemetry. Spans are made from reports, when all is over: nothing is done while a request is under way. */
export interface Traces {
  onRequest(report: RequestReport): void;
  onBatch(report: BatchReport): void;
  /** Sends what is left, as far as the collector takes it in time. */
  stop(): Promise<void>;
}

/** The collector gets this long, which has to fit into the time to drain. */
const EXPORT_TIMEOUT_MS = 2_000;

/**
 * Traces to a collector, by OTLP over HTTP. The service's name and other attributes of its resource are told by `OTEL_SERVICE_NAME`
 * and `OTEL_RESOURCE_ATTRIBUTES`: see "General SDK Configuration" in the OpenTelemetry specification. What can't be sent is dropped.
 *
 * @param endpoint such as `http://127.0.0.1:4318`
 * @param onError told of what could not be sent
 */
export function openTraces(endpoint: string, serviceName: string, onError: (error: unknown) => void): Traces {
  setGlobalErrorHandler(onError);
  const exporter = new OTLPTraceExporter({
    url: `${endpoint.replace(/\/$/, '')}/v1/traces`,
    timeoutMillis: EXPORT_TIMEOUT_MS,
  });
  const provider = new TracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': serviceName }))
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor({ exporter, exportTimeoutMillis: EXPORT_TIMEOUT_MS })],
  });
  const tracer = provider.getTracer('cruddur-messages');
  return {
    onRequest: (report) => traceRequest(tracer, report),
    onBatch: (report) => traceBatch(tracer, report),
    stop: () => provider.shutdown().catch(onError),
  };
}

/** Names of attributes are those of OpenTelemetry's semantic conventions for HTTP, GraphQL and DynamoDB. */
function traceRequest(tracer: Tracer, report: RequestReport): void {
  const { method, route, status, graphql, traceparent, startedAt, durationMs } = report;
  const span = tracer.startSpan(
    graphql ? `${method} ${route} ${graphql.operation}` : `${method} ${route}`,
    {
      kind: SpanKind.SERVER,
      startTime: startedAt,
      attributes: {
        'http.request.method': method,
        'http.route': route,
        'http.response.status_code': status,
        'cruddur.request_id': report.requestId,
        ...(graphql && { 'cruddur.operation': graphql.operation, 'cruddur.code': graphql.code }),
        ...(graphql?.operationName && { 'graphql.operation.name': graphql.operationName }),
      },
    },
    parentOf(traceparent),
  );
  if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
  const context = trace.setSpan(ROOT_CONTEXT, span);
  for (const call of report.engineCalls) traceEngineCall(tracer, context, call);
  for (const call of report.directoryCalls) {
    traceCall(tracer, context, `directory ${call.operation}`, { 'db.system.name': 'postgresql' }, call);
  }
  span.end(startedAt + durationMs);
}

function traceBatch(tracer: Tracer, { records, startedAt, durationMs, engineCalls, error }: BatchReport): void {
  const span = tracer.startSpan('update summaries', {
    kind: SpanKind.CONSUMER,
    root: true,
    startTime: startedAt,
    attributes: { 'messaging.system': 'aws.dynamodb.streams', 'messaging.batch.message_count': records },
  });
  if (error) span.setStatus({ code: SpanStatusCode.ERROR });
  const context = trace.setSpan(ROOT_CONTEXT, span);
  for (const call of engineCalls) traceEngineCall(tracer, context, call);
  span.end(startedAt + durationMs);
}

function traceEngineCall(tracer: Tracer, context: Context, call: EngineCall): void {
  const { operation, capacityUnits } = call;
  const attributes = { 'db.system.name': 'aws.dynamodb', 'aws.dynamodb.consumed_capacity_units': capacityUnits };
  traceCall(tracer, context, `DynamoDB ${operation}`, attributes, call);
}

function traceCall(
  tracer: Tracer,
  context: Context,
  name: string,
  attributes: Attributes,
  { operation, startedAt, durationMs, error }: Call,
): Span {
  const span = tracer.startSpan(
    name,
    {
      kind: SpanKind.CLIENT,
      startTime: startedAt,
      attributes: { ...attributes, 'db.operation.name': operation, ...(error && { 'error.type': error }) },
    },
    context,
  );
  if (error) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end(startedAt + durationMs);
  return span;
}

const propagator = new W3CTraceContextPropagator();

/** The caller's span, where the request says so. */
function parentOf(traceparent: string | undefined): Context {
  return propagator.extract(
    ROOT_CONTEXT,
    { traceparent },
    { get: () => traceparent, keys: () => (traceparent ? ['traceparent'] : []) },
  );
}
