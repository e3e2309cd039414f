import { DeleteCommand } from '@aws-sdk/lib-dynamodb';
import { expect, test } from 'vitest';
import { readApiConfig } from '../../src/config/api.ts';
import { readPostConfirmationConfig } from '../../src/config/post-confirmation.ts';
import { DEFAULT_QUERY_LIMITS } from '../../src/config/query-limits.ts';
import { DEFAULT_RATE_LIMITS } from '../../src/config/rate-limits.ts';
import { readUpdateSummariesConfig, readWorkerConfig } from '../../src/config/worker.ts';
import { createMessage } from '../../src/messaging/create-message.ts';
import { markMessageGroupRead } from '../../src/messaging/mark-message-group-read.ts';
import type { User } from '../../src/model.ts';
import { checkpointTableDefinition } from '../../src/stream/checkpoint-table.ts';
import { tableDefinition, timeToLiveDefinition } from '../../src/table/definition.ts';
import { messageOfImage } from '../../src/table/images.ts';
import { messageKey, sentBeforeKey } from '../../src/table/keys.ts';
import { REGION, type Resource } from '../support/cloudformation.ts';
import { matchesPattern } from '../support/event-pattern.ts';
import { groupIdOf, sendAs, users } from '../support/groups.ts';
import { deployedParameters, deployedStack } from '../support/stack-template.ts';
import { asLambdaRecords, streamArnOf, streamRecords } from '../support/stream.ts';
import { setAttributes } from '../support/summaries.ts';
import { aTable } from '../support/table.ts';

const CONTAINERS = { ApiRunsOn: 'container', WorkerRunsOn: 'container' };

function resourceOf(name: string, parameters?: Record<string, string>): Resource {
  const resource = deployedStack(parameters).resources[name];
  if (!resource) throw new Error(`The stack has no ${name}`);
  return resource;
}

test('the table is the one that the code defines', () => {
  const { Properties: found } = resourceOf('MessagesTable', { TableName: 'my-messages' });

  const { StreamSpecification: stream, ...defined } = tableDefinition('my-messages');
  expect(found).toMatchObject(defined);
  // Whoever gives CloudFormation a view wants a stream.
  expect({ ...found.StreamSpecification, StreamEnabled: true }).toEqual(stream);
  expect(found.TimeToLiveSpecification).toEqual(timeToLiveDefinition('my-messages').TimeToLiveSpecification);
});

test('the table of checkpoints is the one that the code defines', () => {
  const { Properties: found } = resourceOf('CheckpointTable', { TableName: 'my-messages', ...CONTAINERS });

  expect(found).toMatchObject(checkpointTableDefinition('my-messages-checkpoints'));
});

test('the table outlives mistakes: deletions of it, of the stack, and of items', () => {
  expect(resourceOf('MessagesTable')).toMatchObject({
    DeletionPolicy: 'Retain',
    UpdateReplacePolicy: 'Retain',
    Properties: {
      DeletionProtectionEnabled: true,
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
    },
  });
});

test('of all that happens in the table, exactly new and changed messages invoke the worker', async () => {
  const table = await aTable();
  const members = users(3) as [User, User, User];
  const [ann, ben] = members;
  const messageGroupId = groupIdOf(members);
  const messaging = {
    table,
    findUsersByHandle: async () => members,
    findUsersById: async () => members,
    now: Date.now,
  };
  // A group with its profile and summaries; a message; a message with a sent-before record; a mark.
  await sendAs(table, members, ann, 'first');
  await sendAs(table, members, ben, 'second');
  const sent = { to: { messageGroupId }, body: 'third', clientMessageId: 'MSG1' };
  expect(await createMessage(messaging, ann, sent)).not.toHaveProperty('userErrors');
  expect(await markMessageGroupRead(messaging, ben, { messageGroupId, sequence: 3 })).not.toHaveProperty('userErrors');
  await setAttributes(table, messageKey(messageGroupId, 2), { body: 'edited', revision: 1 });
  // A record that expires, and a message that somebody takes away.
  for (const Key of [sentBeforeKey(messageGroupId, ann.id, 'MSG1'), messageKey(messageGroupId, 1)]) {
    await table.client.send(new DeleteCommand({ TableName: table.name, Key }));
  }

  const records = asLambdaRecords(await streamRecords(table), await streamArnOf(table));
  const { FilterCriteria: criteria } = resourceOf('WorkerFunction').Properties.Events.NewMessages.Properties;
  const patterns = criteria.Filters.map(({ Pattern }: { Pattern: string }) => JSON.parse(Pattern));
  const passed = records.filter((record) => patterns.some((pattern: unknown) => matchesPattern(pattern, record)));

  const kinds = records.map((record) => (record as { eventName?: string }).eventName);
  expect(new Set(kinds)).toEqual(new Set(['INSERT', 'MODIFY', 'REMOVE']));
  // Besides, a profile, three summaries and one record come in. A mark and two senders' own summaries change, and two items go.
  expect(records).toHaveLength(3 + 1 + 5 + 3 + 2);
  expect(passed.map(({ dynamodb }) => messageOfImage(dynamodb?.NewImage ?? {})?.message.body)).toEqual([
    'first',
    'second',
    'third',
    'edited',
  ]);
});

test('the worker retries batches until they are too old, and alarms are raised well before', () => {
  const { NewMessages: mapping } = resourceOf('WorkerFunction').Properties.Events;

  expect(mapping).toMatchObject({
    Type: 'DynamoDB',
    Properties: {
      StartingPosition: 'TRIM_HORIZON',
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      BisectBatchOnFunctionError: true,
      DestinationConfig: { OnFailure: { Destination: 'DiscardedQueue.Arn' } },
    },
  });
  const { MaximumRetryAttempts: attempts, MaximumRecordAgeInSeconds: age } = mapping.Properties;
  // -1: as often as it takes.
  expect(attempts).toBe(-1);
  expect(age).toBe(23 * 3600);
  const { Threshold: lateMs, EvaluationPeriods: minutes } = resourceOf('SummariesLate').Properties;
  expect(lateMs / 1000 + minutes * 60).toBeLessThan(age / 100);
  expect(resourceOf('FailureQueue').Properties).toMatchObject({ MessageRetentionPeriod: 14 * 24 * 3600 });
  const topic = 'arn:aws:sns:eu-central-1:123456789012:alarms';
  const alarms = Object.values(deployedStack({ AlarmTopicArn: topic }).resources).filter(({ Type }) =>
    Type.endsWith('::Alarm'),
  );
  const watched = alarms.map(({ Properties: { Dimensions: [dimension] = [], MetricName } }) => [
    MetricName,
    dimension?.Value,
  ]);
  expect(watched).toContainEqual(['IteratorAge', 'WorkerFunction']);
  expect(watched).toContainEqual(['ApproximateNumberOfMessagesVisible', 'FailureQueue.QueueName']);
  expect(watched).toContainEqual(['NumberOfMessagesSent', 'DiscardedQueue.QueueName']);
  for (const { Properties: alarm } of alarms) expect(alarm.AlarmActions).toEqual([topic]);
});

test('discarded records invoke the repair, which one instance at a time does', () => {
  const { Properties: repair } = resourceOf('RepairFunction');

  expect(Object.values(repair.Events)).toEqual([
    { Type: 'Schedule', Properties: { Schedule: 'rate(1 minute)' } },
    { Type: 'SQS', Properties: { Queue: 'DiscardedQueue.Arn' } },
  ]);
  expect(repair.ReservedConcurrentExecutions).toBe(1);
  expect(resourceOf('DiscardedQueue').Properties.VisibilityTimeout).toBeGreaterThanOrEqual(repair.Timeout);
});

/** The environment of a function. */
function environmentOf(name: string, parameters: Record<string, string> = {}): NodeJS.ProcessEnv {
  const { resources, functionDefaults } = deployedStack(parameters);
  const { Variables: own } = resources[name]?.Properties.Environment ?? {};
  const variables = {
    ...functionDefaults.Environment.Variables,
    ...own,
    // It stands for the secret's value, which CloudFormation fills in.
    ...(own.FAILURE_QUEUE_URL && { FAILURE_QUEUE_URL: 'https://sqs.eu-central-1.amazonaws.com/123456789012/failures' }),
    ...(own.DATABASE_URL && { DATABASE_URL: 'postgres://cruddur@db.example.com/cruddur' }),
    AWS_REGION: REGION,
  };
  // They are texts, whatever the parameters are.
  return Object.fromEntries(Object.entries(variables).map(([variable, value]) => [variable, String(value)]));
}

/** The configuration that each function reads when it is loaded. */
const CONFIGURATIONS: Record<string, (environment: NodeJS.ProcessEnv) => object> = {
  ApiFunction: readApiConfig,
  WorkerFunction: readUpdateSummariesConfig,
  RepairFunction: readWorkerConfig,
  PostConfirmationFunction: readPostConfirmationConfig,
};

test('every function has an environment that its configuration takes, and logs that are kept for a time', () => {
  const { resources } = deployedStack({ TableName: 'my-messages' });
  const functions = Object.entries(resources).filter(([, { Type }]) => Type === 'AWS::Serverless::Function');

  expect(functions.map(([name]) => name)).toEqual(Object.keys(CONFIGURATIONS));
  for (const [name, { Properties: found }] of functions) {
    const configuration = CONFIGURATIONS[name]?.(environmentOf(name, { TableName: 'my-messages' }));
    expect(configuration).toMatchObject({ logLevel: 'info' });
    if (name !== 'PostConfirmationFunction') {
      expect(configuration).toMatchObject({ table: { name: 'my-messages', region: REGION, endpoint: undefined } });
    }
    const logs = resources[found.LoggingConfig.LogGroup];
    expect(logs).toMatchObject({ Type: 'AWS::Logs::LogGroup', Properties: { RetentionInDays: 30 } });
  }
});

/** The parameters that are limits of the API, each with its variable. */
const LIMITS: Readonly<Record<string, string>> = {
  RateLimitReads: 'RATE_LIMIT_READS',
  RateLimitSends: 'RATE_LIMIT_SENDS',
  RateLimitSearches: 'RATE_LIMIT_SEARCHES',
  RateLimitRefusals: 'RATE_LIMIT_REFUSALS',
  GraphqlMaxDepth: 'GRAPHQL_MAX_DEPTH',
  GraphqlMaxAliases: 'GRAPHQL_MAX_ALIASES',
  GraphqlMaxDirectives: 'GRAPHQL_MAX_DIRECTIVES',
  GraphqlMaxTokens: 'GRAPHQL_MAX_TOKENS',
  GraphqlMaxRepetitions: 'GRAPHQL_MAX_REPETITIONS',
  GraphqlMaxCost: 'GRAPHQL_MAX_COST',
};

test('the limits of the API are by themselves those of the code', () => {
  const { queryLimits, rateLimits, trustedProxies } = readApiConfig(environmentOf('ApiFunction'));

  expect(queryLimits).toEqual(DEFAULT_QUERY_LIMITS);
  expect(rateLimits).toEqual(DEFAULT_RATE_LIMITS);
  expect(trustedProxies).toEqual([]);
});

test.each(Object.entries(LIMITS))('%s is what the API takes %s to be, from the least to the most', (name, variable) => {
  const { MinValue: least, MaxValue: most } = deployedParameters[name] ?? {};
  const given = (value: number) => environmentOf('ApiFunction', { [name]: String(value) });

  for (const value of [Number(least), Number(most)]) {
    expect(given(value)).toMatchObject({ [variable]: String(value) });
    expect(() => readApiConfig(given(value))).not.toThrow();
  }
  for (const value of [Number(least) - 1, Number(most) + 1])
    expect(() => readApiConfig(given(value))).toThrow(variable);
});

test('the search for people is on, and can be switched off', () => {
  const searches = (parameters?: Record<string, string>) =>
    readApiConfig(environmentOf('ApiFunction', parameters)).peopleSearch;

  expect(searches()).toBe(true);
  expect(searches({ PeopleSearch: 'off' })).toBe(false);
});

test('where the functions count together, and which proxies are believed, can be told; the former is not shown to anyone', () => {
  const given = { RateLimitRedisUrl: 'rediss://user:secret@redis.example.com:6379', TrustedProxies: '10.0.0.0/8,::1' };
  const { rateLimits, trustedProxies } = readApiConfig(environmentOf('ApiFunction', given));

  expect(rateLimits.redisUrl).toBe(given.RateLimitRedisUrl);
  expect(trustedProxies).toEqual(['10.0.0.0/8', '::1']);
  expect(deployedParameters['RateLimitRedisUrl']?.NoEcho).toBe(true);
  for (const [name, value] of Object.entries(given)) {
    expect(value).toMatch(new RegExp(deployedParameters[name]?.AllowedPattern ?? 'none'));
    expect('').toMatch(new RegExp(deployedParameters[name]?.AllowedPattern ?? 'none'));
  }
  expect('http://redis.example.com').not.toMatch(
    new RegExp(deployedParameters['RateLimitRedisUrl']?.AllowedPattern ?? ''),
  );
});

test.each(['ApiFunction', 'PostConfirmationFunction'])('the directory’s address comes to %s from a secret', (name) => {
  const { DATABASE_URL: address } = resourceOf(name).Properties.Environment.Variables;

  expect(address).toMatch(/^\{\{resolve:secretsmanager:arn:aws:secretsmanager:.+:SecretString:DATABASE_URL\}\}$/);
});

test('the HTTP API has one route for everything, throttles, and logs each request', () => {
  const { Properties: api } = resourceOf('HttpApi');

  expect(resourceOf('ApiFunction').Properties.Events).toEqual({
    AnyRequest: { Type: 'HttpApi', Properties: { ApiId: 'HttpApi', PayloadFormatVersion: '2.0' } },
  });
  expect(api.DefaultRouteSettings).toEqual({ ThrottlingRateLimit: 200, ThrottlingBurstLimit: 400 });
  expect(JSON.parse(api.AccessLogSettings.Format)).toMatchObject({ status: '$context.status' });
  // The API answers preflights itself; the HTTP API would answer before it.
  expect(api).not.toHaveProperty('CorsConfiguration');
});

test.each(['ApiFunction', 'PostConfirmationFunction'])('%s is in a network only where one is given', (name) => {
  const inside = resourceOf(name).Properties;
  const outside = resourceOf(name, { SubnetIds: '', SecurityGroupIds: '' }).Properties;

  expect(inside.VpcConfig).toEqual({ SubnetIds: ['subnet-1', 'subnet-2'], SecurityGroupIds: ['sg-1'] });
  expect(outside).not.toHaveProperty('VpcConfig');
});

test('the user pool, and nobody else, invokes its trigger, and no longer than it waits', () => {
  expect(resourceOf('PostConfirmationFunction').Properties.Timeout).toBe(5);
  expect(resourceOf('PostConfirmationPermission').Properties).toEqual({
    Action: 'lambda:InvokeFunction',
    FunctionName: 'PostConfirmationFunction.Arn',
    Principal: 'cognito-idp.amazonaws.com',
    SourceAccount: '123456789012',
    SourceArn: 'arn:aws:cognito-idp:eu-central-1:123456789012:userpool/eu-central-1_AbCdEfGhI',
  });
});

test('with containers there are the table and policies for their roles, and neither an API nor a worker', () => {
  const { resources } = deployedStack(CONTAINERS);

  const names = Object.keys(resources).filter((name) => !name.startsWith('PostConfirmation'));
  expect(new Set(names.map((name) => resources[name]?.Type))).toEqual(
    new Set(['AWS::DynamoDB::Table', 'AWS::IAM::ManagedPolicy']),
  );
  expect(deployedStack(CONTAINERS).outputs).toMatchObject({
    TableName: 'cruddur-messages',
    ApiPolicyArn: 'ApiPolicy',
    ContainerWorkerPolicyArn: 'ContainerWorkerPolicy',
  });
});
