import { StreamViewType } from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';
import { findStream } from '../../src/stream/client.ts';
import { aTable } from '../support/table.ts';

const ARN = 'arn:aws:dynamodb:us-east-1:123456789012:table/t/stream/2026-03-01T09:30:00.000';

/** A client of a table with this stream. */
function clientOf(StreamViewType: StreamViewType | undefined) {
  const table = {
    LatestStreamArn: ARN,
    CreationDateTime: new Date(1_000),
    ...(StreamViewType && { StreamSpecification: { StreamEnabled: true, StreamViewType } }),
  };
  return { send: async () => ({ Table: table }) } as unknown as Parameters<typeof findStream>[0];
}

test.each([
  [StreamViewType.NEW_IMAGE, true],
  [StreamViewType.NEW_AND_OLD_IMAGES, true],
  [StreamViewType.KEYS_ONLY, false],
  [StreamViewType.OLD_IMAGE, false],
  // Switched off: it is read to its end.
  [undefined, true],
])('a stream of view type %s has new images: %s', async (viewType, hasNewImages) => {
  expect(await findStream(clientOf(viewType), 't')).toEqual({ streamArn: ARN, hasNewImages, tableCreatedAt: 1_000 });
});

test('a table of this project has a stream with new images', async () => {
  const { client, name } = await aTable();

  expect(await findStream(client, name)).toMatchObject({ streamArn: expect.any(String), hasNewImages: true });
});
