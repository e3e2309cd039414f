import { randomUUID } from 'node:crypto';
import {
  CreateTableCommand,
  DeleteTableCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { createMessage } from '../../src/messaging/create-message.ts';
import { SEED_MESSAGES } from '../../src/seed/messages.ts';
import { seedPeople } from '../../src/seed/people.ts';
import { tableDefinition } from '../../src/table/definition.ts';
import { openTable, type Table } from '../../src/table/table.ts';
import { openDirectory } from '../../src/users/directory.ts';
import { openPool } from '../../src/users/pool.ts';
import { runCli, runCommand, targetOf } from '../support/command-line.ts';
import { dynamodbEndpoint } from '../support/dynamodb.ts';
import { addPeople, type Person } from '../support/people.ts';
import { aTable, testRegion } from '../support/table.ts';

let pool: ReturnType<typeof openPool>;
beforeAll(() => {
  pool = openPool({ url: inject('databaseUrl'), poolSize: 1, onIdleError: () => {} });
});
afterAll(() => pool.end());

/** The name of a table that is not there yet; what commands make of it is gone when the test is over. */
function aName(): Table {
  const table = openTable({ name: `test-${randomUUID()}`, region: testRegion(), endpoint: dynamodbEndpoint() });
  onTestFinished(async () => {
    for (const name of [table.name, `${table.name}-checkpoints`]) {
      await table.client.send(new DeleteTableCommand({ TableName: name })).catch(() => {});
    }
    table.client.destroy();
  });
  return table;
}

/** The same engine by an address that does not say that it is on this machine. */
function elsewhere(table: Pick<Table, 'name'>): NodeJS.ProcessEnv {
  const target = targetOf(table);
  return { ...target, DYNAMODB_ENDPOINT: target['DYNAMODB_ENDPOINT']?.replace('127.0.0.1', '0.0.0.0') };
}

function isThere({ client, name }: Table): Promise<boolean> {
  return client.send(new DescribeTableCommand({ TableName: name })).then(
    () => true,
    () => false,
  );
}

/** A conversation of two people of the directory. */
async function aConversation(table: Table, bodies: readonly string[]): Promise<[Person, Person, string]> {
  const [ann, ben] = (await addPeople(pool, 2)) as [Person, Person];
  const { findByHandles, findByIds } = openDirectory(pool);
  let messageGroupId = '';
  for (const body of bodies) {
    const to = { recipientHandles: [ben.handle] };
    const sent = await createMessage(
      { table, findUsersByHandle: findByHandles, findUsersById: findByIds, now: Date.now },
      ann,
      { to, body },
    );
    if ('userErrors' in sent) throw new Error('The message can be sent');
    messageGroupId = sent.messageGroup.id;
  }
  return [ann, ben, messageGroupId];
}

describe('schema-load', () => {
  test('makes both tables, and done again changes nothing', async () => {
    const table = aName();

    const first = await runCli(targetOf(table), 'ddb', 'schema-load');
    const second = await runCommand(targetOf(table), 'ddb', 'schema-load');
    const listed = await runCli(targetOf(table), 'ddb', 'list-tables');
    const json = await runCommand(targetOf(table), 'ddb', 'list-tables', '--json');

    expect(first).toEqual({
      code: 0,
      stdout: `${table.name}: created\n${table.name}-checkpoints: created\n`,
      stderr: '',
    });
    expect(second).toEqual({
      code: 0,
      stdout: `${table.name}: is there\n${table.name}-checkpoints: is there\n`,
      stderr: '',
    });
    expect(listed.stdout.split('\n')).toEqual(expect.arrayContaining([table.name, `${table.name}-checkpoints`]));
    expect(JSON.parse(json.stdout)).toEqual(expect.arrayContaining([table.name]));
  });

  test('reports in what a table that is there differs, and leaves it as it is', async () => {
    const table = aName();
    const { client, name } = table;
    await client.send(
      new CreateTableCommand({
        TableName: name,
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: [
          { AttributeName: 'pk', AttributeType: 'S' },
          { AttributeName: 'sk', AttributeType: 'S' },
        ],
        KeySchema: [
          { AttributeName: 'pk', KeyType: 'HASH' },
          { AttributeName: 'sk', KeyType: 'RANGE' },
        ],
        StreamSpecification: { StreamEnabled: true, StreamViewType: 'KEYS_ONLY' },
      }),
    );
    await client.send(
      new UpdateTimeToLiveCommand({
        TableName: name,
        TimeToLiveSpecification: { AttributeName: 'ttl', Enabled: true },
      }),
    );

    const { code, stdout } = await runCommand(targetOf(table), 'ddb', 'schema-load');

    expect(code).toBe(1);
    expect(stdout.split('\n').slice(2, -1)).toEqual([
      `${name}: the key of the index inbox is missing, not [{"AttributeName":"pk","KeyType":"HASH"},{"AttributeName":"activityKey","KeyType":"RANGE"}].`,
      `${name}: the projection of the index inbox is missing, not ALL.`,
      `${name}: the stream view is KEYS_ONLY, not NEW_IMAGE.`,
      `${name}: the time to live is ttl, not expiresAt.`,
    ]);
  });

  test('completes what an earlier one was cut short of', async () => {
    const table = aName();
    await table.client.send(new CreateTableCommand(tableDefinition(table.name)));

    const { code } = await runCommand(targetOf(table), 'ddb', 'schema-load');

    const { TimeToLiveDescription: timeToLive } = await table.client.send(
      new DescribeTimeToLiveCommand({ TableName: table.name }),
    );
    expect(code).toBe(0);
    expect(timeToLive).toMatchObject({ AttributeName: 'expiresAt' });
  });
});

describe('drop', () => {
  test('deletes the tables of an engine on this machine, and says when there is nothing to delete', async () => {
    const table = aName();
    await runCommand(targetOf(table), 'ddb', 'schema-load');

    const dropped = await runCli(targetOf(table), 'ddb', 'drop');
    const again = await runCommand(targetOf(table), 'ddb', 'drop');

    expect(dropped).toEqual({
      code: 0,
      stdout: `${table.name}: dropped\n${table.name}-checkpoints: dropped\n`,
      stderr: '',
    });
    expect(again.stdout).toBe(`${table.name}: is not there\n${table.name}-checkpoints: is not there\n`);
  });

  test('refuses an engine that may be elsewhere, and leaves everything, until the name is typed out', async () => {
    const table = aName();
    await runCommand(targetOf(table), 'ddb', 'schema-load');

    const refused = await runCli(elsewhere(table), 'ddb', 'drop');
    const mistyped = await runCommand(elsewhere(table), 'ddb', 'drop', '--yes', 'cruddur-messages');
    const afterRefusals = await isThere(table);
    const confirmed = await runCommand(elsewhere(table), 'ddb', 'drop', '--yes', table.name);

    expect(refused).toEqual({
      code: 1,
      stdout: '',
      stderr: `The table ${table.name} is not on this machine. Nothing was done. To go ahead: --yes ${table.name}\n`,
    });
    expect(mistyped).toEqual({
      code: 1,
      stdout: '',
      stderr: `The table is ${table.name}, not cruddur-messages. Nothing was done.\n`,
    });
    expect(afterRefusals).toBe(true);
    expect(confirmed.code).toBe(0);
    expect(await isThere(table)).toBe(false);
  });
});

describe('seed', () => {
  test('writes the conversations once, and to an engine that may be elsewhere only when told', async () => {
    const table = await aTable();
    await seedPeople(pool);

    const refused = await runCommand(elsewhere(table), 'ddb', 'seed');
    const empty = await runCommand(targetOf(table), 'ddb', 'scan');
    const first = await runCli(targetOf(table), 'ddb', 'seed');
    const second = await runCommand(targetOf(table), 'ddb', 'seed');
    const scanned = await runCommand(targetOf(table), 'ddb', 'scan', '--limit', '100000');

    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(empty.stdout).toBe('');
    expect(first).toEqual({ code: 0, stdout: `${SEED_MESSAGES} messages are there.\n`, stderr: '' });
    expect(second).toEqual(first);
    const types = scanned.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).itemType);
    expect(types.filter((type) => type === 'message')).toHaveLength(SEED_MESSAGES);
  });
});

describe('scan', () => {
  test('prints items a page at a time, as what they are or as they lie there', async () => {
    const table = await aTable();
    const [ann, ben, messageGroupId] = await aConversation(table, ['one', 'two']);
    await table.client.send(
      new PutCommand({ TableName: table.name, Item: { pk: `GRP#${messageGroupId}`, sk: 'MSG#0' } }),
    );

    const pages = [await runCli(targetOf(table), 'ddb', 'scan', '--limit', '4')];
    const position = /There is more: --after (\S+)/.exec(pages[0]?.stderr ?? '')?.[1] ?? '';
    pages.push(await runCommand(targetOf(table), 'ddb', 'scan', '--after', position));
    const raw = await runCommand(targetOf(table), 'ddb', 'scan', '--raw');

    const items = pages.flatMap(({ stdout }) =>
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    );
    expect(pages[0]?.stdout.trim().split('\n')).toHaveLength(4);
    expect(pages[0]?.stderr).toMatch(/^1 Scan, 0\.5 read capacity units\n/);
    expect(items).toHaveLength(6);
    expect(items).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ itemType: 'message group', id: messageGroupId, memberIds: [ann.id, ben.id].sort() }),
        expect.objectContaining({ itemType: 'message', messageGroupId, sequence: 1, body: 'one', senderId: ann.id }),
        expect.objectContaining({ itemType: 'message', messageGroupId, sequence: 2, body: 'two' }),
        expect.objectContaining({ itemType: 'summary', userId: ann.id, messageGroupId, readSequence: 2 }),
        expect.objectContaining({ itemType: 'summary', userId: ben.id, messageGroupId, readSequence: 0 }),
        expect.objectContaining({ itemType: 'malformed', reason: expect.stringContaining('is no message') }),
      ]),
    );
    expect(raw.stdout).toContain(`"pk":"USR#${ann.id}"`);
  });

  test('does not go on from a position that no scan told', async () => {
    const table = await aTable();

    const { code, stdout, stderr } = await runCommand(targetOf(table), 'ddb', 'scan', '--after', 'nonsense');

    expect({ code, stdout, stderr }).toEqual({
      code: 1,
      stdout: '',
      stderr: 'The position is not one of a scan of this table.\n',
    });
  });
});

describe('conversations', () => {
  test('of a person are listed as aligned text, latest activity first, with what the read consumed', async () => {
    const table = await aTable();
    const [ann, ben, messageGroupId] = await aConversation(table, ['first \u001b[31mred', 'second']);

    const text = await runCli(targetOf(table), 'ddb', 'list-conversations', ben.handle.toUpperCase());
    const json = await runCommand(targetOf(table), 'ddb', 'list-conversations', ben.handle, '--json');

    const [head, row, capacity] = text.stdout.split('\n');
    expect(text).toMatchObject({ code: 0, stderr: '' });
    expect(head?.trimEnd()).toMatch(/^MESSAGE GROUP +KIND +WITH +UNREAD +LAST ACTIVITY +LAST MESSAGE$/);
    // No worker runs here: the summary is that of the message that started the group.
    expect(row).toMatch(new RegExp(`^${messageGroupId} +DIRECT +${ann.handle} +1 +\\S+Z +${ann.handle}: first red$`));
    expect(row?.indexOf('DIRECT')).toBe(head?.indexOf('KIND'));
    expect(capacity).toBe('1 Query, 0.5 read capacity units');
    expect(JSON.parse(json.stdout)).toMatchObject([{ messageGroupId, lastSequence: 1, readSequence: 0 }]);
  });

  test('are shown by their id or by their members, newest message first, a page at a time', async () => {
    const table = await aTable();
    const [ann, ben, messageGroupId] = await aConversation(table, ['one', 'two\nlines', 'three']);

    const byId = await runCli(targetOf(table), 'ddb', 'get-conversation', messageGroupId, '--limit', '2');
    const byHandles = await runCommand(targetOf(table), 'ddb', 'get-conversation', ben.handle, ann.handle, '--json');
    const older = await runCommand(targetOf(table), 'ddb', 'get-conversation', messageGroupId, '--before', '2');

    expect(byId.code).toBe(0);
    expect(byId.stdout.split('\n').map((line) => line.trimEnd())).toEqual([
      expect.stringMatching(new RegExp(`^DIRECT ${messageGroupId} since \\S+: `)),
      expect.stringMatching(/^SEQUENCE {2}CREATED +SENDER +BODY$/),
      expect.stringMatching(new RegExp(`^3 +\\S+ +${ann.handle} +three$`)),
      expect.stringMatching(new RegExp(`^2 +\\S+ +${ann.handle} +two lines$`)),
      '1 Query, 0.5 read capacity units',
      '',
    ]);
    expect(byId.stderr).toBe('There is more: --before 2\n');
    expect(JSON.parse(byHandles.stdout)).toMatchObject({
      id: messageGroupId,
      messages: [{ sequence: 3 }, { sequence: 2 }, { sequence: 1, body: 'one' }],
    });
    expect(older.stdout).toContain('1 GetItem, 1 Query, 1 read capacity units');
  });

  test('of nobody, and those that do not exist, end in a sentence', async () => {
    const table = await aTable();

    const nobody = await runCommand(targetOf(table), 'ddb', 'list-conversations', 'nobody_at_all');
    const nothing = await runCommand(targetOf(table), 'ddb', 'get-conversation', randomUUID());

    expect(nobody).toEqual({ code: 1, stdout: '', stderr: 'Nobody in the directory has the handle nobody_at_all.\n' });
    expect(nothing).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^There is no message group /),
    });
  });
});
