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
  /** Is called with the number of members when a message goes into a group by the group's id. */
  readonly onSend?: (memberCount: number) => void;
}
