import { existsSync } from 'node:fs';

/**
 * The folder of package.json. What is read at run time lies beside it, in the repository as in a build, while the code's own
 * folder differs between the two.
 */
const ROOT = rootOf(new URL('./', import.meta.url));

/** Where a file or folder is that is read at run time, by its path from the project's root. A folder's path ends with a slash. */
export function projectFile(path: string): URL {
  return new URL(path, ROOT);
}

function rootOf(folder: URL): URL {
  if (existsSync(new URL('package.json', folder))) return folder;
  const parent = new URL('../', folder);
  if (parent.href === folder.href) throw new Error(`There is no package.json above ${import.meta.url}`);
  return rootOf(parent);
}
