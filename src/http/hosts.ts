import type { FastifyInstance } from 'fastify';

/** A host that no address can be made of. */
class HostError extends Error {
  override readonly name = 'HostError';
  readonly statusCode = 400;
}

/**
 * Refuses requests whose `Host` header is not the name of a host: 400. Apollo Server's integration makes an address of it, and would fail.
 * A request by HTTP/1.0 needs no `Host`.
 */
export function checkHosts(app: FastifyInstance): void {
  app.addHook('onRequest', (request, _, done) => {
    const { headers, httpVersion } = request.raw;
    if (httpVersion === '1.0') headers.host ??= 'localhost';
    const isHost = URL.canParse(`${request.protocol}://${request.hostname}/`);
    done(isHost ? undefined : new HostError('The Host header is not the name of a host.'));
  });
}
