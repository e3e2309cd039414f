import type { Call } from '../calls.ts';
import type { EngineCall } from '../table/table.ts';

/** What is known of a request once it has been answered. It holds nothing that a person wrote. */
export interface RequestReport {
  readonly requestId: string;
  readonly method: string;
  /** The path that the server knows: `/graphql`, `/health/ready`; `none` for all others. */
  readonly route: string;
  readonly status: number;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly durationMs: number;
  /** Absent for a request that did not get as far as GraphQL. */
  readonly graphql?: GraphQLReport;
  readonly engineCalls: readonly EngineCall[];
  readonly directoryCalls: readonly Call[];
  /** The W3C trace context that the request came with: https://www.w3.org/TR/trace-context/ */
  readonly traceparent?: string | undefined;
}

/** What an operation was. */
export interface GraphQLReport {
  /**
   * The schema's field that was asked for: `messages`, `createMessage` and so on; `several` for more than one, and `invalid`
   * for a document that was not executed. There are only so many, as metrics want it, while names of operations are the client's.
   */
  operation: string;
  /** The client's own name of it. */
  operationName?: string;
  /** The first error's code; `OK` without errors. */
  code: string;
}

/** Told of each request that was answered. */
export type RequestListener = (report: RequestReport) => void;
