import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Reply } from './api.ts';

/** What came of a request of the flood. */
export interface Outcome {
  readonly status: number;
  readonly tookMs: number;
  /** What its first error says, where it has one. */
  readonly error: string | undefined;
  /** Its `Retry-After`, where it has one. */
  readonly retryAfter: string | undefined;
}

/** A request of the flood: an operation, as somebody. */
export interface Asked {
  readonly authorization: string;
  readonly body: string;
}

/**
 * Asks over so many connections at once, each as soon as it was answered, and whatever it was told, until the time is over.
 *
 * @returns what came of each request
 * @throws when a connection is refused or lost
 */
export async function flood(
  url: string,
  { connections, forMs, next }: { readonly connections: number; readonly forMs: number; readonly next: () => Asked },
): Promise<Outcome[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const outcomes: Outcome[] = [];
  const end = performance.now() + forMs;
  const askOn = async () => {
    while (performance.now() < end) outcomes.push(await post(url, agent, next()));
  };
  try {
    await Promise.all(Array.from({ length: connections }, askOn));
  } finally {
    agent.destroy();
  }
  return outcomes;
}

function post(url: string, agent: Agent, { authorization, body }: Asked): Promise<Outcome> {
  const start = performance.now();
  return new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      authorization,
    };
    request(url, { method: 'POST', agent, headers }, (response) => {
      text(response).then(
        (reply) =>
          resolve({
            status: response.statusCode ?? 0,
            tookMs: performance.now() - start,
            error: (JSON.parse(reply) as Reply).errors?.[0]?.message,
            retryAfter: response.headers['retry-after'],
          }),
        reject,
      );
    })
      .on('error', reject)
      .end(body);
  });
}
