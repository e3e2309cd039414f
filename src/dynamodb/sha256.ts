import { createHmac, hash } from 'node:crypto';
import type { Checksum, SourceData } from '@smithy/types';

/**
 * SHA-256 for the SDK's signer, in one go: what the SDK brings opens a digest, copies it and closes it, for each of the four that a
 * signature takes.
 */
export class Sha256 implements Checksum {
  readonly #secret: Buffer | undefined;
  #parts: Buffer[] = [];

  constructor(secret?: SourceData) {
    this.#secret = secret === undefined ? undefined : bytesOf(secret);
  }

  update(data: Uint8Array): void {
    this.#parts.push(bytesOf(data));
  }

  async digest(): Promise<Uint8Array> {
    const [first = Buffer.alloc(0), ...more] = this.#parts;
    const data = more.length === 0 ? first : Buffer.concat(this.#parts);
    return this.#secret ? createHmac('sha256', this.#secret).update(data).digest() : hash('sha256', data, 'buffer');
  }

  reset(): void {
    this.#parts = [];
  }
}

function bytesOf(data: SourceData): Buffer {
  if (typeof data === 'string') return Buffer.from(data);
  return ArrayBuffer.isView(data) ? Buffer.from(data.buffer, data.byteOffset, data.byteLength) : Buffer.from(data);
}
