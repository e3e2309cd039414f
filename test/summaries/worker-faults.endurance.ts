import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { UpdateTableCommand } from '@aws-sdk/client-dynamodb';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { expect, test, vi } from 'vitest';
import type { User } from '../../src/model.ts';
import { checkpointTable } from '../../src/stream/checkpoint-table.ts';
import { listDeadLetters } from '../../src/stream/dead-letters.ts';
import { listParked } from '../../src/summaries/parked-work.ts';
import { readNewest } from '../../src/table/log.ts';
import type { Table } from '../../src/table/table.ts';
import { runCommand, targetOf } from '../support/command-line.ts';
import { dynamodbEndpoint } from '../support/dynamodb.ts';
import { type Attempt, answerWithError, proxyEngine } from '../support/engine-proxy.ts';
import { tellFigures } from '../support/figures.ts';
import { groupIdOf, sendAs, users } from '../support/groups.ts';
import { streamArnOf } from '../support/stream.ts';
import { setSummary, spoilMessages } from '../support/summaries.ts';
import { aTable } from '../support/table.ts';
import { startWorker, useCheckpoints, type WorkerProcess } from '../support/worker.ts';

const RUN_MS = 60_000;
const LEASE_SECONDS = 2;
const GROUPS = 12;

const ERRORS = [
  [400, 'ProvisionedThroughputExceededException'],
  [400, 'ThrottlingException'],
  [400, 'TransactionConflictException'],
  [400, 'AccessDeniedException'],
  [500, 'InternalServerError'],
] as const;

const oneIn = (count: number) => randomInt(count) === 0;

/** Sends an attempt to the engine, and answers with what `change` makes of the engine's answer. */
async function passOn({ body, incoming, outgoing }: Attempt, change: (text: string) => string = (text) => text) {
  const headers = Object.entries(incoming.headers).flatMap(([name, value]) =>
    typeof value === 'string' && !['host', 'connection', 'content-length'].includes(name) ? [[name, value]] : [],
  );
  const answer = await fetch(dynamodbEndpoint(), {
    method: 'POST',
    headers: Object.fromEntries(headers),
    body,
  });
  const text = change(await answer.text());
  outgoing.writeHead(answer.status, { 'content-type': 'application/x-amz-json-1.0' }).end(text);
  return true;
}

/** Repeats some records, and puts all but the last into any order. */
function repeatAndReorder(text: string): string {
  const answer = JSON.parse(text) as { Records?: object[] };
  const { Records: records = [] } = answer;
  const last = records.at(-1);
  if (!last) return text;
  const others = records.slice(0, -1);
  const repeated = others.filter(() => oneIn(5));
  const reordered = [...others, ...repeated].sort(() => randomInt(3) - 1);
  return JSON.stringify({ ...answer, Records: [...reordered, last] });
}

/** Lets faults happen to one attempt in so many. */
function faults(counts: Map<string, number>): (attempt: Attempt) => Promise<boolean> {
  const count = (name: string): true => {
    counts.set(name, (counts.get(name) ?? 0) + 1);
    return true;
  };
  return async (attempt) => {
    const { operation, body, outgoing } = attempt;
    if (oneIn(25)) {
      const [status, name] = ERRORS[randomInt(ERRORS.length)] ?? ERRORS[0];
      count(name);
      return answerWithError(outgoing, status, name);
    }
    if (
      operation === 'GetShardIterator' &&
      body.includes('AFTER_SEQUENCE_NUMBER') &&
      (!counts.has('trimmed') || oneIn(6))
    ) {
      count('trimmed');
      return answerWithError(outgoing, 400, 'TrimmedDataAccessException');
    }
    if (operation === 'GetRecords') {
      count('records repeated and reordered');
      return passOn(attempt, repeatAndReorder);
    }
    if (operation === 'UpdateItem' && oneIn(25)) {
      count('lost reply');
      // The write is carried out, now or later: a zombie.
      await delay(oneIn(2) ? 0 : 1_500);
      return passOn(attempt, () => '').catch(() => true);
    }
    return false;
  };
}

/** Sends into a group until told to stop. A few of its items are spoilt on the way. */
async function converse(table: Table, members: readonly User[], isOver: () => boolean, spoilt: { count: number }) {
  const id = groupIdOf(members);
  while (!isOver()) {
    const sender = members[randomInt(members.length)] as User;
    await sendAs(table, members, sender, 'more');
    if (oneIn(60)) {
      const { lastSequence } = await readNewest(table, id, 1, { consistent: true });
      await spoilMessages(table, id, lastSequence + 1);
      spoilt.count += 1;
    }
    await delay(randomInt(150));
  }
}

test('random faults, kills, pauses, lost streams and bad items for 60 s: afterwards every summary that can be read equals its log', async () => {
  const table = await aTable();
  await useCheckpoints(table);
  const groups = Array.from({ length: GROUPS }, (_, index) => users(2 + (index % 4)));
  for (const members of groups) await sendAs(table, members, members[0] as User, 'first');
  const [unread] = groups;
  if (!unread?.[1]) throw new Error('There are groups');
  const counts = new Map<string, number>();
  let answer: (attempt: Attempt) => Promise<boolean> | boolean = faults(counts);
  const endpoint = await proxyEngine((attempt) => answer(attempt));
  const spoilt = { count: 0 };
  let isOver = false;
  const talking = Promise.all(groups.map((members) => converse(table, members, () => isOver, spoilt)));

  const store = checkpointTable(table);
  let worker: WorkerProcess = startWorker(table, LEASE_SECONDS, { endpoint });
  const until = performance.now() + RUN_MS;
  let round = 0;
  while (performance.now() < until) {
    // A worker that never got to work would prove nothing.
    await vi.waitFor(() => expect(worker.log().map(({ msg }) => msg)).toContain('batch done'), 30_000);
    await delay(randomInt(1_000, 3_000));
    round += 1;
    if (round % 3 === 1) {
      await worker.kill();
      worker = startWorker(table, LEASE_SECONDS, { endpoint });
    } else if (round % 3 === 2) {
      // It goes on later, when another worker has the lease, and has to change nothing.
      const paused = worker;
      paused.child.kill('SIGSTOP');
      worker = startWorker(table, LEASE_SECONDS, { endpoint });
      await vi.waitFor(() => expect(worker.log().map(({ msg }) => msg)).toContain('batch done'), 30_000);
      paused.child.kill('SIGCONT');
      await delay(1_000);
      await paused.kill();
    } else {
      const Item = { pk: await streamArnOf(table), sk: `vanished-${round}`, term: 1 };
      await table.client.send(new PutCommand({ TableName: store.name, Item }));
    }
    if (round === 3) {
      for (const StreamEnabled of [false, true]) {
        const StreamSpecification = { StreamEnabled, ...(StreamEnabled && { StreamViewType: 'NEW_IMAGE' as const }) };
        await table.client.send(new UpdateTableCommand({ TableName: table.name, StreamSpecification }));
      }
      await setSummary(table, unread[1].id, groupIdOf(unread), { lastSequence: 'none' });
    }
  }
  isOver = true;
  await talking;
  answer = () => false;

  const summary = await vi.waitFor(
    async () => {
      const { stdout } = await runCommand(targetOf(table), 'summaries', 'verify');
      const last = stdout.trimEnd().split('\n').at(-1);
      expect(last).toContain('wrong summaries: 0, orphans: 0, orphan logs: 0, gaps in logs: 0, ');
      return last;
    },
    { timeout: 90_000, interval: 1_000 },
  );
  await vi.waitFor(async () => expect(await listParked(store)).toEqual([]), { timeout: 60_000, interval: 500 });

  tellFigures('60 s of faults', {
    ...Object.fromEntries(counts),
    'spoilt messages': spoilt.count,
    'rounds of kills and pauses': round,
  });
  // Only records that cannot be read are dead letters. There may be fewer than spoilt messages, because streams were lost.
  for (const { reason } of await listDeadLetters(store, await streamArnOf(table)))
    expect(reason).toContain('is no message');
  expect(summary).toContain(`unreadable items: ${spoilt.count + 1}`);
  expect(counts.size).toBeGreaterThanOrEqual(ERRORS.length + 3);
  expect(await worker.stop()).toBe(0);
}, 300_000);
