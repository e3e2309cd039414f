import { BadUserInputError } from '../errors.ts';
import type { GroupMessage, Page, User } from '../model.ts';
import { decodeCursor, encodeCursor, messagesList } from '../table/cursors.ts';
import { type AccessibleLog, accessNewer, accessNewest, accessOlder } from './access.ts';
import type { Messaging } from './messaging.ts';
import { type PageArguments, type PageRequest, pageRequest } from './paging.ts';

/**
 * Lists a page of a group's messages, newest first (patterns A and A').
 *
 * @throws NotFoundError when there is no such group among the viewer's
 * @throws BadUserInputError for arguments that name no page
 */
export async function listMessages(
  { table }: Messaging,
  viewer: User,
  { messageGroupId, ...page }: PageArguments & { readonly messageGroupId: string },
): Promise<Page<GroupMessage>> {
  const list = messagesList(messageGroupId);
  const request = pageRequest(page);
  const from = startOf(list, request);
  const { messages, hasOlder, hasNewer } = await read();
  return {
    edges: messages.toReversed().map((message) => ({
      cursor: encodeCursor(list, String(message.sequence)),
      node: { ...message, messageGroupId },
    })),
    hasNextPage: hasOlder,
    hasPreviousPage: hasNewer,
  };

  function read(): Promise<AccessibleLog> {
    if (from === undefined) return accessNewest(table, viewer, messageGroupId, request.limit);
    const access = request.towards === 'older' ? accessOlder : accessNewer;
    return access(table, viewer, messageGroupId, from, request.limit);
  }
}

/** The sequence that the page starts from, exclusive; undefined for the newest page. */
function startOf(list: string, request: PageRequest): number | undefined {
  const cursor = request.towards === 'older' ? request.after : request.before;
  if (cursor === undefined) return undefined;
  const position = decodeCursor(list, cursor);
  const sequence = Number(position);
  // A cursor's check can be made up, so that it can be anything that the position is.
  if (!Number.isSafeInteger(sequence) || sequence < 1 || String(sequence) !== position)
    throw new BadUserInputError('The cursor is not one of this list.');
  return sequence;
}
