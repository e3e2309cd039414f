import { BadUserInputError } from '../errors.ts';
import type { MessageGroup, Page, User } from '../model.ts';
import { decodeCursor, encodeCursor, messageGroupsList } from '../table/cursors.ts';
import type { Summary } from '../table/items.ts';
import { activityKeyOf, isInboxPosition, listSummaries } from '../table/summaries.ts';
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
  // One more than asked for tells whether there is a next page.
  const summaries = await listSummaries(table, viewer.id, { after: position, limit: limit + 1 });
  return {
    edges: summaries.slice(0, limit).map((summary) => ({
      cursor: encodeCursor(list, activityKeyOf(summary)),
      node: messageGroupOf(summary, viewer),
    })),
    hasNextPage: summaries.length > limit,
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
    memberIds: summary.memberIds,
    lastMessage: summary.lastMessage,
    readSequence: readSequenceOf(viewer, summary.readSequence, summary.lastMessage),
  };
}
