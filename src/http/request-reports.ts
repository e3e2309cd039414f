import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Call } from '../calls.ts';
import type { EngineCall } from '../table/table.ts';
import type { GraphQLReport, RequestListener, RequestReport } from '../telemetry/request-report.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** What is noted of a request while it is under way. */
    notes: RequestNotes;
  }
}

export interface RequestNotes {
  readonly startedAt: number;
  readonly engineCalls: EngineCall[];
  readonly directoryCalls: Call[];
  graphql?: GraphQLReport;
}

/**
 * Reports each request once it has been answered: as one line of the log, and to the listeners. Neither headers nor the query string,
 * where variables may be, nor bodies are in it.
 */
export function reportRequests(app: FastifyInstance, listeners: readonly RequestListener[]): void {
  app.decorateRequest('notes');
  app.addHook('onRequest', (request, reply, done) => {
    request.notes = { startedAt: Date.now(), engineCalls: [], directoryCalls: [] };
    reply.header('x-request-id', request.id);
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    const report = reportOf(request, reply.statusCode, reply.elapsedTime);
    request.log.info(lineOf(report, request), 'request');
    for (const listener of listeners) listener(report);
    done();
  });
}

/** Clients choose methods, which become labels of metrics: all others are `_OTHER`, as in OpenTelemetry's conventions for HTTP. */
const METHODS = new Set(['GET', 'POST', 'OPTIONS', 'HEAD', 'PUT', 'PATCH', 'DELETE']);

/** Clients choose paths, and addresses in `X-Forwarded-For`: a line of the log has their beginning. An IPv6 address takes 45 characters. */
const LONGEST_PATH = 200;
const LONGEST_ADDRESS = 45;

function reportOf(request: FastifyRequest, status: number, durationMs: number): RequestReport {
  const { headers, id, method, notes, routeOptions } = request;
  const { traceparent } = headers;
  return {
    requestId: id,
    method: METHODS.has(method) ? method : '_OTHER',
    route: routeOptions.url ?? 'none',
    status,
    durationMs,
    ...notes,
    traceparent: typeof traceparent === 'string' ? traceparent : undefined,
  };
}

function lineOf(
  { method, status, durationMs, graphql, engineCalls, directoryCalls }: RequestReport,
  request: FastifyRequest,
) {
  return {
    method,
    path: request.url.split('?', 1)[0]?.slice(0, LONGEST_PATH),
    status,
    ...graphql,
    durationMs: rounded(durationMs),
    engineCalls: engineCalls.length,
    capacityUnits: rounded(engineCalls.reduce((sum, { capacityUnits }) => sum + capacityUnits, 0)),
    directoryCalls: directoryCalls.length,
    remoteAddress: request.ip.slice(0, LONGEST_ADDRESS),
  };
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}
