import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import type { PoolUser } from '../../src/users/user-pool.ts';

/** A user as ListUsers hands it out. */
export interface ListedUser {
  readonly Username: string;
  readonly Attributes: readonly { readonly Name: string; readonly Value: string }[];
  readonly UserStatus: string;
  readonly Enabled: boolean;
}

interface ListUsersRequest {
  readonly UserPoolId: string;
  readonly Limit?: number;
  readonly PaginationToken?: string;
  readonly AttributesToGet?: readonly string[];
}

/** A service that knows ListUsers alone. */
export interface UserPoolService {
  readonly endpoint: string;
  /** Every request so far. */
  readonly requests: readonly ListUsersRequest[];
  stop(): Promise<void>;
}

/** The most users that a page has: see ListUsers in Amazon Cognito's API reference. */
const PAGE_SIZE = 60;

/**
 * Serves ListUsers, in pages as Amazon Cognito does.
 *
 * @param listUsers all users of a pool
 * @param fault the error's name for a request, counted from 1; undefined to answer it
 */
export async function serveUserPool(
  listUsers: (userPoolId: string) => Promise<readonly ListedUser[]>,
  fault: (request: number) => string | undefined = () => undefined,
): Promise<UserPoolService> {
  const requests: ListUsersRequest[] = [];
  const server: Server = createServer(async (incoming, outgoing) => {
    const request = (await json(incoming)) as ListUsersRequest;
    requests.push(request);
    const { UserPoolId, Limit = PAGE_SIZE, PaginationToken = '0' } = request;
    const isListUsers = incoming.headers['x-amz-target'] === 'AWSCognitoIdentityProviderService.ListUsers';
    const error = isListUsers && Limit <= PAGE_SIZE ? fault(requests.length) : 'InvalidParameterException';
    const users = await listUsers(UserPoolId);
    const start = Number(PaginationToken);
    const end = start + Limit;
    const page = { Users: users.slice(start, end), ...(end < users.length && { PaginationToken: String(end) }) };
    outgoing
      .writeHead(error ? 400 : 200, { 'content-type': 'application/x-amz-json-1.1' })
      .end(JSON.stringify(error ? { __type: error, message: 'As told' } : page));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    stop: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** The user as ListUsers hands them out. */
export function listed({ username, subject, preferredUsername, status, enabled }: PoolUser): ListedUser {
  return {
    Username: username,
    Attributes: [
      { Name: 'sub', Value: subject },
      { Name: 'email', Value: `${username}@example.com` },
      ...(preferredUsername === undefined ? [] : [{ Name: 'preferred_username', Value: preferredUsername }]),
    ],
    UserStatus: status,
    Enabled: enabled,
  };
}
