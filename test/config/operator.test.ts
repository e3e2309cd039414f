import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/config/environment.ts';
import { readDirectoryTarget, readTableTarget, readUserPoolConfig } from '../../src/config/operator.ts';

describe('a command works on', () => {
  test('the local stack, where the environment says nothing', () => {
    expect(readTableTarget({ PORT: '5000' })).toEqual({
      name: 'cruddur-messages',
      region: 'us-east-1',
      endpoint: 'http://127.0.0.1:5002',
      isLocal: true,
    });
    expect(readDirectoryTarget({ PORT: '5000' })).toEqual({
      url: 'postgres://postgres@127.0.0.1:5003/postgres',
      poolSize: 1,
      isLocal: true,
    });
  });

  test('AWS, where a region is given', () => {
    expect(readTableTarget({ AWS_REGION: 'eu-central-1', DYNAMODB_TABLE: 'chat' })).toEqual({
      name: 'chat',
      region: 'eu-central-1',
      endpoint: undefined,
      isLocal: false,
    });
  });

  test.each([
    ['http://127.0.0.1:8000', true],
    ['http://localhost:8000', true],
    ['http://[::1]:8000', true],
    ['http://dynamodb:8000', false],
    ['http://127.0.0.1.example.com:8000', false],
    ['https://dynamodb.eu-central-1.amazonaws.com', false],
  ])('the engine at %s, which is on this machine: %s', (endpoint, isLocal) => {
    expect(readTableTarget({ DYNAMODB_ENDPOINT: endpoint })).toMatchObject({ endpoint, isLocal });
  });

  test.each([
    ['postgres://u@127.0.0.1/d', true],
    ['postgres://u@localhost:5432/d', true],
    ['postgres://u@db.example.com/d', false],
    ['postgres://u@127.0.0.1/d?host=db.example.com', false],
    ['postgres://u@127.0.0.1/d?hostaddr=10.0.0.1', false],
  ])('the directory at %s, which is on this machine: %s', (url, isLocal) => {
    expect(readDirectoryTarget({ DATABASE_URL: url })).toEqual({ url, poolSize: 1, isLocal });
  });

  test.each([
    [
      'a table elsewhere and the local directory',
      () => readDirectoryTarget({ AWS_REGION: 'eu-central-1' }),
      'DATABASE_URL is required',
    ],
    [
      'a directory elsewhere and the local table',
      () => readTableTarget({ DATABASE_URL: 'postgres://u@db/d' }),
      'AWS_REGION is required',
    ],
  ])('no two systems at once: %s', (_, read, problem) => {
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(problem);
  });
});

test('a user pool is in the region that its id begins with', () => {
  expect(readUserPoolConfig({ COGNITO_USER_POOL_ID: 'eu-central-1_AbCdEfGhI' })).toEqual({
    userPoolId: 'eu-central-1_AbCdEfGhI',
    region: 'eu-central-1',
    endpoint: undefined,
  });
  expect(() => readUserPoolConfig({})).toThrow('COGNITO_USER_POOL_ID is required');
});
