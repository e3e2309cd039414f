import type { HttpHandler } from '@smithy/core/protocols';
import { UndiciHttpHandler } from '@smithy/undici-http-handler';

/** As many as the operations that are under way at once, each with two calls side by side. */
const CONNECTIONS = 100;

/** How long an idle connection is kept; AWS keeps it longer. */
const KEEP_ALIVE_MS = 20_000;

/**
 * An HTTP client on undici, which takes half the processor time of Node's own: for a process that serves many requests. It is half a
 * megabyte of code more to load, which a short-lived function does not make up for.
 */
export function pooledHttp(): HttpHandler {
  return new UndiciHttpHandler({
    dispatcher: {
      connections: CONNECTIONS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectTimeout: 1_000,
      headersTimeout: 3_000,
      bodyTimeout: 3_000,
    },
  });
}
