import { afterAll, beforeAll } from 'vitest';
import { dynamodbEngine } from './engines.ts';

let engine: Awaited<ReturnType<typeof dynamodbEngine>> | undefined;

/** Gives a test file an engine of its own, because a write takes the longer, the more records the streams of an engine hold. */
export function useDynamoDb(): void {
  beforeAll(async () => {
    engine = await dynamodbEngine(process.env['TEST_DYNAMODB_ENDPOINT']);
  });
  afterAll(async () => {
    await engine?.stop();
    engine = undefined;
  });
}

/** Returns the address of the test file's engine. */
export function dynamodbEndpoint(): string {
  if (!engine) throw new Error('The engine runs while a test does');
  return engine.endpoint;
}
