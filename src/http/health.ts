import type { FastifyPluginAsync } from 'fastify';
import { within } from '../calls.ts';

/** A part that the process can't work without: resolves when it answers. */
export type HealthCheck = () => Promise<void>;

/** How long a part has to answer. */
const DEADLINE_MS = 2_000;

/**
 * `GET /health/live` says that the process serves, and `GET /health/ready` whether the parts it needs answer
 * within 2 s: 200, or 503 with the name of each part that does not.
 */
export function healthRoutes(checks: Readonly<Record<string, HealthCheck>>): FastifyPluginAsync {
  const shared = Object.entries(checks).map(([name, check]) => [name, oneAtATime(check)] as const);
  return async (app) => {
    app.addHook('onSend', async (_, reply) => {
      reply.header('cache-control', 'no-store');
    });

    app.get('/health/live', async () => ({ status: 'live' }));

    app.get('/health/ready', async ({ log }, reply) => {
      const outcomes = await Promise.all(
        shared.map(async ([name, check]) => {
          try {
            await check();
            return [name, 'ready'] as const;
          } catch (err) {
            log.warn({ err, part: name }, 'not ready');
            return [name, 'unavailable'] as const;
          }
        }),
      );
      const ready = outcomes.every(([, status]) => status === 'ready');
      return reply
        .code(ready ? 200 : 503)
        .send({ status: ready ? 'ready' : 'unavailable', parts: Object.fromEntries(outcomes) });
    });
  };
}

/** Anybody may ask, as often as they like: a part is asked once at a time, and all who ask meanwhile get the same answer. */
function oneAtATime(check: HealthCheck): HealthCheck {
  let asked: Promise<void> | undefined;
  return () => {
    asked ??= within(DEADLINE_MS, check()).finally(() => {
      asked = undefined;
    });
    return asked;
  };
}
