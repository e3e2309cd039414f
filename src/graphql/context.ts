import type { Messaging } from '../messaging/messaging.ts';
import type { User } from '../model.ts';
import type { GraphQLReport } from '../telemetry/request-report.ts';
import type { CachedDirectory } from '../users/user-cache.ts';
import { createLoaders, type Loaders } from './loaders.ts';

/** What a resolver has at hand for one request. */
export interface Context {
  /** Who asks. Reading it throws when the request is anonymous, which only introspection may be. */
  readonly viewer: User;
  readonly isAnonymous: boolean;
  readonly messaging: Messaging;
  readonly directory: CachedDirectory;
  readonly loaders: Loaders;
  readonly requestId: string;
  readonly log: RequestLog;
  /** Counts so many reads, sends or searches; throws RateLimitedError when they are too many. */
  readonly spend: Spend;
  /** Counts so many requests, and refuses nothing now. */
  readonly charge: Charge;
  /** Told of the operation once it is known how it ended. */
  readonly onOperation: (report: GraphQLReport) => void;
}

export type Spend = (limit: 'reads' | 'sends' | 'searches', count: number) => Promise<void>;

export type Charge = (limit: 'requests', count: number) => void;

/** The part of a request's log that is used. */
export interface RequestLog {
  error(details: object, message: string): void;
  warn(details: object, message: string): void;
}

export interface ContextParts {
  readonly messaging: Messaging;
  readonly directory: CachedDirectory;
  readonly requestId: string;
  readonly log: RequestLog;
  readonly spend: Spend;
  readonly charge: Charge;
  readonly onOperation: (report: GraphQLReport) => void;
}

/** The context of a request by `viewer`. */
export function createContext(viewer: User, parts: ContextParts): Context {
  return { ...parts, viewer, isAnonymous: false, loaders: createLoaders(parts.directory, parts.messaging.table) };
}

/** The context of a request by nobody; reading its viewer throws the error given. */
export function createAnonymousContext(refusal: () => Error, parts: ContextParts): Context {
  // The getter is inherited: Apollo Server copies the context's own properties, and by that would read it.
  const refusing = {
    get viewer(): User {
      throw refusal();
    },
  };
  const own = { ...parts, isAnonymous: true, loaders: createLoaders(parts.directory, parts.messaging.table) };
  return Object.assign(Object.create(refusing), own);
}
