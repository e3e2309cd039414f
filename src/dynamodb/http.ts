import { type HttpHandler, type HttpRequest, HttpResponse } from '@smithy/core/protocols';
import type { HttpHandlerOptions } from '@smithy/types';
import { Agent, type Dispatcher } from 'undici';

/** How long an idle connection is kept, in milliseconds. AWS keeps it longer. */
const KEEP_ALIVE_MS = 20_000;

const CONNECT_MS = 1_000;

/** How long a request may take that has no timeout of its own, in milliseconds. */
const REQUEST_MS = 3_000;

/**
 * Returns an HTTP client on undici, for the SDK's option `requestHandler`. It takes half the processor time of Node's own client, for a
 * process that serves many requests. Loading it takes half a megabyte of code, which is too much for a short-lived function.
 *
 * A request never waits for the connection of another one. Its timeout counts from the beginning to the end of the reply, which is
 * collected as a whole.
 */
export function pooledHttp(): HttpHandler {
  // Undici's own timeouts are coarse, and start anew with each part of a reply.
  const agent = new Agent({
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectTimeout: CONNECT_MS,
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  return {
    handle: (request: HttpRequest, options: HttpHandlerOptions = {}) =>
      new Promise((resolve, reject) => agent.dispatch(dispatched(request), collect(resolve, reject, options))),
    destroy: () => void agent.destroy(),
    updateHttpClientConfig: () => {},
    httpHandlerConfigs: () => ({}),
  };
}

function dispatched({
  protocol,
  hostname,
  port,
  path,
  method,
  headers,
  body,
}: HttpRequest): Dispatcher.DispatchOptions {
  return {
    origin: `${protocol}//${hostname}${port ? `:${port}` : ''}`,
    path,
    method: method as Dispatcher.HttpMethod,
    headers,
    body,
  };
}

/** A request took too long, or the caller ended it. */
class EndedError extends Error {
  override readonly name: 'TimeoutError' | 'AbortError';

  constructor(name: EndedError['name']) {
    super(name === 'TimeoutError' ? 'The request took too long' : 'The caller ended the request');
    this.name = name;
  }
}

/** Collects a reply, unless the timeout or the caller's signal ends the request first. */
function collect(
  resolve: (reply: { response: HttpResponse }) => void,
  reject: (error: Error) => void,
  { requestTimeout = REQUEST_MS, abortSignal }: HttpHandlerOptions,
): Dispatcher.DispatchHandler {
  let statusCode = 0;
  let headers: Record<string, string> = {};
  let controller: Dispatcher.DispatchController | undefined;
  let ended: Error | undefined;
  const chunks: Buffer[] = [];
  const signal = abortSignal as AbortSignal | undefined;

  const end = (name: EndedError['name']) => {
    ended = new EndedError(name);
    release();
    // A request that still waits for its connection has no controller yet.
    controller?.abort(ended);
    reject(ended);
  };
  const onAbort = () => end('AbortError');
  const timer = setTimeout(() => end('TimeoutError'), requestTimeout);
  signal?.addEventListener('abort', onAbort);
  const release = () => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  };

  return {
    onRequestStart: (own) => {
      controller = own;
      if (ended) own.abort(ended);
    },
    onResponseStart: (_, status, received) => {
      statusCode = status;
      headers = received as Record<string, string>;
    },
    onResponseData: (_, chunk) => {
      chunks.push(chunk);
    },
    onResponseEnd: () => {
      release();
      const body = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
      resolve({ response: new HttpResponse({ statusCode, headers, body }) });
    },
    onResponseError: (_, error) => {
      release();
      // The SDK knows Node's errors of connections, and not undici's.
      reject(Object.assign(error, { $retryable: {} }));
    },
  };
}
