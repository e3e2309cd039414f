import { onTestFinished, vi } from 'vitest';

/**
 * Counts the queries that graphql-jit compiles during this test, each of which makes a function of text.
 *
 * @param slowByMs the milliseconds that each takes longer, so that the result does not depend on the machine's speed
 * @returns how many so far
 */
export function countCompilations(slowByMs = 0): () => number {
  let compilations = 0;
  const counting: ProxyHandler<FunctionConstructor> = {
    construct: (target, args, newTarget) => {
      if (String(args[0]).startsWith('return function query (__context')) {
        compilations += 1;
        const start = performance.now();
        while (performance.now() - start < slowByMs);
      }
      return Reflect.construct(target, args, newTarget);
    },
  };
  vi.stubGlobal('Function', new Proxy(Function, counting));
  onTestFinished(() => void vi.unstubAllGlobals());
  return () => compilations;
}
