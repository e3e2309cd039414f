import type { WireItem } from '../dynamodb/attribute-values.ts';
import type { Message } from '../model.ts';
import { MalformedItemError, parseMessage } from './items.ts';
import { isMessageKey, messageGroupIdOf } from './keys.ts';

/** A message as it comes from the table's stream. */
export interface LoggedMessage {
  readonly messageGroupId: string;
  readonly message: Message;
}

/**
 * The message that an image of the table's stream shows; undefined when it is of another kind of item.
 *
 * @throws MalformedItemError when its key is a message's, and the rest is not
 */
export function messageOfImage(image: WireItem): LoggedMessage | undefined {
  const { pk, sk } = { pk: image['pk']?.S, sk: image['sk']?.S };
  if (pk === undefined || sk === undefined) throw new MalformedItemError('The image has no keys');
  if (!isMessageKey({ pk, sk })) return undefined;
  return { messageGroupId: messageGroupIdOf(pk), message: parseMessage(image) };
}
