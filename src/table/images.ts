import type { WireItem } from '../dynamodb/attribute-values.ts';
import { MalformedItemError, parseStoredMessage, type StoredMessage } from './items.ts';
import { isMessageKey, messageGroupIdOf } from './keys.ts';

/** A message as it comes from the table's stream. */
export interface LoggedMessage extends StoredMessage {
  readonly messageGroupId: string;
}

/**
 * Reads the message of an image of the table's stream. Returns undefined for an image of another kind of item.
 *
 * @throws MalformedItemError if the key is a message's, and the message cannot be read
 */
export function messageOfImage(image: WireItem): LoggedMessage | undefined {
  const { pk, sk } = { pk: image['pk']?.S, sk: image['sk']?.S };
  if (pk === undefined || sk === undefined) throw new MalformedItemError('of the image', 'without a key');
  if (!isMessageKey({ pk, sk })) return undefined;
  return { messageGroupId: messageGroupIdOf(pk), ...parseStoredMessage(image) };
}
