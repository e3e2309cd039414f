import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { expect, inject, onTestFinished, test, vi } from 'vitest';
import { UnavailableError } from '../src/errors.ts';
import { type Log, openLog } from '../src/log.ts';
import { openPool } from '../src/users/pool.ts';
import { keepLines } from './logs/collect.ts';

function aLog(): { log: Log; lines: string[] } {
  const lines: string[] = [];
  const log = openLog('info', {
    write: (line) => {
      lines.push(line);
      keepLines('log', line);
    },
  });
  return { log, lines };
}

function errorIn(line: string | undefined): Record<string, unknown> {
  return JSON.parse(line ?? '{}').err;
}

test('an error is logged with its kind, code, cause and stack, and what the service says of the call', () => {
  const { log, lines } = aLog();
  const cause = new ConditionalCheckFailedException({
    message: 'The conditional request failed',
    $metadata: { httpStatusCode: 400, requestId: 'a-request', attempts: 1 },
  });

  log.warn({ err: new UnavailableError('The store does not answer.', { cause }) }, 'a part does not answer');
  log.warn({ err: cause }, 'refused');
  log.warn({ err: Object.assign(new Error('no'), { code: 'ECONNREFUSED' }) }, 'not there');

  const [outer, refused, absent] = lines.map(errorIn);
  expect(outer).toMatchObject({
    type: 'UnavailableError',
    message: 'The store does not answer.: The conditional request failed',
    stack: expect.stringContaining('caused by: ConditionalCheckFailedException'),
  });
  expect(refused).toMatchObject({ type: 'ConditionalCheckFailedException', $metadata: { requestId: 'a-request' } });
  expect(absent).toMatchObject({ type: 'Error', message: 'no', code: 'ECONNREFUSED' });
});

test('nothing else that hangs on an error is logged, however deep: items, commands, connections', () => {
  const { log, lines } = aLog();
  const Item = { body: { S: 'a confidential message' } };
  const refused = new ConditionalCheckFailedException({ message: 'no', $metadata: {}, Item });
  const command = Object.assign(new Error('no'), { command: { name: 'auth', args: ['confidential'] } });

  for (const err of [refused, command, new AggregateError([refused, command], 'several')]) log.error({ err }, 'failed');
  log.error(command);
  log.child({ requestId: 'x' }).error({ err: command }, 'failed');

  expect(lines).toHaveLength(5);
  expect(errorIn(lines[2])).toMatchObject({ aggregateErrors: [{ type: refused.name }, { type: 'Error' }] });
  expect(lines.join('')).not.toContain('confidential');
  for (const line of lines) {
    const known = ['type', 'message', 'stack', 'code', '$metadata', 'aggregateErrors'];
    expect(known).toEqual(expect.arrayContaining(Object.keys(errorIn(line))));
  }
});

test('a connection to the directory that is lost is told of in a few words', async () => {
  const { log, lines } = aLog();
  const onIdleError = (err: Error) => log.warn({ err }, 'directory connection lost');
  const pool = openPool({ url: inject('databaseUrl'), poolSize: 1, onIdleError });
  onTestFinished(() => pool.end());
  const client = await pool.connect();
  client.release();

  // The library's type has no connection, and its client one.
  (client as unknown as { connection: { stream: { destroy(error: Error): void } } }).connection.stream.destroy(
    new Error('hung up'),
  );

  await vi.waitFor(() => expect(lines).toHaveLength(1));
  expect(errorIn(lines[0])).toMatchObject({ message: expect.stringMatching(/hung up|terminated/) });
  expect(lines[0]?.length).toBeLessThan(2_000);
  expect(lines[0]).not.toContain('secretKey');
});

test('a process whose output nothing reads goes on, and tells how many lines it dropped', async () => {
  // Ten times what waits for a reader at most.
  const program = `
    import { openLog, droppedLogLines } from ${JSON.stringify(new URL('../src/log.ts', import.meta.url).href)};
    const log = openLog('info');
    for (let line = 0; line < 10_000; line += 1) log.info({ padding: 'x'.repeat(1_000) }, 'a line');
    process.send(droppedLogLines());
    process.on('message', () => {
      log.info('the last line');
      process.disconnect();
    });`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));

  const [dropped] = await once(child, 'message');
  const lines: { msg: string; dropped?: number }[] = [];
  createInterface({ input: child.stdout as Readable }).on('line', (line) => lines.push(JSON.parse(line)));
  await vi.waitFor(() => expect(lines.length + dropped).toBe(10_000));
  child.send('go on');
  await once(child, 'exit');

  expect(dropped).toBeGreaterThan(5_000);
  expect(lines.slice(-2)).toMatchObject([
    { level: 40, msg: 'log lines were dropped because nothing read them', dropped },
    { msg: 'the last line' },
  ]);
});

test('an error of any length is a line of bounded length', () => {
  const { log, lines } = aLog();
  const long = new Error('–'.repeat(50_000), { cause: new Error('·'.repeat(50_000)) });

  log.error({ err: long }, 'failed');
  log.error({ err: new AggregateError(Array(100).fill(long), 'several') }, 'failed');
  log.error({ err: '•'.repeat(50_000) }, 'failed');

  expect(lines[0]?.length).toBeLessThan(10_000);
  expect(lines[1]?.length).toBeLessThan(110_000);
  expect(lines[2]?.length).toBeLessThan(2_000);
  expect(errorIn(lines[0])['stack']).toContain('Error: –––');
});
