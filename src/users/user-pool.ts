import { CognitoIdentityProviderClient, paginateListUsers } from '@aws-sdk/client-cognito-identity-provider';
import * as z from 'zod';
import { UnavailableError } from '../errors.ts';

/** A person as Amazon Cognito knows them. */
export interface PoolUser {
  readonly username: string;
  /** The `sub` of the person's tokens: unique in the pool, and never changed. */
  readonly subject: string;
  /** Unique only in a pool that takes it as an alias; by default people may change theirs at any time. */
  readonly preferredUsername: string | undefined;
  /** `CONFIRMED`, `UNCONFIRMED` and so on: see UserType in Amazon Cognito's API reference. */
  readonly status: string;
  readonly enabled: boolean;
}

export interface UserPoolOptions {
  readonly userPoolId: string;
  readonly region: string;
  /** Another service than AWS. */
  readonly endpoint: string | undefined;
}

/** The most that ListUsers hands out at once. */
const PAGE_SIZE = 60;

/** Some seconds of growing waits: ListUsers is throttled for a whole account and region, and others may be at it too. */
const ATTEMPTS = 6;

const user = z
  .object({
    Username: z.string(),
    Attributes: z.array(z.object({ Name: z.string(), Value: z.string().optional() })),
    UserStatus: z.string(),
    Enabled: z.boolean(),
  })
  .transform(({ Username: username, Attributes, UserStatus: status, Enabled: enabled }, { addIssue }): PoolUser => {
    const attributes = new Map(Attributes.map(({ Name, Value }) => [Name, Value]));
    const subject = attributes.get('sub');
    if (subject) return { username, subject, preferredUsername: attributes.get('preferred_username'), status, enabled };
    addIssue({ code: 'custom', message: 'A user has no sub' });
    return z.NEVER;
  });

/**
 * Reads all users of a pool, page after page. A user who turns up on two pages, because the pool changed in between, counts once, as
 * seen last.
 *
 * @param onPage told how many users came with each page
 * @throws UnavailableError when any page can't be had
 */
export async function readUserPool(
  { userPoolId, region, endpoint }: UserPoolOptions,
  onPage: (count: number) => void,
): Promise<PoolUser[]> {
  const client = new CognitoIdentityProviderClient({
    region,
    ...(endpoint && { endpoint, credentials: { accessKeyId: 'local', secretAccessKey: 'local' } }),
    maxAttempts: ATTEMPTS,
    requestHandler: { connectionTimeout: 2_000, requestTimeout: 10_000, throwOnRequestTimeout: true },
  });
  const users = new Map<string, PoolUser>();
  try {
    // All attributes: Cognito refuses to pick out one that some user lacks.
    for await (const page of paginateListUsers({ client, pageSize: PAGE_SIZE }, { UserPoolId: userPoolId })) {
      const found = z.array(user).parse(page.Users ?? []);
      for (const each of found) users.set(each.subject, each);
      onPage(found.length);
    }
  } catch (error) {
    throw new UnavailableError(`The user pool ${userPoolId} can't be read: ${reason(error)}`, { cause: error });
  } finally {
    client.destroy();
  }
  return [...users.values()];
}

/** An error of the network may have nothing but a code. */
function reason(error: unknown): string {
  if (error instanceof z.ZodError)
    return error.issues.map(({ path, message }) => [...path, message].join(' ')).join(', ');
  const { name, message, code } = error as NodeJS.ErrnoException;
  return [name, message || code].join(': ');
}
