import { createServer } from 'node:net';
import type { LocalConfig } from '../config/local.ts';
import { LOOPBACK, type LocalAddresses } from './addresses.ts';
import { LocalStackError } from './errors.ts';

/**
 * Sees to it that everything can listen where it has to.
 *
 * @throws LocalStackError when a port is taken, or the host is not this machine's
 */
export async function checkPorts(config: LocalConfig, addresses: LocalAddresses): Promise<void> {
  const ports: [number, string, string, boolean][] = [
    [addresses.ports.api, config.host, 'the API', true],
    [addresses.ports.issuer, LOOPBACK, 'the token issuer', true],
    [addresses.ports.dynamodb, LOOPBACK, 'DynamoDB', addresses.startsDynamodb],
    [addresses.ports.postgres, LOOPBACK, 'Postgres', addresses.startsPostgres],
  ];
  for (const [port, host, name, needed] of ports) {
    if (!needed) continue;
    const problem = await listenProblem(port, host);
    if (problem === 'EADDRINUSE') {
      throw new LocalStackError(
        `Port ${port}, for ${name}, is taken: stop what listens there, or set PORT to another number (it and the three after it are used).`,
      );
    }
    if (problem)
      throw new LocalStackError(`Nothing can listen on ${host}:${port} (${problem}): set HOST and PORT to others.`);
  }
}

function listenProblem(port: number, host: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen(port, host, () => server.close(() => resolve(undefined)));
  });
}
