import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { DynamoDBClientResolvedConfig } from '@aws-sdk/client-dynamodb';
import { HttpRequest } from '@smithy/core/protocols';
import { SignatureV4 } from '@smithy/signature-v4';
import { showsAnotherTime } from './clock.ts';
import type { Credentials } from './credentials.ts';
import type { DynamoDbOperation } from './operations.ts';

type Endpoint = Pick<HttpRequest, 'protocol' | 'hostname' | 'port' | 'path'>;

/** The operations that the fast path makes. They can be repeated safely. */
type Read = 'GetItem' | 'Query';

/** How long an attempt may take, in milliseconds. */
const ATTEMPT_MS = 3_000;

/** Binary values, which the SDK decodes. */
const BINARY = /"BS?":/;

/**
 * Reads without the SDK's middleware and schemas, which take most of a call's processor time. Signs with credentials that the SDK has
 * found, for an endpoint that the SDK has resolved, and takes only a complete reply with status 200. It handles no error: whenever there is
 * anything else, the SDK makes the same call and decides.
 */
export class FastPath {
  readonly #config: DynamoDBClientResolvedConfig;
  readonly #credentials: Credentials;
  readonly #signer: SignatureV4;
  #endpoint: Endpoint | undefined;

  constructor(config: DynamoDBClientResolvedConfig, credentials: Credentials) {
    this.#config = config;
    this.#credentials = credentials;
    const { region, sha256 } = config;
    this.#signer = new SignatureV4({
      service: 'dynamodb',
      region,
      credentials: async () => credentials.current() ?? Promise.reject(new Error('The credentials have expired')),
      sha256,
      // The signature covers the body's hash. Nothing reads the hash in a header of its own.
      applyChecksum: false,
    });
  }

  /** Takes the endpoint from a request of the SDK that DynamoDB answered. */
  learnFrom({ protocol, hostname, port, path }: Endpoint): void {
    this.#endpoint = { protocol, hostname, path, ...(port !== undefined && { port }) };
  }

  /** Returns DynamoDB's output; undefined when the SDK must make the call. */
  async read(operation: DynamoDbOperation, input: object, abortSignal: AbortSignal): Promise<object | undefined> {
    if (operation !== 'GetItem' && operation !== 'Query') return undefined;
    if (!this.#endpoint || !this.#credentials.current()) return undefined;
    try {
      return await this.#attempt(this.#endpoint, operation, input, abortSignal);
    } catch {
      return undefined;
    }
  }

  async #attempt(endpoint: Endpoint, operation: Read, input: object, abortSignal: AbortSignal) {
    const { hostname, port } = endpoint;
    const request = new HttpRequest({
      ...endpoint,
      method: 'POST',
      headers: {
        host: port === undefined ? hostname : `${hostname}:${port}`,
        'content-type': 'application/x-amz-json-1.0',
        'x-amz-target': `DynamoDB_20120810.${operation}`,
      },
      body: JSON.stringify(input),
    });
    const signingDate = new Date(Date.now() + this.#config.systemClockOffset);
    const signed = await this.#signer.sign(request, { signingDate });
    const { response } = await this.#config.requestHandler.handle(signed, { requestTimeout: ATTEMPT_MS, abortSignal });
    const reply = await textOf(response.body);
    if (response.statusCode !== 200 || showsAnotherTime(response.headers, this.#config) || BINARY.test(reply))
      return undefined;
    const output = JSON.parse(reply);
    return isOutput(operation, output) ? output : undefined;
  }
}

/** Reads a reply that is collected already, or comes as a stream. */
async function textOf(body: Buffer | Readable): Promise<string> {
  return Buffer.isBuffer(body) ? body.toString() : text(body);
}

function isOutput(operation: Read, output: unknown): boolean {
  if (!isObject(output)) return false;
  const { Items, Item } = output;
  return operation === 'Query' ? Array.isArray(Items) && Items.every(isObject) : Item === undefined || isObject(Item);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
