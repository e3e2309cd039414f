import { v4 as uuidV4 } from 'uuid';
import { BadUserInputError, NotFoundError } from '../errors.ts';
import { MAX_CLIENT_MESSAGE_ID_LENGTH, type Message, type MessageGroup, type User, type UserError } from '../model.ts';
import { getMessage } from '../table/log.ts';
import { findLogEnd } from './access.ts';
import { type BodyErrorCode, bodyErrors, normalizeBody } from './body.ts';
import { messageGroupIdOf, type RecipientErrorCode, type Recipients, resolveMembers } from './destination.ts';
import { getMessageGroup, messageGroupOf } from './get-message-group.ts';
import type { Messaging } from './messaging.ts';
import { applyToOwnSummary, type Draft, isSameBody, type Sent, sendTo, sendToPeople } from './send.ts';

export type CreateMessageErrorCode =
  | BodyErrorCode
  | RecipientErrorCode
  | 'MESSAGE_GROUP_NOT_FOUND'
  | 'CLIENT_MESSAGE_ID_REUSED';

export type MessageDestination = { readonly messageGroupId: string } | Recipients;

export interface CreateMessageInput {
  readonly to: MessageDestination;
  readonly body: string;
  readonly clientMessageId?: string | null | undefined;
}

export type CreateMessageResult =
  | { readonly message: Message; readonly messageGroup: MessageGroup; readonly deduplicated: boolean }
  | { readonly userErrors: readonly UserError<CreateMessageErrorCode>[] };

/**
 * Sends a message into a group (pattern C), or to people, whose group is started if need be (pattern D).
 * With a `clientMessageId`, sending twice within 24 hours is sending once (C').
 *
 * @throws BadUserInputError for a `clientMessageId` that is none
 * @throws NotFoundError when the message that was sent with the `clientMessageId` was deleted by hand, or cannot be read
 * @throws UnavailableError when the message store does not answer, or the group is too busy
 */
export async function createMessage(
  messaging: Messaging,
  viewer: User,
  { to, body, clientMessageId }: CreateMessageInput,
): Promise<CreateMessageResult> {
  const draft: Draft = {
    id: uuidV4(),
    body: normalizeBody(body),
    ...(clientMessageId != null && { clientMessageId: checkClientMessageId(clientMessageId) }),
  };
  const errors = bodyErrors(draft.body);
  return 'messageGroupId' in to
    ? createInGroup(messaging, viewer, to.messageGroupId, draft, errors)
    : createForPeople(messaging, viewer, to, draft, errors);
}

type Errors = readonly UserError<CreateMessageErrorCode>[];

async function createInGroup(
  messaging: Messaging,
  viewer: User,
  messageGroupId: string,
  draft: Draft,
  bodyErrors: Errors,
): Promise<CreateMessageResult> {
  const end = await findLogEnd(messaging.table, viewer, messageGroupId);
  if (!end) {
    const path = ['input', 'to', 'messageGroupId'];
    const message = 'There is no such message group.';
    return { userErrors: [{ code: 'MESSAGE_GROUP_NOT_FOUND', message, path }, ...bodyErrors] };
  }
  if (bodyErrors.length > 0) return { userErrors: bodyErrors };
  messaging.onSend?.(end.profile.memberIds.length);
  return resultOf(messaging, viewer, messageGroupId, draft, await sendTo(messaging, viewer, end, draft));
}

async function createForPeople(
  messaging: Messaging,
  viewer: User,
  recipients: Recipients,
  draft: Draft,
  bodyErrors: Errors,
): Promise<CreateMessageResult> {
  const members = await resolveMembers(messaging, viewer, recipients);
  if ('errors' in members) return { userErrors: [...members.errors, ...bodyErrors] };
  if (bodyErrors.length > 0) return { userErrors: bodyErrors };
  const { memberIds } = members;
  const messageGroupId = messageGroupIdOf(memberIds);
  const sent = await sendToPeople(messaging, viewer, { messageGroupId, memberIds }, draft);
  return resultOf(messaging, viewer, messageGroupId, draft, sent);
}

async function resultOf(
  messaging: Messaging,
  viewer: User,
  messageGroupId: string,
  { body }: Draft,
  sent: Sent,
): Promise<CreateMessageResult> {
  if (sent.outcome === 'sent') {
    const message = sent.group.lastMessage;
    return { message, messageGroup: messageGroupOf(sent.group, message.sequence), deduplicated: false };
  }
  if (!sent.record) throw messageOfRetryNotFound();
  if (!isSameBody(sent.record, body)) {
    const message = 'Another message was sent under this clientMessageId.';
    return { userErrors: [{ code: 'CLIENT_MESSAGE_ID_REUSED', message, path: ['input', 'clientMessageId'] }] };
  }
  const stored = await getMessage(messaging.table, messageGroupId, sent.record.sequence);
  // The number of a message that was deleted by hand may have been given to another.
  if (stored?.message.id !== sent.record.messageId) throw messageOfRetryNotFound();
  const end = await findLogEnd(messaging.table, viewer, messageGroupId, { consistent: true });
  // The attempt that sent it may have ended before it did.
  if (end) await applyToOwnSummary(messaging, viewer, end.profile, stored);
  // The first message may have started the group a moment ago.
  const messageGroup = await getMessageGroup(messaging, viewer, messageGroupId, { consistent: true });
  return { message: stored.message, messageGroup, deduplicated: true };
}

function messageOfRetryNotFound(): NotFoundError {
  return new NotFoundError('The message that was sent with this clientMessageId is missing or cannot be read.');
}

/** What separates the parts of a key, and what no program means to send in an id. */
const NOT_IN_IDS = /[#\p{Cc}]/u;

function checkClientMessageId(id: string): string {
  if (id.length < 1 || id.length > MAX_CLIENT_MESSAGE_ID_LENGTH || !id.isWellFormed() || NOT_IN_IDS.test(id)) {
    throw new BadUserInputError(
      `\`clientMessageId\` must have 1 to ${MAX_CLIENT_MESSAGE_ID_LENGTH} characters, none of them # or a control character.`,
    );
  }
  return id;
}
