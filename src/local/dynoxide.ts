import { access, constants } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';
import { LocalStackError } from './errors.ts';

const require = createRequire(import.meta.url);

/**
 * The path of Dynoxide's binary: that of the optional npm package, or else one on the PATH.
 *
 * @throws LocalStackError when there is neither
 */
export async function findDynoxide(path: string): Promise<string> {
  const candidates = [
    ...packaged(),
    ...path
      .split(delimiter)
      .filter(Boolean)
      .map((folder) => join(folder, 'dynoxide')),
  ];
  for (const candidate of candidates) {
    if (await isExecutable(candidate)) return candidate;
  }
  throw new LocalStackError(
    `There is no Dynoxide for ${process.platform}-${process.arch} among the npm packages and no "dynoxide" on the PATH: start DynamoDB Local (docker compose up dynamodb) and set DYNAMODB_ENDPOINT=http://127.0.0.1:8000.`,
  );
}

function packaged(): string[] {
  try {
    return [join(require.resolve(`@dynoxide/${process.platform}-${process.arch}/package.json`), '..', 'dynoxide')];
  } catch {
    return [];
  }
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
