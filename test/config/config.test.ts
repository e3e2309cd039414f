import { readdirSync, readFileSync } from 'node:fs';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { readApiConfig } from '../../src/config/api.ts';
import { ConfigError } from '../../src/config/environment.ts';
import { readLocalConfig } from '../../src/config/local.ts';
import { readDirectoryTarget } from '../../src/config/operator.ts';
import { databaseName } from '../../src/users/database.ts';

const COMMON = {
  AWS_REGION: 'eu-central-1',
  DATABASE_URL: 'postgres://app:secret@db.example.com:5432/cruddur',
};

const COGNITO = {
  ...COMMON,
  COGNITO_USER_POOL_ID: 'eu-central-1_AbCdEfGhI',
  COGNITO_CLIENT_ID: '1example23456789',
};

const OIDC = {
  ...COMMON,
  OIDC_ISSUER: 'https://issuer.example.com',
  OIDC_JWKS_URI: 'https://issuer.example.com/jwks',
  OIDC_AUDIENCE: 'cruddur',
};

const LOCAL = {
  ...OIDC,
  OIDC_ISSUER: 'http://127.0.0.1:4001',
  OIDC_JWKS_URI: 'http://127.0.0.1:4001/jwks',
};

/** The lines of the one error that reading ends in; none when it succeeds. */
function problemsOf(environment: NodeJS.ProcessEnv, read: (given: NodeJS.ProcessEnv) => unknown = readApiConfig) {
  try {
    read(environment);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message
      .split('\n')
      .slice(1)
      .map((line) => line.trim());
  }
}

function without<Environment extends object>(environment: Environment, name: string): Partial<Environment> {
  return Object.fromEntries(Object.entries(environment).filter(([key]) => key !== name)) as Partial<Environment>;
}

describe('what is read', () => {
  test('a minimal environment with Cognito is read with the defaults', () => {
    const config = readApiConfig(COGNITO);

    expect(config).toEqual({
      port: 4000,
      host: '127.0.0.1',
      logLevel: 'info',
      table: { name: 'cruddur-messages', region: 'eu-central-1', endpoint: undefined },
      directory: { url: 'postgres://app:secret@db.example.com:5432/cruddur', poolSize: 10 },
      identity: { kind: 'cognito', userPoolId: 'eu-central-1_AbCdEfGhI', clientId: '1example23456789' },
      corsOrigins: [],
      local: false,
      sandboxToken: undefined,
      queryLimits: { depth: 10, aliases: 15, directives: 15, tokens: 1000, repetitions: 50, cost: 2000 },
      rateLimits: { reads: 1200, sends: 300, searches: 60, refusals: 60, redisUrl: undefined },
      trustedProxies: [],
      peopleSearch: true,
      overload: { atOnce: 500, perPerson: 8 },
      shutdownDelayMs: 0,
    });
  });

  test('a minimal environment with another issuer is read with the same defaults', () => {
    const config = readApiConfig(OIDC);

    expect(config).toEqual({
      ...readApiConfig(COGNITO),
      identity: {
        kind: 'oidc',
        issuer: 'https://issuer.example.com',
        jwksUri: 'https://issuer.example.com/jwks',
        audience: 'cruddur',
      },
    });
  });

  test('everything that is given takes the place of its default', () => {
    const config = readApiConfig({
      ...LOCAL,
      NODE_ENV: 'development',
      PORT: '5000',
      HOST: '0.0.0.0',
      LOG_LEVEL: 'debug',
      DYNAMODB_ENDPOINT: 'http://127.0.0.1:8000',
      DYNAMODB_TABLE: 'my.own_table-1',
      DATABASE_POOL_SIZE: '1',
      RATE_LIMIT_READS: '1',
      RATE_LIMIT_SENDS: '2',
      RATE_LIMIT_SEARCHES: '4',
      RATE_LIMIT_REFUSALS: '3',
      PEOPLE_SEARCH: 'off',
      RATE_LIMIT_REDIS_URL: 'rediss://:secret@redis.example.com:6380/1',
      MAX_OPERATIONS_AT_ONCE: '7',
      MAX_OPERATIONS_PER_PERSON: '3',
      TRUST_PROXY: 'loopback, 10.0.0.0/8,2001:db8::/32,192.0.2.1',
      CORS_ORIGINS: 'https://app.example.com, http://localhost:3000,',
      SANDBOX_TOKEN: 'a.b.c',
      GRAPHQL_MAX_DEPTH: '1',
      GRAPHQL_MAX_ALIASES: '2',
      GRAPHQL_MAX_DIRECTIVES: '3',
      GRAPHQL_MAX_TOKENS: '40',
      GRAPHQL_MAX_REPETITIONS: '12',
      GRAPHQL_MAX_COST: '5',
      SHUTDOWN_DELAY_SECONDS: '15',
      METRICS_PORT: '9464',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318',
    });

    expect(config).toEqual({
      port: 5000,
      host: '0.0.0.0',
      logLevel: 'debug',
      table: { name: 'my.own_table-1', region: 'eu-central-1', endpoint: 'http://127.0.0.1:8000' },
      directory: { url: COMMON.DATABASE_URL, poolSize: 1 },
      identity: {
        kind: 'oidc',
        issuer: 'http://127.0.0.1:4001',
        jwksUri: 'http://127.0.0.1:4001/jwks',
        audience: 'cruddur',
      },
      corsOrigins: ['https://app.example.com', 'http://localhost:3000'],
      local: true,
      sandboxToken: 'a.b.c',
      queryLimits: { depth: 1, aliases: 2, directives: 3, tokens: 40, repetitions: 12, cost: 5 },
      metrics: { host: '0.0.0.0', port: 9464 },
      tracesEndpoint: 'http://127.0.0.1:4318',
      rateLimits: {
        reads: 1,
        sends: 2,
        searches: 4,
        refusals: 3,
        redisUrl: 'rediss://:secret@redis.example.com:6380/1',
      },
      peopleSearch: false,
      trustedProxies: ['loopback', '10.0.0.0/8', '2001:db8::/32', '192.0.2.1'],
      overload: { atOnce: 7, perPerson: 3 },
      shutdownDelayMs: 15_000,
    });
  });

  test.each([
    ['PORT', '0'],
    ['PORT', '65535'],
    ['DATABASE_POOL_SIZE', '100'],
    ['DYNAMODB_ENDPOINT', 'https://dynamodb.example.com'],
    ['DYNAMODB_TABLE', 'a'.repeat(255)],
    ['DATABASE_URL', 'postgresql://localhost/x'],
    ['AWS_REGION', 'us-gov-west-1'],
    ['LOG_LEVEL', 'silent'],
    ['TRUST_PROXY', 'uniquelocal, 2001:db8::1'],
    ['UNKNOWN_TO_THE_API', 'anything'],
  ])('%s=%s is accepted', (name, value) => {
    const problems = problemsOf({ ...COGNITO, [name]: value });

    expect(problems).toEqual([]);
  });

  test('empty and blank variables count as absent', () => {
    const emptied = Object.fromEntries(
      [
        'NODE_ENV',
        'PORT',
        'HOST',
        'LOG_LEVEL',
        'DYNAMODB_ENDPOINT',
        'DYNAMODB_TABLE',
        'DATABASE_POOL_SIZE',
        'CORS_ORIGINS',
        'SANDBOX_TOKEN',
        'OIDC_ISSUER',
        'OIDC_JWKS_URI',
      ].map((name) => [name, '']),
    );

    const config = readApiConfig({ ...COGNITO, ...emptied, OIDC_AUDIENCE: '  ' });

    expect(config).toEqual(readApiConfig(COGNITO));
  });
});

describe('what is missing', () => {
  test.each([
    ['AWS_REGION', COGNITO],
    ['DATABASE_URL', COGNITO],
    ['COGNITO_USER_POOL_ID', COGNITO],
    ['COGNITO_CLIENT_ID', COGNITO],
    ['OIDC_ISSUER', OIDC],
    ['OIDC_JWKS_URI', OIDC],
    ['OIDC_AUDIENCE', OIDC],
  ])('%s is required, absent as well as empty', (name, complete) => {
    const absent = problemsOf(without(complete, name));
    const empty = problemsOf({ ...complete, [name]: '' });

    expect(absent).toEqual([`${name} is required`]);
    expect(empty).toEqual(absent);
  });

  test('an environment without a source of identity is told of both sets', () => {
    const problems = problemsOf(COMMON);

    expect(problems).toEqual([
      'COGNITO_USER_POOL_ID and COGNITO_CLIENT_ID, or OIDC_ISSUER, OIDC_JWKS_URI and OIDC_AUDIENCE: ' +
        'one of these sets is required',
    ]);
  });

  test('an environment with both sources of identity is refused', () => {
    const problems = problemsOf({ ...COGNITO, ...OIDC });

    expect(problems).toEqual([expect.stringMatching(/COGNITO_.*OIDC_.*only one of these sets can be given$/)]);
  });

  test('a whole set beside a part of the other is refused, and what the other lacks is told', () => {
    const problems = problemsOf({ ...COGNITO, OIDC_ISSUER: OIDC.OIDC_ISSUER });

    expect(problems).toEqual([
      expect.stringContaining('only one of these sets can be given'),
      'OIDC_JWKS_URI is required',
      'OIDC_AUDIENCE is required',
    ]);
  });

  test('an empty environment is told of everything that is required at once', () => {
    const problems = problemsOf({});

    expect(problems).toEqual([
      'AWS_REGION is required',
      'DATABASE_URL is required',
      expect.stringContaining('one of these sets is required'),
    ]);
  });
});

describe('what is wrong', () => {
  test.each([
    ['PORT', 'abc', 'whole number from 0 to 65535'],
    ['PORT', '70000', 'whole number from 0 to 65535'],
    ['PORT', '-1', 'whole number from 0 to 65535'],
    ['PORT', '4000.5', 'whole number from 0 to 65535'],
    ['PORT', '1e3', 'whole number from 0 to 65535'],
    ['DYNAMODB_ENDPOINT', 'ftp://x', 'http:// or https://'],
    ['DYNAMODB_ENDPOINT', 'localhost:8000', 'http:// or https://'],
    ['DYNAMODB_TABLE', 'a b', '3 to 255'],
    ['DYNAMODB_TABLE', 'ab', '3 to 255'],
    ['DYNAMODB_TABLE', 'a'.repeat(256), '3 to 255'],
    ['AWS_REGION', 'EU!', 'a region such as'],
    ['DATABASE_URL', 'mysql://db.example.com/x', 'postgres:// or postgresql://'],
    ['DATABASE_URL', 'db.example.com', 'postgres:// or postgresql://'],
    ['DATABASE_URL', 'postgres://app:pw@/db', 'postgres:// or postgresql://'],
    ['DATABASE_URL', 'postgres://app:pw@/db?hostaddr=10.0.0.1', 'postgres:// or postgresql://'],
    ['DATABASE_URL', 'mysql://app:pw@/db?host=/cloudsql/x', 'postgres:// or postgresql://'],
    ['PEOPLE_SEARCH', 'no', 'must be on or off'],
    ['RATE_LIMIT_SEARCHES', '0', 'whole number from 1 to 999999'],
    ['DATABASE_POOL_SIZE', '0', 'whole number from 1 to 100'],
    ['DATABASE_POOL_SIZE', '101', 'whole number from 1 to 100'],
    ['LOG_LEVEL', 'loud', 'one of fatal, error, warn, info'],
    ['RATE_LIMIT_READS', '0', 'whole number from 1 to 999999'],
    ['RATE_LIMIT_REDIS_URL', '127.0.0.1:6379', 'redis:// or rediss://'],
    ['TRUST_PROXY', 'true', 'addresses, ranges as 10.0.0.0/8'],
    ['TRUST_PROXY', '10.0.0.0/33', 'addresses, ranges as 10.0.0.0/8'],
    ['TRUST_PROXY', '10.0.0.1, proxy.example.com', 'addresses, ranges as 10.0.0.0/8'],
    ['CORS_ORIGINS', 'https://app.example.com/path', '"https://app.example.com/path"'],
    ['CORS_ORIGINS', 'https://app.example.com/', '"https://app.example.com/"'],
    ['CORS_ORIGINS', 'https://good.example.com, nonsense', '"nonsense"'],
    ['CORS_ORIGINS', '*', '"*"'],
    ['COGNITO_USER_POOL_ID', 'AbCdEfGhI', 'a user pool id such as'],
    ['COGNITO_USER_POOL_ID', 'eu-central-1_Ab/CdE', 'a user pool id such as'],
    ['COGNITO_USER_POOL_ID', 'nowhere_AbCdEfGhI', 'a user pool id such as'],
    ['COGNITO_CLIENT_ID', 'my client!', 'an app client id'],
  ])('%s=%s is reported by name, with what is expected', (name, value, expected) => {
    const problems = problemsOf({ ...COGNITO, [name]: value });

    expect(problems).toHaveLength(1);
    expect(problems[0]?.split(' ')[0]).toBe(name);
    expect(problems[0]).toContain(expected);
  });

  test.each([
    ['OIDC_ISSUER', 'http://issuer.example.com'],
    ['OIDC_ISSUER', 'HTTP://issuer.example.com'],
    ['OIDC_ISSUER', 'http://127.0.0.1.example.com'],
    ['OIDC_ISSUER', 'http://localhost@issuer.example.com'],
    ['OIDC_ISSUER', 'issuer.example.com'],
    ['OIDC_ISSUER', 'ftp://issuer.example.com'],
    ['OIDC_JWKS_URI', 'http://issuer.example.com/jwks'],
    ['OIDC_JWKS_URI', 'HTTP://issuer.example.com/jwks'],
    ['OIDC_JWKS_URI', 'file:///etc/jwks.json'],
  ])('%s=%s is refused: tokens and keys of a remote issuer come by https', (name, value) => {
    const problems = problemsOf({ ...OIDC, [name]: value });

    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(new RegExp(`^${name} .*https://`));
  });

  test('an environment in which everything is wrong is told all of it in one error', () => {
    const wrong = {
      PORT: 'abc',
      LOG_LEVEL: 'loud',
      DYNAMODB_ENDPOINT: 'ftp://x',
      DYNAMODB_TABLE: 'a b',
      AWS_REGION: 'EU!',
      DATABASE_URL: 'mysql://x',
      DATABASE_POOL_SIZE: '0',
      CORS_ORIGINS: 'https://app.example.com/path',
      COGNITO_USER_POOL_ID: 'nonsense',
      COGNITO_CLIENT_ID: '!',
      OIDC_ISSUER: 'http://issuer.example.com',
      OIDC_JWKS_URI: 'nonsense',
      SANDBOX_TOKEN: 'a.b.c',
    };

    const problems = problemsOf(wrong);

    expect(() => readApiConfig(wrong)).toThrow(/^The configuration is wrong \(see \.env\.example\):\n/);
    const named = problems.map((problem) => problem.split(' ')[0]);
    expect(new Set(named)).toEqual(new Set([...Object.keys(wrong), 'OIDC_AUDIENCE']));
    expect(problems).toContainEqual(expect.stringContaining('only one of these sets can be given'));
  });
});

describe('local use', () => {
  test.each([
    ['http://127.0.0.1:4001', true],
    ['http://127.1.2.3:4001', true],
    ['http://localhost:4001', true],
    ['http://[::1]:4001', true],
    ['https://127.0.0.1:4001', true],
    ['https://localhost:4001', true],
    ['https://localhost.example.com', false],
    ['https://mylocalhost', false],
    ['https://127.0.0.1.example.com', false],
    ['https://issuer.example.com', false],
  ])('with the issuer %s, local is %s', (issuer, local) => {
    const config = readApiConfig({ ...OIDC, OIDC_ISSUER: issuer });

    expect(config.local).toBe(local);
  });

  test('keys from an address on this machine do not make a remote issuer local', () => {
    const config = readApiConfig({ ...OIDC, OIDC_JWKS_URI: 'http://127.0.0.1:4001/jwks' });

    expect(config.local).toBe(false);
  });

  test('an issuer on this machine is refused in production', () => {
    const problems = problemsOf({ ...LOCAL, NODE_ENV: 'production' });

    expect(problems).toEqual([expect.stringMatching(/^OIDC_ISSUER .*NODE_ENV=production/)]);
  });

  test.each([
    'https://localhost',
    'https://LOCALHOST:8443/realms/app',
    'https://localhost.',
    'https://issuer.localhost',
    'https://127.0.0.1',
    'https://127.255.255.254',
    'https://127.1',
    'https://2130706433',
    'https://0.0.0.0:4001',
    'https://0',
    'https://[::1]',
    'https://[::]',
    'https://[::ffff:127.0.0.1]',
    'https://[::ffff:0.0.0.0]',
    'http://127.0.0.2',
  ])('the issuer %s is refused in production', (issuer) => {
    const problems = problemsOf({ ...OIDC, OIDC_ISSUER: issuer, NODE_ENV: 'production' });

    expect(problems).toEqual([expect.stringMatching(/^OIDC_ISSUER .*NODE_ENV=production/)]);
  });

  test('other issuers are accepted in production', () => {
    const problems = [COGNITO, OIDC].flatMap((each) => problemsOf({ ...each, NODE_ENV: 'production' }));

    expect(problems).toEqual([]);
  });

  test.each([
    ['Cognito', COGNITO],
    ['a remote issuer', OIDC],
  ])('a Sandbox token is refused with %s', (_, environment) => {
    const problems = problemsOf({ ...environment, SANDBOX_TOKEN: 'a.b.c' });

    expect(problems).toEqual([expect.stringMatching(/^SANDBOX_TOKEN /)]);
  });

  test('the local stack needs nothing from its environment', () => {
    const environment = { PATH: '/usr/bin' };

    const config = readLocalConfig(environment);

    expect(config).toEqual({
      host: '127.0.0.1',
      port: 4000,
      directory: '.local',
      logLevel: 'info',
      tableName: 'cruddur-messages',
      dynamodbEndpoint: undefined,
      databaseUrl: undefined,
      environment,
    });
  });

  test('the local stack is told of everything that is wrong at once, a port without room for its engines included', () => {
    const problems = problemsOf(
      { PORT: '65533', LOG_LEVEL: 'loud', DYNAMODB_TABLE: 'a b', DYNAMODB_ENDPOINT: 'ftp://x', DATABASE_URL: 'x' },
      readLocalConfig,
    );

    expect(problems.map((problem) => problem.split(' ')[0])).toEqual([
      'PORT',
      'LOG_LEVEL',
      'DYNAMODB_TABLE',
      'DYNAMODB_ENDPOINT',
      'DATABASE_URL',
    ]);
  });
});

describe('where variables are named', () => {
  test('.env.example names the variables that the configuration reads, and no others', () => {
    const source = configFiles()
      .map((file) => textOf(`../../src/${file}`))
      .join('\n');
    const example = textOf('../../.env.example');

    const named = new Set(Array.from(example.matchAll(/^#? ?([A-Z][A-Z0-9_]+)=/gm), ([, name]) => name));

    const keys = source.matchAll(/^\s+([A-Z][A-Z0-9_]+):|\['([A-Z][A-Z0-9_]+)'\]/gm);
    const read = new Set(Array.from(keys, ([, key, index]) => key ?? index));
    expect(read).toContain('DATABASE_URL');
    expect([...named].sort()).toEqual([...read].sort());
  });

  test('.env.example names each variable once', () => {
    const example = textOf('../../.env.example');

    const names = Array.from(example.matchAll(/^#? ?([A-Z][A-Z0-9_]+)=/gm), ([, name]) => name);

    expect(names).toEqual([...new Set(names)]);
  });

  test('no file but those of config/ reads a variable of the environment by its name', () => {
    const files = sourceFiles().filter((file) => !file.startsWith('config/'));

    const uses = files.flatMap((file) =>
      Array.from(textOf(`../../src/${file}`).matchAll(/^.*process\.env.*$/gm), ([line]) => ({
        file,
        line: line.trim(),
      })),
    );

    const readers = uses.filter(({ line }) => !HANDED_ON_WHOLE.test(line) && !ASSIGNED_TO.test(line));
    expect(uses).toContainEqual({ file: 'api.ts', line: expect.stringMatching(HANDED_ON_WHOLE) });
    expect(readers).toEqual([]);
    const otherWays = files.filter((file) =>
      /from '(node:)?process'|\benv\b.*= process\b/.test(textOf(`../../src/${file}`)),
    );
    expect(otherWays).toEqual([]);
  });
});

/** Lines on which the environment occurs once, handed on whole to what reads a configuration. */
const HANDED_ON_WHOLE =
  /^(?!.*process\.env.*process\.env).*(\bread\w*Config\(process\.env\)|^environment: process\.env,$)/;

/** Lines that set a variable. */
const ASSIGNED_TO = /^process\.env(\.\w+|\['\w+'\]) = (?!.*process\.env)/;

function sourceFiles(): string[] {
  const files = readdirSync(new URL('../../src/', import.meta.url), { recursive: true, encoding: 'utf8' });
  return files.filter((file) => file.endsWith('.ts'));
}

function configFiles(): string[] {
  return sourceFiles().filter((file) => file.startsWith('config/'));
}

function textOf(path: string): string {
  return readFileSync(new URL(path, import.meta.url), 'utf8');
}

describe('the local stack', () => {
  test.each([
    ['DYNAMODB_ENDPOINT', 'https://dynamodb.eu-central-1.amazonaws.com'],
    ['DATABASE_URL', 'postgres://app:secret@db.example.com:5432/cruddur'],
  ])('writes its seed to no engine that is elsewhere: %s', (name, value) => {
    expect(problemsOf({ [name]: value }, readLocalConfig)).toEqual([
      expect.stringContaining(`${name} must be on this machine`),
    ]);
  });

  test('works with engines of this machine that it did not start', () => {
    const config = readLocalConfig({
      DYNAMODB_ENDPOINT: 'http://127.0.0.1:8000',
      DATABASE_URL: 'postgres://postgres@localhost:5432/test',
    });

    expect(config).toMatchObject({
      dynamodbEndpoint: 'http://127.0.0.1:8000',
      databaseUrl: 'postgres://postgres@localhost:5432/test',
    });
  });
});

describe('a Postgres URL whose server only a parameter names', () => {
  test.each([
    [
      'postgres://app:p%40w@/db?host=/cloudsql/p:r:i',
      { host: '/cloudsql/p:r:i', port: 5432, user: 'app', password: 'p@w' },
    ],
    ['postgresql://app:pw@:5433/db?host=/run/pg', { host: '/run/pg', port: 5433, user: 'app', password: 'pw' }],
    ['postgres://app@/db?host=db.example.com&port=6543', { host: 'db.example.com', port: 6543, user: 'app' }],
    ['postgres:///db?user=app&host=/run/pg', { host: '/run/pg', port: 5432, user: 'app' }],
    ['postgres://app:pw@db.example.com/db', { host: 'db.example.com', port: 5432, user: 'app', password: 'pw' }],
  ])('%s leads pg there', (url, connection) => {
    const config = readApiConfig({ ...OIDC, DATABASE_URL: url });
    const { host, port, user, password, database } = new pg.Client(config.directory.url);

    expect({ host, port, user, password, database }).toMatchObject({ ...connection, database: 'db' });
    expect(databaseName(config.directory.url)).toBe('db');
    expect(new URL(config.directory.url).pathname).toBe('/db');
  });

  test.each([
    'postgres://app:pw@/db?host=/cloudsql/p:r:i',
    'postgres://app:pw@localhost/db?hostaddr=10.0.0.1',
    'postgres://app:pw@localhost/db?host=db.example.com',
  ])('%s is not taken for this machine', (url) => {
    expect(readDirectoryTarget({ DATABASE_URL: url }).isLocal).toBe(false);
    expect(problemsOf({ DATABASE_URL: url }, readLocalConfig)).toEqual([
      expect.stringContaining('must be on this machine'),
    ]);
  });
});
