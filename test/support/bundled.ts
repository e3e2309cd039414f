import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { onTestFinished } from 'vitest';
import { keepLines } from '../logs/collect.ts';

/** What a process under plain Node says, in a folder with nothing of this project but what was built into it. */
export interface PlainProcess {
  readonly child: ChildProcess;
  /** The next message that it sends. */
  message(): Promise<unknown>;
  /** Asks it to end. @returns its exit code, and what it wrote */
  end(): Promise<Ended>;
  /** Waits for its end. */
  readonly ended: Promise<Ended>;
}

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts Node; the process is ended when the test is over. It gets no variable but these. */
export function startPlain(folder: string, args: readonly string[], environment: NodeJS.ProcessEnv): PlainProcess {
  const child = spawn(process.execPath, args, {
    cwd: folder,
    env: { ...environment, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  if (!child.stdout || !child.stderr) throw new Error('Its output is piped');
  const written = Promise.all([text(child.stdout), text(child.stderr)]);
  const ended = once(child, 'exit').then(async ([code]): Promise<Ended> => {
    const [stdout, stderr] = await written;
    // What a command shows may have people's messages in it.
    keepLines(args.includes('app/cli.js') ? 'output' : 'log', stdout);
    keepLines('log', stderr);
    return { code, stdout, stderr };
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return {
    child,
    ended,
    message: async () => {
      const failed = ended.then(({ stderr }) => {
        throw new Error(`It ended instead:\n${stderr}`);
      });
      failed.catch(() => {});
      const [message] = await Promise.race([once(child, 'message'), failed]);
      return message;
    },
    end: () => {
      child.kill('SIGTERM');
      return ended;
    },
  };
}

/** As the runtime of Lambda does it: loads the function's module, and gives its handler an event. */
export async function invoke(folder: string, environment: NodeJS.ProcessEnv, event: unknown): Promise<unknown> {
  const module = pathToFileURL(`${folder}/index.mjs`);
  const runtime = `import { handler } from '${module}';
    const context = { awsRequestId: 'a-request', getRemainingTimeInMillis: () => 600_000 };
    process.once('message', async (event) => process.send((await handler(event, context)) ?? null));
    process.send('ready');`;
  const process = startPlain(folder, ['--input-type=module', '--eval', runtime], environment);
  await process.message();
  process.child.send(event as object);
  return process.message();
}
