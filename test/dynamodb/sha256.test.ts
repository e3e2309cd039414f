import { createHash, createHmac } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Sha256 } from '../../src/dynamodb/sha256.ts';

const anyParts = fc.array(fc.uint8Array(), { maxLength: 3 });

test('the digest is that of Node, with a secret and without', async () => {
  await fc.assert(
    fc.asyncProperty(anyParts, fc.oneof(fc.string({ minLength: 1 }), fc.uint8Array()), async (parts, secret) => {
      const [plain, keyed] = [new Sha256(), new Sha256(secret)];
      const [expected, expectedKeyed] = [createHash('sha256'), createHmac('sha256', secret)];
      for (const part of parts) {
        for (const each of [plain, keyed, expected, expectedKeyed]) each.update(part);
      }
      expect(Buffer.from(await plain.digest())).toEqual(expected.digest());
      expect(Buffer.from(await keyed.digest())).toEqual(expectedKeyed.digest());
    }),
  );
});

test('what was reset starts anew', async () => {
  const sha256 = new Sha256();
  sha256.update(Buffer.from('before'));
  sha256.reset();
  sha256.update(Buffer.from('after'));
  expect(Buffer.from(await sha256.digest())).toEqual(createHash('sha256').update('after').digest());
});
