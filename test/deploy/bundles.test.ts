import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { HttpApiReply } from '../../src/lambda/http-api.ts';
import { getSummary } from '../../src/table/summaries.ts';
import { openPool } from '../../src/users/pool.ts';
import { awsCredentials } from '../logs/collect.ts';
import { invoke, startPlain } from '../support/bundled.ts';
import { dynamodbEndpoint } from '../support/dynamodb.ts';
import { freePort } from '../support/engines.ts';
import { groupIdOf, sendAs, users } from '../support/groups.ts';
import { httpApiEvent } from '../support/http-api.ts';
import { issuerVariables, startIssuer, type TestIssuer } from '../support/issuer.ts';
import { MESSAGES } from '../support/operations.ts';
import { addPeople, type Person } from '../support/people.ts';
import { aNewcomer, signUpEvent } from '../support/sign-ups.ts';
import { deployedStack } from '../support/stack-template.ts';
import { asLambdaRecords, streamArnOf, streamRecords } from '../support/stream.ts';
import { setSummary } from '../support/summaries.ts';
import { aTable, testRegion } from '../support/table.ts';
import { useCheckpoints } from '../support/worker.ts';

const { folder, sizes } = inject('bundles');
let pool: pg.Pool;
let issuer: TestIssuer;

beforeAll(async () => {
  pool = openPool({ url: inject('databaseUrl'), poolSize: 1, onIdleError: () => {} });
  issuer = await startIssuer();
});

afterAll(async () => {
  await pool.end();
  await issuer.stop();
});

/** Tests' engines in the place of AWS. */
function engines(tableName: string): NodeJS.ProcessEnv {
  return {
    ...awsCredentials(),
    AWS_REGION: testRegion(),
    DYNAMODB_ENDPOINT: dynamodbEndpoint(),
    DYNAMODB_TABLE: tableName,
    DATABASE_URL: inject('databaseUrl'),
    DATABASE_POOL_SIZE: '1',
    FAILURE_QUEUE_URL: 'http://127.0.0.1:9/failures',
    ...issuerVariables(issuer),
  };
}

test('no start loads more code than its budget', () => {
  expect(sizes.filter(({ kb, budgetKb }) => kb > budgetKb)).toEqual([]);
});

describe('a function of the template, from its package and under plain Node,', () => {
  const functions = Object.entries(deployedStack().resources).filter(
    ([, { Type }]) => Type === 'AWS::Serverless::Function',
  );

  /** What each is given, and what has to be true of its answer. */
  const events: Record<string, (answerTo: (tableName: string, event: unknown) => Promise<unknown>) => Promise<void>> = {
    ApiFunction: async (answerTo) => {
      const table = await aTable();
      const [ann, ben] = (await addPeople(pool, 2)) as [Person, Person];
      await sendAs(table, [ann, ben], ann, 'hello');
      const event = httpApiEvent(new URL('https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com/graphql'), {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          authorization: `Bearer ${await issuer.token(ben.subject)}`,
        },
        body: JSON.stringify({ query: MESSAGES, variables: { messageGroupId: groupIdOf([ann, ben]), first: 1 } }),
      });

      const reply = (await answerTo(table.name, event)) as HttpApiReply;

      expect(reply).toMatchObject({ statusCode: 200, headers: { 'x-request-id': 'a-request' } });
      expect(JSON.parse(reply.body)).toMatchObject({ data: { messages: { edges: [{ node: { body: 'hello' } }] } } });
    },
    WorkerFunction: async (answerTo) => {
      const table = await aTable();
      await useCheckpoints(table);
      const [ann, ben] = users(2) as [Person, Person];
      await sendAs(table, [ann, ben], ann, 'one');
      await sendAs(table, [ann, ben], ben, 'two');
      const event = { Records: asLambdaRecords(await streamRecords(table), await streamArnOf(table)) };

      const reply = await answerTo(table.name, event);

      expect(reply).toEqual({ batchItemFailures: [] });
      expect(await getSummary(table, ann.id, groupIdOf([ann, ben]))).toMatchObject({ lastSequence: 2 });
    },
    RepairFunction: async (answerTo) => {
      const table = await aTable();
      await useCheckpoints(table);
      const [ann, ben] = users(2) as [Person, Person];
      await sendAs(table, [ann, ben], ann, 'one');
      await setSummary(table, ben.id, groupIdOf([ann, ben]), { lastSequence: 99 });

      const reply = await answerTo(table.name, {});

      expect(reply).toBeNull();
      expect(await getSummary(table, ben.id, groupIdOf([ann, ben]))).toMatchObject({ lastSequence: 1 });
    },
    PostConfirmationFunction: async (answerTo) => {
      const table = await aTable();
      const [sub, handle] = [randomUUID(), `n_${randomBytes(8).toString('hex')}`];
      const event = {
        version: '1',
        region: 'eu-central-1',
        userPoolId: 'eu-central-1_AbCdEfGhI',
        userName: handle,
        callerContext: { awsSdkVersion: 'aws-sdk-unknown-unknown', clientId: '1example23456789' },
        triggerSource: 'PostConfirmation_ConfirmSignUp',
        request: {
          userAttributes: {
            sub,
            'cognito:user_status': 'CONFIRMED',
            email_verified: 'true',
            email: `${handle}@example.com`,
            preferred_username: handle,
          },
        },
        response: {},
      };

      expect(await answerTo(table.name, event)).toEqual(event);

      const { rows } = await pool.query('SELECT handle FROM users WHERE cognito_user_id = $1', [sub]);
      expect(rows).toEqual([{ handle }]);
    },
  };

  test.each(functions)('%s answers an event', async (name, { Properties: { CodeUri: code } }) => {
    const path = /^\.\.\/dist\/(lambda\/[a-z-]+)\/$/.exec(code)?.[1] ?? '';

    await events[name]?.((tableName, event) => invoke(join(folder, path), engines(tableName), event));

    expect.hasAssertions();
  });
});

test('the trigger’s package adds who signs up', async () => {
  const event = signUpEvent(aNewcomer());

  const reply = await invoke(join(folder, 'lambda/post-confirmation'), { DATABASE_URL: inject('databaseUrl') }, event);

  expect(reply).toEqual(event);
  const { rows } = await pool.query('SELECT handle FROM users WHERE cognito_user_id = $1', [
    event.request.userAttributes.sub,
  ]);
  expect(rows).toEqual([{ handle: event.request.userAttributes.preferred_username }]);
});

test('the API’s bundle serves, with the files that it reads, and drains', async () => {
  const table = await aTable();
  const port = await freePort();
  const api = startPlain(folder, ['app/api.js'], { ...engines(table.name), PORT: String(port) });
  expect(await api.message()).toBe('ready');

  const ready = await fetch(`http://127.0.0.1:${port}/health/ready`);
  const sandbox = await fetch(`http://127.0.0.1:${port}/graphql`, { headers: { accept: 'text/html' } });

  expect(ready.status).toBe(200);
  expect(await sandbox.text()).toContain('Sandbox');
  expect(await api.end()).toMatchObject({ code: 0, stderr: '' });
});

test('the worker’s bundle reads the stream, and the commands’ bundle looks at what it did', async () => {
  const table = await aTable();
  await useCheckpoints(table);
  const [ann, ben] = users(2) as [Person, Person];
  await sendAs(table, [ann, ben], ann, 'one');
  await sendAs(table, [ann, ben], ben, 'two');
  const worker = startPlain(folder, ['app/worker.js'], engines(table.name));
  expect(await worker.message()).toBe('ready');

  // It waits a while for summaries that only lag.
  const verify = await startPlain(folder, ['app/cli.js', 'summaries', 'verify'], engines(table.name)).ended;

  expect(verify).toEqual({
    code: 0,
    stdout:
      'message groups: 1, wrong summaries: 0, orphans: 0, orphan logs: 0, gaps in logs: 0, unreadable items: 0, groups that failed: 0\n',
    stderr: '',
  });
  expect(await worker.end()).toMatchObject({ code: 0, stderr: '' });
});
