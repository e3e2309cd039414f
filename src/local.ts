import { once } from 'node:events';
import pretty from 'pino-pretty';
import { ConfigError } from './config/environment.ts';
import { readLocalConfig } from './config/local.ts';
import { LocalStackError } from './local/errors.ts';
import { LOCAL_HANDLE, type LocalStack, startStack, stopStack, type Undo } from './local/stack.ts';

/** What `npm start` runs: engines, seed and API on this machine, until Ctrl-C. */

// The SDK's word on coming versions of Node is for whoever deploys.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';

const undo: Undo = [];
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort());

process.exitCode = await run();
// Nothing that is left open keeps a stopped stack running.
process.exit();

async function run(): Promise<number> {
  try {
    const stack = await startStack(readLocalConfig(process.env), undo, showLog, stop.signal);
    process.stdout.write(greeting(stack));
    const problem = await Promise.race([stack.broken, once(stop.signal, 'abort').then(() => undefined)]);
    if (problem) throw new LocalStackError(problem);
  } catch (error) {
    if (!stop.signal.aborted) {
      const known = error instanceof ConfigError || error instanceof LocalStackError;
      process.stderr.write(`\n${known ? error.message : (error as Error).stack}\n`);
      return 1;
    }
  } finally {
    if (stop.signal.aborted) process.stdout.write('\nStopping.\n');
    await stopStack(undo);
  }
  return 0;
}

function showLog(output: NodeJS.ReadableStream): void {
  output.pipe(
    pretty({ colorize: process.stdout.isTTY, singleLine: true, translateTime: 'HH:MM:ss.l', ignore: 'requestId' }),
  );
}

function greeting({ addresses: { graphqlUrl }, token, messageGroupId }: LocalStack): string {
  const query = `{ messages(messageGroupId: "${messageGroupId}", first: 5) { edges { node { sequence sender { displayName } body createdAt } } } }`;
  return `
cruddur-messages is ready: ${graphqlUrl}

  In a browser that address is Apollo Sandbox, signed in as ${LOCAL_HANDLE}.
  In a shell, read a conversation:

curl -s ${graphqlUrl} -H 'content-type: application/json' -H 'authorization: Bearer ${token}' -d '${JSON.stringify({ query })}'

  A token of somebody else: npm run --silent token -- bayko
  To stop: Ctrl-C

`;
}
