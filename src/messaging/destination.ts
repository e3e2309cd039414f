import { v5 as uuidV5 } from 'uuid';
import { MAX_MEMBERS, type User, type UserError } from '../model.ts';
import type { Messaging } from './messaging.ts';

export type RecipientErrorCode =
  | 'RECIPIENTS_EMPTY'
  | 'RECIPIENT_NOT_FOUND'
  | 'RECIPIENT_IS_SENDER'
  | 'TOO_MANY_RECIPIENTS';

type RecipientError = UserError<RecipientErrorCode>;

/** The namespace of group ids. Changing it would start every conversation anew. */
const GROUP_NAMESPACE = '0f0ce7d6-94ee-4b8f-8b0e-6a3f54a1f2c5';

const PATH = ['input', 'to', 'recipientHandles'];

/** The id of the one group of these people, whatever their order. */
export function messageGroupIdOf(memberIds: readonly string[]): string {
  return uuidV5(memberIds.toSorted().join(','), GROUP_NAMESPACE);
}

/** The sorted ids of the viewer and the people with these handles, or what is wrong with the handles. */
export async function resolveMembers(
  { findUsersByHandle }: Messaging,
  viewer: User,
  handles: readonly string[],
): Promise<{ readonly memberIds: readonly string[] } | { readonly errors: RecipientError[] }> {
  if (handles.length === 0) return { errors: [empty()] };
  if (handles.length > MAX_MEMBERS - 1) return { errors: [tooMany()] };
  const users = await findUsersByHandle(handles);
  const userIds = new Map(users.map((user) => [user.handle.toLowerCase(), user.id]));
  const ids = handles.map((handle) => userIds.get(handle.toLowerCase()));
  const errors = ids.flatMap((id, index) => {
    if (id === undefined) return [notFound(index)];
    return id === viewer.id ? [isSender(index)] : [];
  });
  if (errors.length > 0) return { errors };
  return { memberIds: [...new Set([viewer.id, ...ids.filter((id) => id !== undefined)])].sort() };
}

function empty(): RecipientError {
  return { code: 'RECIPIENTS_EMPTY', message: 'Name someone to write to.', path: PATH };
}

function tooMany(): RecipientError {
  const message = `A message group has at most ${MAX_MEMBERS} members, so there can be at most ${MAX_MEMBERS - 1} recipients.`;
  return { code: 'TOO_MANY_RECIPIENTS', message, path: PATH };
}

function notFound(index: number): RecipientError {
  return { code: 'RECIPIENT_NOT_FOUND', message: 'Nobody has this handle.', path: [...PATH, String(index)] };
}

function isSender(index: number): RecipientError {
  return { code: 'RECIPIENT_IS_SENDER', message: 'You are in the group anyway.', path: [...PATH, String(index)] };
}
