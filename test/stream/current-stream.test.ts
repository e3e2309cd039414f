import { randomUUID } from 'node:crypto';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { CheckpointTable } from '../../src/stream/checkpoint-table.ts';
import { noteRead, noteStream } from '../../src/stream/current-stream.ts';
import { aCheckpointTable } from '../support/checkpoint-table.ts';

const HOUR_MS = 3_600_000;

/** Notes a stream. @returns the losses */
async function lossesOf(table: CheckpointTable, streamArn: string): Promise<string[]> {
  const losses: string[] = [];
  await noteStream(table, streamArn, async (reason) => void losses.push(reason));
  return losses;
}

test('records may be lost before the first stream, and before another one', async () => {
  const table = await aCheckpointTable();
  const [first, second] = [randomUUID(), randomUUID()];

  const losses = [];
  for (const each of [first, first, second, second]) losses.push(await lossesOf(table, each));

  expect(losses).toEqual([['no stream of the table was read before'], [], ['the table has another stream'], []]);
});

test('records may be lost from a stream that was not read for 23 hours, however often a worker began to', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const table = await aCheckpointTable();
  const streamArn = randomUUID();
  await lossesOf(table, streamArn);
  const laterBy = (milliseconds: number) => vi.setSystemTime(Date.now() + milliseconds);

  laterBy(22 * HOUR_MS);
  await noteRead(table, streamArn);
  laterBy(22 * HOUR_MS);
  const early = await lossesOf(table, streamArn);
  laterBy(2 * HOUR_MS);
  const late = await lossesOf(table, streamArn);

  expect([early, late]).toEqual([[], ['the stream was not read for 23 hours']]);
});

test('a note that cannot be read counts as none', async () => {
  const table = await aCheckpointTable();
  const Item = { pk: 'STREAM', sk: 'CURRENT', streamArn: 7 };
  await table.client.send(new PutCommand({ TableName: table.name, Item }));
  const streamArn = randomUUID();

  const losses = [await lossesOf(table, streamArn), await lossesOf(table, streamArn)];

  expect(losses).toEqual([['no stream of the table was read before'], []]);
});

test('a loss that cannot be recorded is one again at the next look', async () => {
  const table = await aCheckpointTable();
  const streamArn = randomUUID();

  await expect(noteStream(table, streamArn, () => Promise.reject(new Error('not recorded')))).rejects.toThrow();

  expect(await lossesOf(table, streamArn)).toHaveLength(1);
});
