import type { User } from '../model.ts';
import type { Table } from '../table/table.ts';

/** What the operations work with. */
export interface Messaging {
  readonly table: Table;
  /** The people with these handles, compared without regard to ASCII case; those that exist, in no order. */
  readonly findUsersByHandle: (handles: readonly string[]) => Promise<readonly User[]>;
  /** The people with these UUIDs; those that exist, in no order. */
  readonly findUsersById: (ids: readonly string[]) => Promise<readonly User[]>;
  /** Returns the time in milliseconds since 1970, corrected by DynamoDB's clock; see `Table`. */
  readonly now: () => number;
  /**
   * Is called before a message goes into a group by the group's id, with the number of members. A rejection refuses the message, and
   * nothing of it is written.
   */
  readonly beforeSend?: (memberCount: number) => Promise<void>;
}
