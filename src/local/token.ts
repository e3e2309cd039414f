import type { LocalConfig } from '../config/local.ts';
import { openPool } from '../users/pool.ts';
import { findSubject } from '../users/subjects.ts';
import { localAddresses } from './addresses.ts';
import { LocalStackError } from './errors.ts';
import { readSigningKey, signToken } from './issuer.ts';

/**
 * An access token of a local person, while the local stack runs.
 *
 * @throws LocalStackError when it does not run, or nobody has the handle
 */
export async function localToken(config: LocalConfig, handle: string): Promise<string> {
  const { databaseUrl, issuerUrl } = localAddresses(config);
  const key = await readSigningKey(config.directory);
  if (!key) throw new LocalStackError(`There is no key in ${config.directory}: run npm start first.`);
  const subject = await subjectOf(databaseUrl, handle);
  if (!subject)
    throw new LocalStackError(`Nobody in the directory has the handle ${handle}, or the person has no identity yet.`);
  return signToken(key, issuerUrl, subject, handle);
}

async function subjectOf(databaseUrl: string, handle: string): Promise<string | undefined> {
  const pool = openPool({ url: databaseUrl, poolSize: 1, onIdleError: () => {} });
  try {
    return await findSubject(pool, handle);
  } catch (cause) {
    throw new LocalStackError('The directory does not answer: is npm start running, with the same PORT?', { cause });
  } finally {
    await pool.end();
  }
}
