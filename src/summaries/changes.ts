import type { Message } from '../model.ts';
import type { LoggedMessage } from '../table/images.ts';
import type { StoredMessage } from '../table/items.ts';

/** Names a record of the stream, without what its item holds. */
export interface RecordKeys {
  readonly sequenceNumber: string;
  readonly itemKey: { readonly pk: string; readonly sk: string };
}

/** The changes of a group's summaries that follow from a batch of its messages. */
export interface GroupChange {
  readonly messageGroupId: string;
  /** The message of the batch with the highest (sequence, revision). The others change nothing that it does not. */
  readonly newest: StoredMessage;
  /** Each sender's highest sequence of the batch: sending marks as read. */
  readonly sentUpTo: ReadonlyMap<string, number>;
  /** The records that the messages came from. */
  readonly sources: readonly RecordKeys[];
}

/** Returns the changes of each group's summaries that follow from messages, in any order and with repetitions. */
export function changesOf(messages: readonly (LoggedMessage & { readonly source: RecordKeys })[]): GroupChange[] {
  const groups = new Map<string, { newest: StoredMessage; sentUpTo: Map<string, number>; sources: RecordKeys[] }>();
  for (const { messageGroupId, message, item, source } of messages) {
    const group = groups.get(messageGroupId) ?? {
      newest: { message, item },
      sentUpTo: new Map<string, number>(),
      sources: [] as RecordKeys[],
    };
    if (isLater(message, group.newest.message)) group.newest = { message, item };
    group.sentUpTo.set(message.senderId, Math.max(message.sequence, group.sentUpTo.get(message.senderId) ?? 0));
    group.sources.push(source);
    groups.set(messageGroupId, group);
  }
  return [...groups].map(([messageGroupId, group]) => ({ messageGroupId, ...group }));
}

/** Merges two changes of one group. */
export function mergeChanges(one: GroupChange, other: GroupChange): GroupChange {
  const sentUpTo = new Map(one.sentUpTo);
  for (const [userId, sequence] of other.sentUpTo) sentUpTo.set(userId, Math.max(sequence, sentUpTo.get(userId) ?? 0));
  const newest = isLater(other.newest.message, one.newest.message) ? other.newest : one.newest;
  // The records of the first are enough to name the group.
  return { messageGroupId: one.messageGroupId, newest, sentUpTo, sources: one.sources };
}

function isLater(message: Message, than: Message): boolean {
  if (message.sequence !== than.sequence) return message.sequence > than.sequence;
  return (message.revision ?? 0) > (than.revision ?? 0);
}
