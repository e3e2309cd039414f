import type { FastifyInstance } from 'fastify';

/** Drops the ports that some proxies add to the addresses in `X-Forwarded-For`: a port is not part of an address. */
export function dropForwardedPorts(app: FastifyInstance): void {
  app.addHook('onRequest', ({ raw: { headers } }, _, done) => {
    const forwarded = headers['x-forwarded-for'];
    if (forwarded !== undefined)
      headers['x-forwarded-for'] = [forwarded].flat().join(',').split(',').map(withoutPort).join(', ');
    done();
  });
}

/** `192.0.2.1:50001` or `[2001:db8::1]:50001`; an IPv6 address without brackets has no port. */
const WITH_PORT = /^(?:\[([^\]]+)\]|([^:]+))(?::\d+)?$/;

/** Returns the address without its port and its brackets. */
export function withoutPort(address: string): string {
  const text = address.trim();
  const [, inBrackets, plain] = WITH_PORT.exec(text) ?? [];
  return inBrackets ?? plain ?? text;
}
