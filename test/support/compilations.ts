import { onTestFinished, vi } from 'vitest';

/** Counts the queries that graphql-jit compiles during this test, each of which makes a function of text. @returns how many so far */
export function countCompilations(): () => number {
  let compilations = 0;
  const counting: ProxyHandler<FunctionConstructor> = {
    construct: (target, args, newTarget) => {
      if (String(args[0]).startsWith('return function query (__context')) compilations += 1;
      return Reflect.construct(target, args, newTarget);
    },
  };
  vi.stubGlobal('Function', new Proxy(Function, counting));
  onTestFinished(() => void vi.unstubAllGlobals());
  return () => compilations;
}
