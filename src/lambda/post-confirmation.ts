import { readPostConfirmationConfig } from '../config/post-confirmation.ts';
import { openLog } from '../log.ts';
import { openPool } from '../users/pool.ts';
import { createPostConfirmation } from './sign-ups.ts';

/** Amazon Cognito's post-confirmation trigger: who signed up gets a row of the directory. */
const config = readPostConfirmationConfig(process.env);
const log = openLog(config.logLevel);
const pool = openPool({ ...config.directory, onIdleError: (err) => log.warn({ err }, 'directory connection lost') });
export const handler = createPostConfirmation(pool, log);
