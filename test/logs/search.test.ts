import { describe, expect, test } from 'vitest';
import { MESSAGE_BODY, type Secret, searchFor } from './search.ts';

const PASSWORD = { what: 'a password', value: 'correct-horse-battery' };
const TOKEN = 'eyJhbGciOiJSUzI1NiIsImtpZCI6InQifQ.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl-_c2lnbmF0dXJl';

function found(line: string, secrets: readonly Secret[] = [PASSWORD], peoplesTexts = false): string[] {
  return searchFor(secrets)
    .leaksIn(line, peoplesTexts)
    .map(({ what }) => what);
}

describe('what is found in a log', () => {
  test.each([
    'password is correct-horse-battery',
    'correct-horse-battery',
    '{"args":["someone","correct-horse-battery"]}',
    'xcorrect-horse-batteryx',
  ])('a secret: %s', (line) => {
    expect(found(line)).toEqual(['a password']);
  });

  test.each([
    ['a "quoted" secret', 'said "a \\"quoted\\" secret"'],
    ['a secret\nof two lines', '{"msg":"a secret\\nof two lines"}'],
  ])('a secret as JSON spells it: %j', (value, line) => {
    expect(found(line, [{ what: 'a secret', value }])).toEqual(['a secret']);
  });

  test('each of several secrets that begin alike', () => {
    const [one, other] = [
      { what: 'one', value: 'the same start, one' },
      { what: 'other', value: 'the same start, another' },
    ];

    expect(found('the same start, another', [one, other])).toEqual(['other']);
    expect(found('the same start, one; the same start, another', [one, other])).toEqual(['one', 'other']);
  });

  test.each([
    [TOKEN, 'a token by its form'],
    [TOKEN.slice(0, 40), 'a token by its form'],
    ['the header was "Bearer x"', 'a credential'],
    ['basic dXNlcjpwYXNz', 'a credential'],
    ['connect postgres://user:pass@db.example.com/db', 'a URL with a password'],
    ['redis://:pass@127.0.0.1:6379', 'a URL with a password'],
    ['-----BEGIN PRIVATE KEY-----', 'a private key'],
    ['{"kty":"RSA","d":"AQAB"}', 'a private key'],
    ['{"body":"hi"}', 'a property that a log has no place for'],
    ['{"err":{"Item":{"body":{"S":"hi"}}}}', 'a property that a log has no place for'],
    ['{"msg":"{\\"authorization\\": 1}"}', 'a property that a log has no place for'],
    ['request {"Headers":{}}', 'a property that a log has no place for'],
  ])('by its form: %s', (line, what) => {
    expect(found(line)).toEqual([what]);
  });

  test.each([
    '{"level":30,"method":"POST","path":"/graphql","status":200,"remoteAddress":"127.0.0.1","msg":"request"}',
    'connect ECONNREFUSED 127.0.0.1:6379',
    'postgres://db.example.com/db and http://127.0.0.1:4000/graphql, see x@example.com',
    'somebody without a body, and a bearer.',
    'correct-horse',
  ])('nothing, where there is nothing: %s', (line) => {
    expect(found(line)).toEqual([]);
  });
});

test('where people’s messages may be, they are not counted, and all else is', () => {
  const body = { what: MESSAGE_BODY, value: 'what Ann told Ben' };
  const line = `{"body":"what Ann told Ben","token":"${TOKEN}","password":"correct-horse-battery"}`;

  expect(found(line, [PASSWORD, body], true)).toEqual(['a password', 'a token by its form']);
  expect(found('said: what Ann told Ben', [PASSWORD, body])).toEqual([MESSAGE_BODY]);
});

test('what is told of a leak shows where it is, and neither it nor any other', () => {
  const line = `begin ${TOKEN} then correct-horse-battery end`;

  const leaks = searchFor([PASSWORD]).leaksIn(line);

  expect(leaks).toEqual([
    { what: 'a password', excerpt: 'begin ▮▮▮ then ▮▮▮' },
    { what: 'a token by its form', excerpt: 'begin ▮▮▮' },
  ]);
});
