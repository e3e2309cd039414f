import { NotFoundError } from '../errors.ts';
import type { MessageGroup, User, UserError } from '../model.ts';
import { advanceReadSequence } from '../table/summaries.ts';
import { accessMessageGroup, messageGroupNotFound } from './access.ts';
import { messageGroupOf } from './get-message-group.ts';
import type { Messaging } from './messaging.ts';
import { readSequenceOf } from './read-sequence.ts';

export type MarkMessageGroupReadErrorCode = 'MESSAGE_GROUP_NOT_FOUND' | 'SEQUENCE_OUT_OF_RANGE';

export interface MarkMessageGroupReadInput {
  readonly messageGroupId: string;
  readonly sequence: number;
}

export type MarkMessageGroupReadResult =
  | { readonly messageGroup: MessageGroup }
  | { readonly userErrors: readonly UserError<MarkMessageGroupReadErrorCode>[] };

/** Moves the viewer's `readSequence` of a group forward, never back and not past its newest message. */
export async function markMessageGroupRead(
  { table }: Messaging,
  viewer: User,
  { messageGroupId, sequence }: MarkMessageGroupReadInput,
): Promise<MarkMessageGroupReadResult> {
  try {
    let group = await accessMessageGroup(table, viewer, messageGroupId);
    if (sequence > group.lastSequence) {
      // The reader may have seen a message that this read was too early for.
      group = await accessMessageGroup(table, viewer, messageGroupId, { consistent: true });
    }
    if (sequence < 0 || sequence > group.lastSequence) return outOfRange(group.lastSequence);
    const readSequence = await advanceReadSequence(table, viewer.id, messageGroupId, sequence);
    if (readSequence === undefined) throw messageGroupNotFound();
    return { messageGroup: messageGroupOf(group, readSequenceOf(viewer, readSequence, group.lastMessage)) };
  } catch (error) {
    if (error instanceof NotFoundError) return notFound(error.message);
    throw error;
  }
}

function outOfRange(newest: number): MarkMessageGroupReadResult {
  return {
    userErrors: [
      { code: 'SEQUENCE_OUT_OF_RANGE', message: `The sequence must be 0 to ${newest}.`, path: ['input', 'sequence'] },
    ],
  };
}

function notFound(message: string): MarkMessageGroupReadResult {
  return { userErrors: [{ code: 'MESSAGE_GROUP_NOT_FOUND', message, path: ['input', 'messageGroupId'] }] };
}
