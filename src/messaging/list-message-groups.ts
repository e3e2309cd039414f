import { BadUserInputError } from '../errors.ts';
import type { MessageGroup, Page, User } from '../model.ts';
import { decodeCursor, encodeCursor, messageGroupsList } from '../table/cursors.ts';
import type { Summary } from '../table/items.ts';
import { isInboxPosition, listSummaries } from '../table/summaries.ts';
import type { Messaging } from './messaging.ts';
import { pageRequest } from './paging.ts';
import { readSequenceOf } from './read-sequence.ts';

/**
 * A page of the viewer's groups, latest activity first (pattern B).
 *
 * @throws BadUserInputError for arguments that name no page
 */
export async function listMessageGroups(
  { table }: Messaging,
  viewer: User,
  { first, after }: { readonly first?: number | null; readonly after?: string | null },
): Promise<Page<MessageGroup>> {
  const list = messageGroupsList(viewer.id);
  const { limit } = pageRequest({ first, after });
  const position = after == null ? undefined : positionOf(list, after);
  const { summaries, hasMore } = await listSummaries(table, viewer.id, { after: position, limit });
  return {
    edges: summaries.map((summary) => ({
      cursor: encodeCursor(list, summary.activityKey),
      node: messageGroupOf(summary, viewer),
    })),
    hasNextPage: hasMore,
    // What a cursor points at lies before the page after it.
    hasPreviousPage: position !== undefined,
  };
}

/** The activity key that the cursor points at. A cursor's check can be made up, and the engine refuses some texts as a key. */
function positionOf(list: string, cursor: string): string {
  const position = decodeCursor(list, cursor);
  if (!isInboxPosition(position)) throw new BadUserInputError('The cursor is not one of this list.');
  return position;
}

function messageGroupOf(summary: Summary, viewer: User): MessageGroup {
  return {
    id: summary.messageGroupId,
    ...(summary.memberIds && { memberIds: summary.memberIds }),
    lastMessage: summary.lastMessage,
    lastSequence: summary.lastSequence,
    readSequence: readSequenceOf(viewer, summary.readSequence, summary.lastMessage),
  };
}
