import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Loaded into a process before its own code: when its parent says anything, it collects its garbage, and says so. */

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

process.on('message', () => {
  collectGarbage();
  process.send?.('collected');
});
