import { validate as isUuid, v5 as uuidV5 } from 'uuid';
import { foldHandle, MAX_MEMBERS, type User, type UserError } from '../model.ts';
import { normalizeId } from './ids.ts';
import type { Messaging } from './messaging.ts';

export type RecipientErrorCode =
  | 'RECIPIENTS_EMPTY'
  | 'RECIPIENT_NOT_FOUND'
  | 'RECIPIENT_IS_SENDER'
  | 'TOO_MANY_RECIPIENTS';

type RecipientError = UserError<RecipientErrorCode>;

/** The namespace of group ids. Changing it would start every conversation anew. */
const GROUP_NAMESPACE = '0f0ce7d6-94ee-4b8f-8b0e-6a3f54a1f2c5';

/** The people that a client names: by handle, or by id. */
export type Recipients =
  | { readonly recipientHandles: readonly string[] }
  | { readonly recipientIds: readonly string[] };

/** The id of the one group of these people, whatever their order. */
export function messageGroupIdOf(memberIds: readonly string[]): string {
  return uuidV5(memberIds.toSorted().join(','), GROUP_NAMESPACE);
}

/** Returns the sorted ids of the viewer and the people that are named, or the errors in the names. */
export async function resolveMembers(
  messaging: Messaging,
  viewer: User,
  recipients: Recipients,
): Promise<{ readonly memberIds: readonly string[] } | { readonly errors: RecipientError[] }> {
  const isByHandle = 'recipientHandles' in recipients;
  const names = isByHandle ? recipients.recipientHandles : recipients.recipientIds;
  const path = ['input', 'to', isByHandle ? 'recipientHandles' : 'recipientIds'];
  if (names.length === 0) return { errors: [empty(path)] };
  if (names.length > MAX_MEMBERS - 1) return { errors: [tooMany(path)] };
  const ids = isByHandle ? await idsOfHandles(messaging, names) : await idsOfPeople(messaging, names.map(normalizeId));
  const errors = ids.flatMap((id, index) => {
    if (id === undefined) return [notFound(isByHandle, [...path, String(index)])];
    return id === viewer.id ? [isSender([...path, String(index)])] : [];
  });
  if (errors.length > 0) return { errors };
  return { memberIds: [...new Set([viewer.id, ...ids.filter((id) => id !== undefined)])].sort() };
}

type Ids = readonly (string | undefined)[];

async function idsOfHandles({ findUsersByHandle }: Messaging, handles: readonly string[]): Promise<Ids> {
  const users = await findUsersByHandle(handles);
  const ids = new Map(users.map(({ id, handle }) => [foldHandle(handle), id]));
  return handles.map((handle) => ids.get(foldHandle(handle)));
}

async function idsOfPeople({ findUsersById }: Messaging, ids: readonly string[]): Promise<Ids> {
  const users = await findUsersById(ids.filter((id) => isUuid(id)));
  const known = new Set(users.map(({ id }) => id));
  return ids.map((id) => (known.has(id) ? id : undefined));
}

function empty(path: readonly string[]): RecipientError {
  return { code: 'RECIPIENTS_EMPTY', message: 'Name someone to write to.', path };
}

function tooMany(path: readonly string[]): RecipientError {
  const message = `A message group has at most ${MAX_MEMBERS} members, so there can be at most ${MAX_MEMBERS - 1} recipients.`;
  return { code: 'TOO_MANY_RECIPIENTS', message, path };
}

function notFound(isByHandle: boolean, path: readonly string[]): RecipientError {
  return { code: 'RECIPIENT_NOT_FOUND', message: `Nobody has this ${isByHandle ? 'handle' : 'id'}.`, path };
}

function isSender(path: readonly string[]): RecipientError {
  return { code: 'RECIPIENT_IS_SENDER', message: 'You are in the group anyway.', path };
}
