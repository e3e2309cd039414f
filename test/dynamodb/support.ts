import { onTestFinished, vi } from 'vitest';
import { type DynamoDb, type DynamoDbOptions, openDynamoDb } from '../../src/dynamodb/client.ts';
import { pooledHttp } from '../../src/dynamodb/http.ts';
import { type Attempt, answerWithError, proxyEngine } from '../support/engine-proxy.ts';

export const REGION = 'eu-central-1';

export const QUERY = {
  TableName: 'messages',
  KeyConditionExpression: 'pk = :pk',
  ExpressionAttributeValues: { ':pk': { S: 'Zoë 💬' } },
};

export const OUTPUT = { Items: [{ pk: { S: 'Zoë 💬' }, sequence: { N: '1' } }], Count: 1 };

const TYPE = { 'content-type': 'application/x-amz-json-1.0' };
const TEXT = JSON.stringify(OUTPUT);

/** Answers an attempt in DynamoDB's place. */
export type Answer = (attempt: Attempt) => void;

export const succeed: Answer = ({ outgoing }) => void outgoing.writeHead(200, TYPE).end(TEXT);

/** Answers with an exception of DynamoDB. */
export function fail(name: string, status = 400, more: object = {}): Answer {
  return ({ outgoing }) => void answerWithError(outgoing, status, name, more);
}

/** Answers with any status and body. */
export function reply(status: number, body = '', headers: Record<string, string> = {}): Answer {
  return ({ outgoing }) => void outgoing.writeHead(status, { ...TYPE, ...headers }).end(body);
}

/** Replies that do not end, or end too late. */
export const SILENCE: Readonly<Record<string, Answer>> = {
  'no reply': () => {},
  'half a reply': ({ outgoing }) => void outgoing.writeHead(200, TYPE).write(TEXT.slice(0, 20)),
  'a blank every 50 ms': ({ outgoing }) => {
    outgoing.writeHead(200, TYPE);
    const timer = setInterval(() => outgoing.write(' '), 50);
    outgoing.on('close', () => clearInterval(timer));
  },
};

/** Replies that are cut off. */
export const CUT_OFF: Readonly<Record<string, Answer>> = {
  'before its length is reached': ({ outgoing }) => {
    outgoing.writeHead(200, { ...TYPE, 'content-length': Buffer.byteLength(TEXT) });
    outgoing.write(TEXT.slice(0, 20), () => outgoing.destroy());
  },
  'between two chunks': ({ outgoing }) => {
    outgoing.writeHead(200, TYPE).write(TEXT.slice(0, 20), () => outgoing.destroy());
  },
  'without a length': ({ incoming }) => {
    incoming.socket.end(`HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n${TEXT.slice(0, 20)}`);
  },
  'before it begins': ({ incoming }) => void incoming.socket.resetAndDestroy(),
};

/** A server in DynamoDB's place. */
export interface ScriptedEngine {
  readonly endpoint: string;
  readonly attempts: Attempt[];
  /** Answers all attempts like this from now on. */
  answer(answer: Answer): void;
}

export async function scriptedEngine(first: Answer = succeed): Promise<ScriptedEngine> {
  const attempts: Attempt[] = [];
  let current = first;
  const endpoint = await proxyEngine((attempt) => {
    attempts.push(attempt);
    current(attempt);
    return true;
  });
  return {
    endpoint,
    attempts,
    answer: (answer) => {
      current = answer;
    },
  };
}

/** Both HTTP clients, for tests that hold for each. */
export const HTTP_CLIENTS: readonly [string, () => Pick<DynamoDbOptions, 'requestHandler'>][] = [
  ['Node’s HTTP client', () => ({})],
  ['pooledHttp', () => ({ requestHandler: pooledHttp() })],
];

export function aDynamoDb(options: Partial<DynamoDbOptions> = {}): DynamoDb {
  const dynamodb = openDynamoDb({ region: REGION, ...options });
  onTestFinished(() => dynamodb.client.config.requestHandler.destroy?.());
  return dynamodb;
}

/** Makes a client whose calls take the fast path. */
export async function aWarmDynamoDb(engine: ScriptedEngine, options: Partial<DynamoDbOptions> = {}): Promise<DynamoDb> {
  const dynamodb = aDynamoDb({ endpoint: engine.endpoint, ...options });
  await dynamodb.call('Query', QUERY);
  engine.attempts.length = 0;
  return dynamodb;
}

/** Whether an attempt came by the fast path: the SDK gives its own attempts an id. */
export function isFast({ incoming }: Attempt): boolean {
  return incoming.headers['amz-sdk-invocation-id'] === undefined;
}

/** The time of an attempt's signature. */
export function signedAt({ incoming }: Attempt): number {
  return Date.parse(String(incoming.headers['x-amz-date']).replace(/(....)(..)(..T..)(..)(..Z)/, '$1-$2-$3:$4:$5'));
}

/** The error that a call ends with. */
export function errorOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** The settings of the machine, from which the SDK takes its own, are out of the way until the test is over. */
export function stubSettings(settings: Record<string, string | undefined> = {}): void {
  const all = {
    AWS_ACCESS_KEY_ID: 'AKIATEST',
    AWS_SECRET_ACCESS_KEY: 'any',
    AWS_SESSION_TOKEN: 'any-session',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONTAINER_CREDENTIALS_FULL_URI: undefined,
    AWS_PROFILE: undefined,
    AWS_ENDPOINT_URL: undefined,
    AWS_ENDPOINT_URL_DYNAMODB: undefined,
    ...settings,
  };
  for (const [name, value] of Object.entries(all)) vi.stubEnv(name, value);
  onTestFinished(() => void vi.unstubAllEnvs());
}

/** The SDK waits a random time before each retry; now it does not. */
export function retryAtOnce(): void {
  const random = vi.spyOn(Math, 'random').mockReturnValue(0);
  onTestFinished(() => random.mockRestore());
}
