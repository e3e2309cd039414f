import type { FastifyPluginAsync } from 'fastify';
import { within } from '../calls.ts';

/** Resolves when a dependency answers. */
export type HealthCheck = () => Promise<void>;

/** How long a dependency has to answer. */
const DEADLINE_MS = 2_000;

export interface HealthOptions {
  /** One check for each dependency, by its name in the reply. */
  readonly checks: Readonly<Record<string, HealthCheck>>;
  /** Whether the process has begun to stop, so that load balancers must send new requests elsewhere. */
  readonly isStopping: () => boolean;
}

/**
 * Serves `GET /health/live`, 200 while the process serves, and `GET /health/ready`.
 *
 * Readiness is 503 until every dependency has answered once, and from the moment that the process begins to stop. In between it is
 * 200, with the state of each dependency in the body: a dependency that fails fails for all instances at once, and without any of
 * them the requests that do not need it would fail too.
 */
export function healthRoutes({ checks, isStopping }: HealthOptions): FastifyPluginAsync {
  const shared = Object.entries(checks).map(([name, check]) => [name, oneAtATime(check)] as const);
  let hasStarted = false;
  return async (app) => {
    app.addHook('onSend', async (_, reply) => {
      reply.header('cache-control', 'no-store');
    });

    app.get('/health/live', async () => ({ status: 'live' }));

    app.get('/health/ready', async ({ log }, reply) => {
      if (isStopping()) return reply.code(503).send({ status: 'stopping' });
      const states = await Promise.all(
        shared.map(async ([name, check]) => {
          try {
            await check();
            return [name, 'available'] as const;
          } catch (err) {
            log.warn({ err, dependency: name }, 'a dependency is not available');
            return [name, 'unavailable'] as const;
          }
        }),
      );
      hasStarted ||= states.every(([, state]) => state === 'available');
      return reply
        .code(hasStarted ? 200 : 503)
        .send({ status: hasStarted ? 'ready' : 'starting', dependencies: Object.fromEntries(states) });
    });
  };
}

/** Runs a check once at a time. Callers that ask meanwhile share its result, because anyone may ask as often as they like. */
function oneAtATime(check: HealthCheck): HealthCheck {
  let running: Promise<void> | undefined;
  return () => {
    running ??= within(DEADLINE_MS, check()).finally(() => {
      running = undefined;
    });
    return running;
  };
}
