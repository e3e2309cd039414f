import { type HttpHandler, type HttpRequest, HttpResponse } from '@smithy/core/protocols';
import type { HttpHandlerOptions } from '@smithy/types';
import { Agent, type Dispatcher } from 'undici';
import { OutOfTimeError } from './engine-errors.ts';

/** How long an idle connection is kept; AWS keeps it longer. */
const KEEP_ALIVE_MS = 20_000;

const CONNECT_MS = 1_000;

/** How long a call may take that does not say. */
const CALL_MS = 3_000;

/**
 * An HTTP client on undici, for a process that serves many requests: it takes half the processor time of Node's own. There is a connection
 * for each call that is under way: none waits for another. A call is given up by its timeout alone, which counts from the beginning to the
 * end of the answer, and not by a signal. Answers are collected whole, without a stream for each. It is half a megabyte of code more to load,
 * which a short-lived function does not make up for.
 */
export function pooledHttp(): HttpHandler {
  // Undici's own timers are coarse, and start anew with each part of an answer.
  const agent = new Agent({
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectTimeout: CONNECT_MS,
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  return {
    handle: (request: HttpRequest, { requestTimeout = CALL_MS }: HttpHandlerOptions = {}) =>
      new Promise((resolve, reject) => agent.dispatch(dispatched(request), collect(resolve, reject, requestTimeout))),
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

function collect(
  resolve: (reply: { response: HttpResponse }) => void,
  reject: (error: Error) => void,
  timeoutMs: number,
): Dispatcher.DispatchHandler {
  let statusCode = 0;
  let headers: Record<string, string> = {};
  let controller: Dispatcher.DispatchController | undefined;
  let lateness: Error | undefined;
  const chunks: Buffer[] = [];
  const timer = setTimeout(() => {
    lateness = new OutOfTimeError();
    // What still waits for its connection has no controller: it is aborted once it has one.
    controller?.abort(lateness);
    reject(lateness);
  }, timeoutMs);
  return {
    onRequestStart: (own) => {
      controller = own;
      if (lateness) own.abort(lateness);
    },
    onResponseStart: (_, status, received) => {
      statusCode = status;
      headers = received as Record<string, string>;
    },
    onResponseData: (_, chunk) => {
      chunks.push(chunk);
    },
    onResponseEnd: () => {
      clearTimeout(timer);
      const body = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
      resolve({ response: new HttpResponse({ statusCode, headers, body }) });
    },
    onResponseError: (_, error) => {
      clearTimeout(timer);
      reject(error);
    },
  };
}
