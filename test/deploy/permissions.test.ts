import { randomUUID } from 'node:crypto';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { expect, inject, onTestFinished, test, vi } from 'vitest';
import { createProgram } from '../../src/commands/program.ts';
import { openTerminal } from '../../src/commands/terminal.ts';
import { composeApi } from '../../src/compose-api.ts';
import { DEFAULT_QUERY_LIMITS } from '../../src/config/query-limits.ts';
import { DEFAULT_RATE_LIMITS } from '../../src/config/rate-limits.ts';
import { createRepairSummaries, createUpdateSummaries, type LambdaEvent } from '../../src/lambda/handlers.ts';
import type { Message, User } from '../../src/model.ts';
import { checkpointTable } from '../../src/stream/checkpoint-table.ts';
import { type DeadLetter, keepDeadLetter, listDeadLetters } from '../../src/stream/dead-letters.ts';
import { listParked, ParkedWork } from '../../src/summaries/parked-work.ts';
import { messageItem } from '../../src/table/items.ts';
import { getSummary } from '../../src/table/summaries.ts';
import { openTable, type Table } from '../../src/table/table.ts';
import { openPool } from '../../src/users/pool.ts';
import { type Access, accessedEngine, permissionsOf } from '../support/access.ts';
import type { Resource } from '../support/cloudformation.ts';
import { runCommand, targetOf } from '../support/command-line.ts';
import { groupIdOf, sendAs, users } from '../support/groups.ts';
import { startIssuer } from '../support/issuer.ts';
import { CREATE_MESSAGE, MESSAGES } from '../support/operations.ts';
import { addPeople, type Person } from '../support/people.ts';
import { deployedStack } from '../support/stack-template.ts';
import { asLambdaRecords, streamArnOf, streamRecords } from '../support/stream.ts';
import { setSummary } from '../support/summaries.ts';
import { aTable, testRegion } from '../support/table.ts';
import { serveUserPool } from '../support/user-pool.ts';
import { startWorker, useCheckpoints } from '../support/worker.ts';

const SILENT = { info: () => {}, warn: () => {} };

/** The time of a function that has all of it. */
const TIME = { getRemainingTimeInMillis: () => 900_000 };

/** What a managed policy, or a role's own policies, permit on the table. */
function permitted({ name }: Table, policyOrRole: string): Access[] {
  const resource = ['lambda', 'container']
    .map((WorkerRunsOn) => deployedStack({ TableName: name, WorkerRunsOn }).resources[policyOrRole])
    .find((each) => each !== undefined);
  if (!resource) throw new Error(`The template has no ${policyOrRole}`);
  return sorted(documentsOf(resource).flatMap(permissionsOf));
}

function documentsOf({ Properties: { PolicyDocument, Policies } }: Resource): Parameters<typeof permissionsOf>[0][] {
  return PolicyDocument ? [PolicyDocument] : Policies.map((policy: Resource['Properties']) => policy.PolicyDocument);
}

function sorted(accesses: Iterable<Access>): Access[] {
  return [...accesses].sort();
}

/** The same table at another address. */
function tableAt({ name }: Table, endpoint: string): Table {
  const table = openTable({ name, region: testRegion(), endpoint });
  onTestFinished(() => table.client.destroy());
  return table;
}

/** A message whose group is nowhere: no try will ever apply it. */
async function anOrphan(table: Table): Promise<Message> {
  const [sender, other] = users(2) as [User, User];
  const message = {
    id: randomUUID(),
    sequence: 1,
    senderId: sender.id,
    body: 'lost',
    createdAt: '2026-03-01T09:30:00.000Z',
  };
  await table.client.send(
    new PutCommand({ TableName: table.name, Item: messageItem(groupIdOf([sender, other]), message) }),
  );
  return message;
}

/** A summary as no worker would have left it. */
async function spoilSummary(table: Table, userId: string, messageGroupId: string): Promise<void> {
  await setSummary(table, userId, messageGroupId, { lastSequence: 99 });
}

test('the API may do what it does, and nothing else', async () => {
  const table = await aTable();
  const { endpoint, accesses } = await accessedEngine(table.name);
  const issuer = await startIssuer();
  const api = await composeApi({
    port: 0,
    host: '127.0.0.1',
    logLevel: 'silent',
    table: { name: table.name, region: testRegion(), endpoint },
    directory: { url: inject('databaseUrl'), poolSize: 1 },
    identity: issuer.identity,
    corsOrigins: [],
    local: false,
    sandboxToken: undefined,
    queryLimits: DEFAULT_QUERY_LIMITS,
    rateLimits: DEFAULT_RATE_LIMITS,
    peopleSearch: true,
    trustedProxies: [],
    overload: undefined,
    shutdownDelayMs: 0,
    metrics: undefined,
    tracesEndpoint: undefined,
  });
  onTestFinished(async () => {
    await api.close();
    await issuer.stop();
  });
  const pool = openPool({ url: inject('databaseUrl'), poolSize: 1, onIdleError: () => {} });
  const [ann, ben] = (await addPeople(pool, 2)) as [Person, Person];
  await pool.end();
  const ask = async (person: Person, query: string, variables: object = {}) => {
    const reply = await api.server.inject({
      method: 'POST',
      url: '/graphql',
      headers: { authorization: `Bearer ${await issuer.token(person.subject)}` },
      payload: { query, variables },
    });
    const { data, errors } = reply.json();
    expect(errors).toBeUndefined();
    return data;
  };

  expect((await api.server.inject('/health/ready')).statusCode).toBe(200);
  const started = await ask(ann, CREATE_MESSAGE, {
    input: { to: { recipientHandles: [ben.handle] }, body: 'one', clientMessageId: 'first' },
  });
  const messageGroupId = started.createMessage.messageGroup.id;
  const newest = (await ask(ann, MESSAGES, { messageGroupId })).messages.pageInfo.startCursor;
  for (const clientMessageId of [undefined, 'third']) {
    await ask(ben, CREATE_MESSAGE, { input: { to: { messageGroupId }, body: 'more', clientMessageId } });
  }
  await ask(ann, MESSAGES, { messageGroupId, last: 1, before: newest });
  await ask(ann, MESSAGES, { messageGroupId, first: 1, after: newest });
  await ask(ann, '{ messageGroups { edges { node { createdAt lastMessage { body } members { handle } } } } }');
  await ask(ann, `{ messageGroup(id: "${messageGroupId}") { unreadCount createdAt } }`);
  await ask(
    ann,
    `mutation { markMessageGroupRead(input: { messageGroupId: "${messageGroupId}", sequence: 3 }) { messageGroup { id } } }`,
  );

  expect(permitted(table, 'ApiPolicy')).toEqual(sorted(accesses));
});

/** The calls that Lambda makes under a function's role, as "Process DynamoDB records with Lambda" in its developer guide has it. */
function byLambda({ name }: Table): Access[] {
  return [
    ...['DescribeStream', 'GetRecords', 'GetShardIterator'].map((action) => `dynamodb:${action} table/${name}/stream`),
    'dynamodb:ListStreams *',
    'sqs:SendMessage FailureQueue.Arn',
    'sqs:SendMessage DiscardedQueue.Arn',
    'logs:CreateLogStream WorkerLogs.Arn',
    'logs:PutLogEvents WorkerLogs.Arn',
  ];
}

test('the worker as a function may do what it and Lambda do, and nothing else', async () => {
  const table = await aTable();
  const { endpoint, accesses } = await accessedEngine(table.name);
  const members = users(2) as [User, User];
  await sendAs(table, members, members[0], 'one');
  await sendAs(table, members, members[1], 'two');
  await anOrphan(table);
  await useCheckpoints(table);
  const event: LambdaEvent = { Records: asLambdaRecords(await streamRecords(table), await streamArnOf(table)) };
  const reached = tableAt(table, endpoint);
  const store = checkpointTable(reached);
  const letters: DeadLetter[] = [];

  const handler = createUpdateSummaries({
    table: reached,
    store,
    log: SILENT,
    sendDeadLetter: async (letter) => void letters.push(letter),
  });
  const { batchItemFailures } = await handler(event, TIME);
  // As it does with a summary that it cannot write for 30 s.
  await new ParkedWork(store, SILENT).park(groupIdOf(members), members[0].id);

  expect([batchItemFailures, letters.length]).toEqual([[], 1]);
  expect(await getSummary(table, members[0].id, groupIdOf(members))).toMatchObject({ lastSequence: 2 });
  expect(permitted(table, 'WorkerRole')).toEqual(sorted([...accesses, ...byLambda(table)]));
});

test('the scheduled repair may do what it does, and nothing else', async () => {
  const table = await aTable();
  await useCheckpoints(table);
  const { endpoint, accesses } = await accessedEngine(table.name);
  const members = users(2) as [User, User];
  const [ann, ben] = members;
  await sendAs(table, members, ann, 'one');
  const right = await getSummary(table, ben.id, groupIdOf(members));
  await spoilSummary(table, ben.id, groupIdOf(members));
  await new ParkedWork(checkpointTable(table), SILENT).park(groupIdOf(members), ann.id);
  const reached = tableAt(table, endpoint);

  await createRepairSummaries({ table: reached, store: checkpointTable(reached), log: SILENT })({}, TIME);

  expect(await getSummary(table, ben.id, groupIdOf(members))).toEqual(right);
  expect(await listParked(checkpointTable(table))).toEqual([]);
  expect(permitted(table, 'RepairRole')).toEqual(
    sorted([
      ...accesses,
      ...['DeleteMessage', 'GetQueueAttributes', 'ReceiveMessage'].map((action) => `sqs:${action} DiscardedQueue.Arn`),
      'logs:CreateLogStream WorkerLogs.Arn',
      'logs:PutLogEvents WorkerLogs.Arn',
    ]),
  );
});

test('the worker in a container may do what it does, and nothing else', async () => {
  const table = await aTable();
  await useCheckpoints(table);
  const { endpoint, accesses } = await accessedEngine(table.name);
  const members = users(2) as [User, User];
  const [ann, ben] = members;
  const messageGroupId = groupIdOf(members);
  await sendAs(table, members, ann, 'one');
  const right = await getSummary(table, ben.id, messageGroupId);
  await spoilSummary(table, ben.id, messageGroupId);
  await anOrphan(table);
  const checkpoints = checkpointTable(table);
  const streamArn = await streamArnOf(table);
  // A shard that vanished before it was read: its records are lost, so the worker rebuilds the summaries and forgets the shard.
  await table.client.send(
    new PutCommand({ TableName: checkpoints.name, Item: { pk: streamArn, sk: 'vanished', term: 1 } }),
  );

  const worker = startWorker(table, 1, { endpoint });

  await vi.waitFor(async () => {
    expect(await getSummary(table, ben.id, messageGroupId)).toEqual(right);
    expect(await listDeadLetters(checkpoints, streamArn)).toHaveLength(1);
    expect(worker.log().map(({ msg }) => msg)).toEqual(expect.arrayContaining(['batch done', 'summaries repaired']));
    expect(accesses).toContain(`dynamodb:DeleteItem table/${checkpoints.name}`);
  }, 20_000);
  expect(await worker.stop()).toBe(0);
  expect(permitted(table, 'ContainerWorkerPolicy')).toEqual(sorted(accesses));
});

/** The commands that look at the table, or at the user pool, and mend what is not as it should be. */
const OPERATORS = (handles: readonly string[]): readonly (readonly string[])[] => [
  ['ddb', 'list-tables'],
  ['ddb', 'scan'],
  ['ddb', 'list-conversations', ...handles.slice(0, 1)],
  ['ddb', 'get-conversation', ...handles],
  ['summaries', 'rebuild'],
  ['summaries', 'verify'],
  ['dead-letters', 'list'],
  ['dead-letters', 'replay'],
  ['users', 'sync-cognito', '--dry-run'],
];

/** Commands for other tables than one that the template made, or for the directory alone. */
const NOT_HERE = /^(ddb (schema-load|seed|drop)|db|users (list|add)|token)\b/;

test('operators may do what their commands do that look at the stores and mend them, and nothing else', async () => {
  const table = await aTable();
  await useCheckpoints(table);
  const pool = openPool({ url: inject('databaseUrl'), poolSize: 1, onIdleError: () => {} });
  const members = (await addPeople(pool, 2)) as [Person, Person];
  await pool.end();
  const [ann, ben] = members;
  await sendAs(table, members, ann, 'one');
  const [checkpoints, streamArn] = [checkpointTable(table), await streamArnOf(table)];
  const records = (await streamRecords(table)).filter(({ dynamodb }) => dynamodb?.Keys?.['sk']?.S?.startsWith('MSG#'));
  await anOrphan(table);
  const orphans = (await streamRecords(table)).slice(-1);
  for (const record of [...records, ...orphans]) {
    const sequenceNumber = record.dynamodb?.SequenceNumber ?? '';
    const keys = record.dynamodb?.Keys;
    const itemKey = { pk: keys?.['pk']?.S ?? '', sk: keys?.['sk']?.S ?? '' };
    const letter = { sequenceNumber, itemKey, reason: 'a test', setAsideAt: '2026-03-01T09:30:00.000Z' };
    await keepDeadLetter(checkpoints, streamArn, letter);
  }
  await spoilSummary(table, ben.id, groupIdOf(members));
  const { endpoint, accesses } = await accessedEngine(table.name);
  const userPool = await serveUserPool(async () => []);
  onTestFinished(userPool.stop);
  const environment = {
    ...targetOf(table),
    DYNAMODB_ENDPOINT: endpoint,
    COGNITO_ENDPOINT: userPool.endpoint,
    COGNITO_USER_POOL_ID: 'eu-central-1_AbCdEfGhI',
  };

  const codes: Record<string, number> = {};
  for (const command of OPERATORS(members.map(({ handle }) => handle))) {
    const { code } = await runCommand(environment, ...command);
    codes[command.slice(0, 2).join(' ')] = code;
  }
  for (const { UserPoolId: id } of userPool.requests) {
    accesses.add(`cognito-idp:ListUsers arn:aws:cognito-idp:eu-central-1:123456789012:userpool/${id}`);
  }

  expect(codes).toEqual({
    'ddb list-tables': 0,
    'ddb scan': 0,
    'ddb list-conversations': 0,
    'ddb get-conversation': 0,
    // The log of a group without a profile stays so.
    'summaries rebuild': 1,
    'summaries verify': 1,
    'dead-letters list': 0,
    'users sync-cognito': 0,
    // One is applied, one is left.
    'dead-letters replay': 1,
  });
  expect(permitted(table, 'OperatorPolicy')).toEqual(sorted(accesses));
});

test('every command either has its permissions, or needs none here', () => {
  const operator = { environment: {}, terminal: openTerminal(process.stdout, process.stderr), foundWrong: () => {} };
  const program = createProgram(operator, async () => '');

  const commands = program.commands.flatMap((area) =>
    area.commands.length === 0 ? [area.name()] : area.commands.map((command) => `${area.name()} ${command.name()}`),
  );

  const tried = OPERATORS(['one', 'two']).map((command) => command.slice(0, 2).join(' '));
  expect(sorted(commands.filter((command) => !NOT_HERE.test(command)))).toEqual(sorted(tried));
});

/** Actions for which there is no resource to name, or none that is known beforehand. */
const ON_EVERYTHING = [
  'dynamodb:ListStreams *',
  'dynamodb:ListTables *',
  'ec2:AssignPrivateIpAddresses *',
  'ec2:CreateNetworkInterface *',
  'ec2:DeleteNetworkInterface *',
  'ec2:DescribeNetworkInterfaces *',
  'ec2:DescribeSubnets *',
  'ec2:UnassignPrivateIpAddresses *',
];

test('every policy names its actions and its resources, and roles take no others', () => {
  for (const WorkerRunsOn of ['lambda', 'container']) {
    const { resources } = deployedStack({ WorkerRunsOn });
    const policies = Object.values(resources).filter(({ Type }) => Type === 'AWS::IAM::ManagedPolicy');
    const roles = Object.values(resources).filter(({ Type }) => Type === 'AWS::IAM::Role');
    const permissions = [...policies, ...roles].flatMap(documentsOf).flatMap(permissionsOf);

    expect(permissions.filter((each) => /^\S*\*/.test(each))).toEqual([]);
    expect(permissions.filter((each) => each.includes('*') && !ON_EVERYTHING.includes(each))).toEqual([]);
    for (const { Properties: role } of roles) {
      for (const policy of role.ManagedPolicyArns ?? []) expect(resources).toHaveProperty(policy);
      expect(role.AssumeRolePolicyDocument.Statement).toEqual([
        { Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' },
      ]);
    }
  }
});
