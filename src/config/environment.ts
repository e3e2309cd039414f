import type * as z from 'zod';

/** Everything that is wrong with the environment, in one message. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(problems: readonly string[]) {
    super(['The configuration is wrong (see .env.example):', ...problems.map((problem) => `  ${problem}`)].join('\n'));
  }
}

/** The variables that have a value: an empty one counts as absent. */
export function present(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([, value]) => value?.trim()));
}

/** Reads variables, and adds what is wrong with them to the problems. */
export function read<Variables extends z.ZodObject>(
  variables: Variables,
  given: NodeJS.ProcessEnv,
  problems: string[],
): z.infer<Variables> | undefined {
  const parsed = variables.safeParse(given);
  if (parsed.success) return parsed.data;
  problems.push(...parsed.error.issues.map(({ path, message }) => `${String(path[0])} ${message}`));
  return undefined;
}

/**
 * Reads variables.
 *
 * @throws ConfigError with everything that is wrong
 */
export function readAll<Variables extends z.ZodObject>(
  variables: Variables,
  given: NodeJS.ProcessEnv,
): z.infer<Variables> {
  const problems: string[] = [];
  const found = read(variables, given, problems);
  if (!found) throw new ConfigError(problems);
  return found;
}
