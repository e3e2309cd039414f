import { setTimeout as delay } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { type Attempt, answerWithError, proxyEngine } from './engine-proxy.ts';

/** What stands between the API and the real engine, and lets everything through until it is told to misbehave. */
export interface MisbehavingEngine {
  readonly endpoint: string;
  /** From now on; undefined to let everything through again. */
  misbehave(how: Misbehaviour | undefined): void;
  /** How many attempts of calls came so far. */
  attempts(): number;
}

/** Answers an attempt in the engine's place; resolves with false to let it through. */
export type Misbehaviour = (attempt: Attempt) => Promise<boolean> | boolean;

const TYPE = { 'content-type': 'application/x-amz-json-1.0' };

/** What an engine on a network can do wrong. Faults of some kinds meet four calls in five: those that never end would end every request alike. */
export const MISBEHAVIOURS: Readonly<Record<string, Misbehaviour>> = {
  'answers 2 s late': async () => {
    await delay(2_000);
    return false;
  },
  'resets connections': ({ incoming }) => {
    incoming.socket.destroy();
    return true;
  },
  'does not answer at all': () => true,
  'answers with faults of its own': ({ outgoing }) => answerWithError(outgoing, 500, 'InternalServerError'),
  'throttles four calls in five': ({ outgoing }) =>
    Math.random() < 0.8 && answerWithError(outgoing, 400, 'ProvisionedThroughputExceededException'),
  'has other transactions in the way': ({ operation, body, outgoing }) =>
    operation === 'TransactWriteItems' &&
    Math.random() < 0.8 &&
    answerWithError(outgoing, 400, 'TransactionCanceledException', {
      CancellationReasons: JSON.parse(body).TransactItems.map(() => ({ Code: 'TransactionConflict' })),
    }),
  'leaves keys unprocessed': ({ operation, body, outgoing }) => {
    if (operation !== 'BatchGetItem') return false;
    outgoing
      .writeHead(200, TYPE)
      .end(JSON.stringify({ Responses: {}, UnprocessedKeys: JSON.parse(body).RequestItems }));
    return true;
  },
};

export async function aMisbehavingEngine(): Promise<MisbehavingEngine> {
  let misbehaviour: Misbehaviour | undefined;
  let attempts = 0;
  const endpoint = await proxyEngine(async (attempt) => {
    attempts += 1;
    return (await misbehaviour?.(attempt)) ?? false;
  });
  return {
    endpoint,
    misbehave: (how) => {
      misbehaviour = how;
    },
    attempts: () => attempts,
  };
}

/** Holds the engine's answers back from now on, until they are let go or the test is over. */
export function holdAnswers(engine: MisbehavingEngine): HeldAnswers {
  const held: (() => void)[] = [];
  engine.misbehave(async () => {
    await new Promise<void>((resolve) => {
      held.push(resolve);
    });
    return false;
  });
  const letGo = () => {
    engine.misbehave(undefined);
    for (const answer of held) answer();
  };
  onTestFinished(letGo);
  return { count: () => held.length, letGo };
}

export interface HeldAnswers {
  /** How many calls wait for their answer. */
  count(): number;
  letGo(): void;
}
