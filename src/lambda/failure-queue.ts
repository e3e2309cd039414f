import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { DeadLetter } from '../stream/dead-letters.ts';

/** Opens the queue of dead letters. A message is a dead letter in JSON: keys and the reason, and no text that a person wrote. */
export function openFailureQueue(region: string, queueUrl: string): (letter: DeadLetter) => Promise<void> {
  const client = new SQSClient({ region });
  return async (letter) => {
    await client.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: JSON.stringify(letter) }));
  };
}
