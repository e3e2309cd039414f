import { setTimeout as delay } from 'node:timers/promises';

/** What came of a request. */
export interface Answer {
  readonly status: number;
  /** The first error's code; undefined where there is none. */
  readonly code: string | undefined;
  readonly startedAt: number;
  readonly durationMs: number;
}

/** Clients that ask again and again. */
export interface Askers {
  /** Every answer so far. */
  readonly answers: readonly Answer[];
  /** Lets each have the answer that it waits for. Rejects when one had none. */
  stop(): Promise<void>;
}

/**
 * Starts them. Each asks once in a period, and at once again where it had to wait for longer; `ask` is given a number that no other request
 * has.
 */
export function startAskers(
  { count, periodMs }: { readonly count: number; readonly periodMs: number },
  ask: (number: number) => Promise<{
    readonly status: number;
    readonly errors?: readonly { readonly extensions: { readonly code: string } }[];
  }>,
): Askers {
  const answers: Answer[] = [];
  let asked = 0;
  let isOver = false;
  const asking = Promise.all(
    Array.from({ length: count }, async () => {
      while (!isOver) {
        asked += 1;
        const startedAt = performance.now();
        const { status, errors } = await ask(asked);
        const durationMs = performance.now() - startedAt;
        answers.push({ status, code: errors?.[0]?.extensions.code, startedAt, durationMs });
        await delay(Math.max(0, periodMs - durationMs));
      }
    }),
  );
  // It is the one who stops them that is told.
  asking.catch(() => {});
  return {
    answers,
    stop: async () => {
      isOver = true;
      await asking;
    },
  };
}
