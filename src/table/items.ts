import * as z from 'zod';
import type { Message, MessageGroupProfile } from '../model.ts';
import { activityKey, messageGroupIdOf, messageKey, profileKey, sentBeforeKey, summaryKey } from './keys.ts';
import { fromWire, type WireItem } from './wire.ts';

/** What is read from the table is parsed, never cast: an item of another shape is an error, not a surprise. */

const sequence = z.int().positive();
const memberIds = z.array(z.uuid()).min(2);
const instant = z.iso.datetime({ precision: 3 });

const message = z.object({
  id: z.uuid(),
  sequence,
  senderId: z.uuid(),
  body: z.string(),
  createdAt: instant,
  clientMessageId: z.string().exactOptional(),
});

const profile = z
  .object({
    pk: z.string(),
    kind: z.enum(['DIRECT', 'GROUP']),
    memberIds,
    createdAt: instant,
  })
  .transform(({ pk, ...held }) => ({ id: messageGroupIdOf(pk), ...held }));

const summary = z
  .object({
    sk: z.string(),
    memberIds,
    lastMessage: message,
    lastSequence: sequence,
    readSequence: z.int().nonnegative(),
  })
  .transform(({ sk, ...held }) => ({ messageGroupId: messageGroupIdOf(sk), ...held }));

const sentBefore = z.object({
  messageId: z.uuid(),
  sequence,
  bodyHash: z.string(),
  /** Seconds since 1970, as DynamoDB's time to live wants it. */
  expiresAt: z.int().positive(),
});

/** A member's view of a group. `readSequence` may be ahead of `lastSequence`: a reader can be faster than the worker. */
export type Summary = z.infer<typeof summary>;

/** That a sender used a `clientMessageId`, and for what. */
export type SentBefore = z.infer<typeof sentBefore>;

/** Thrown for an item that is not what its key says: a fault of ours, or of whoever wrote the item by hand. */
export class MalformedItemError extends Error {
  override readonly name = 'MalformedItemError';
}

function parser<Held>(kind: string, schema: z.ZodType<Held>): (item: WireItem | undefined) => Held {
  return (item) => {
    const plain = item && fromWire(item);
    const parsed = schema.safeParse(plain);
    if (parsed.success) return parsed.data;
    const { pk, sk } = plain ?? {};
    throw new MalformedItemError(
      `The item ${String(pk)} ${String(sk)} is no ${kind}: ${z.prettifyError(parsed.error)}`,
    );
  };
}

export const parseMessage: (item: WireItem | undefined) => Message = parser('message', message);
export const parseProfile: (item: WireItem | undefined) => MessageGroupProfile = parser('profile', profile);
export const parseSummary: (item: WireItem | undefined) => Summary = parser('summary', summary);
export const parseSentBefore: (item: WireItem | undefined) => SentBefore = parser('sent-before record', sentBefore);

export function messageItem(messageGroupId: string, message: Message) {
  return { ...messageKey(messageGroupId, message.sequence), ...message };
}

export function profileItem({ id, ...held }: MessageGroupProfile) {
  return { ...profileKey(id), ...held };
}

export function summaryItem(userId: string, { messageGroupId, ...held }: Summary) {
  return {
    ...summaryKey(userId, messageGroupId),
    activityKey: activityKey(held.lastMessage.createdAt, messageGroupId),
    ...held,
  };
}

export function sentBeforeItem(messageGroupId: string, senderId: string, clientMessageId: string, record: SentBefore) {
  return { ...sentBeforeKey(messageGroupId, senderId, clientMessageId), ...record };
}
