import * as z from 'zod';
import { type DirectoryConfig, directoryVariables } from './engines.ts';
import { present, readAll } from './environment.ts';
import { type LogLevel, logLevel } from './variables.ts';

/** What the trigger of confirmed sign-ups needs to know. */
export interface PostConfirmationConfig {
  readonly logLevel: LogLevel;
  readonly directory: DirectoryConfig;
}

const postConfirmationVariables = z.object({
  LOG_LEVEL: logLevel.default('info'),
  DATABASE_URL: directoryVariables.DATABASE_URL,
});

/**
 * The trigger's configuration. Lambda hands an instance one event at a time: one connection.
 *
 * @throws ConfigError with everything that is wrong
 */
export function readPostConfirmationConfig(environment: NodeJS.ProcessEnv): PostConfirmationConfig {
  const given = readAll(postConfirmationVariables, present(environment));
  return { logLevel: given.LOG_LEVEL, directory: { url: given.DATABASE_URL, poolSize: 1 } };
}
