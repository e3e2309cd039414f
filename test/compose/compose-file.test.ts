import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ROOT, readService, serviceNames } from './compose-file.ts';

const OWN = ['setup', 'api', 'worker'];

test('there is an engine for messages, one for people, a set-up, the API and the worker', () => {
  expect(serviceNames()).toEqual(['dynamodb', 'postgres', ...OWN]);
});

test.each(['dynamodb', 'postgres', ...OWN])('%s is pinned to a major version, or built here', (name) => {
  const { image, build } = readService(name, {});

  if (!build) expect(image).toMatch(/:\d+/);
});

/** Every variable that the configuration reads. */
function knownVariables(): string[] {
  const example = readFileSync(new URL('.env.example', ROOT), 'utf8');
  return Array.from(example.matchAll(/^([A-Z][A-Z0-9_]+)=/gm), ([, variable = '']) => variable);
}

test.each(OWN)('%s is given no variable that the configuration does not read', (name) => {
  const known = knownVariables();

  const given = Object.keys(readService(name, {}).environment).filter((variable) => variable !== 'NODE_OPTIONS');

  expect(known).toEqual(expect.arrayContaining(given));
});

test('every limit of the API can be set', () => {
  const limits = knownVariables().filter((name) => /^(RATE_LIMIT|GRAPHQL_MAX|MAX|TRUST|PEOPLE)_/.test(name));
  const set = Object.fromEntries(limits.map((name) => [name, `a value of ${name}`]));

  const { environment } = readService('api', set);

  expect(limits.length).toBeGreaterThan(10);
  expect(environment).toMatchObject(set);
});

test.each(OWN)('%s runs in production, without rights, and with signals handed on', (name) => {
  const service = readService(name, {});

  expect(service.environment).toMatchObject({ NODE_ENV: 'production', HOST: '0.0.0.0' });
  expect(service).toMatchObject({ init: true, read_only: true, cap_drop: ['ALL'] });
  expect(readFileSync(new URL('Dockerfile', ROOT), 'utf8')).toMatch(/^USER node$/m);
});

test('the API and the worker wait until the set-up is done, and the set-up until the engines are healthy', () => {
  const healthy = { condition: 'service_healthy' };

  expect(readService('setup', {}).depends_on).toEqual({ dynamodb: healthy, postgres: healthy });
  for (const name of ['api', 'worker'])
    expect(readService(name, {}).depends_on).toEqual({ setup: { condition: 'service_completed_successfully' } });
  for (const name of ['dynamodb', 'postgres', 'api', 'worker'])
    expect(readService(name, {}).healthcheck?.test.length).toBeGreaterThan(1);
});

test('variables of the shell or of .env take the place of defaults', () => {
  const { environment } = readService('api', {
    POSTGRES_PASSWORD: 'secret',
    OIDC_ISSUER: 'https://issuer.example.com',
  });

  expect(environment).toMatchObject({
    DATABASE_URL: 'postgres://postgres:secret@postgres:5432/cruddur',
    OIDC_ISSUER: 'https://issuer.example.com',
    COGNITO_USER_POOL_ID: '',
    LOG_LEVEL: 'info',
  });
});
