import type { Message } from '../model.ts';
import type { LoggedMessage } from '../table/images.ts';

/** What a batch of a group's messages means for its summaries. */
export interface GroupChange<Source> {
  readonly messageGroupId: string;
  /** The newest message of the batch: the others change nothing that it does not. */
  readonly newest: Message;
  /** Each sender's newest sequence of the batch: sending marks as read. */
  readonly sentUpTo: ReadonlyMap<string, number>;
  /** Where the messages came from. */
  readonly sources: readonly Source[];
}

/** What messages, in any order and with repetitions, mean for the summaries of each of their groups. */
export function changesOf<Source>(
  messages: readonly (LoggedMessage & { readonly source: Source })[],
): GroupChange<Source>[] {
  const groups = new Map<string, { newest: Message; sentUpTo: Map<string, number>; sources: Source[] }>();
  for (const { messageGroupId, message, source } of messages) {
    const group = groups.get(messageGroupId) ?? {
      newest: message,
      sentUpTo: new Map<string, number>(),
      sources: [] as Source[],
    };
    if (message.sequence > group.newest.sequence) group.newest = message;
    group.sentUpTo.set(message.senderId, Math.max(message.sequence, group.sentUpTo.get(message.senderId) ?? 0));
    group.sources.push(source);
    groups.set(messageGroupId, group);
  }
  return [...groups].map(([messageGroupId, group]) => ({ messageGroupId, ...group }));
}
