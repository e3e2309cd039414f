import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import type { User } from '../../src/model.ts';
import { checkpointTable } from '../../src/stream/checkpoint-table.ts';
import { listDeadLetters } from '../../src/stream/dead-letters.ts';
import { getSummary } from '../../src/table/summaries.ts';
import { runCommand, targetOf } from '../support/command-line.ts';
import { type Attempt, answerWithError, proxyEngine } from '../support/engine-proxy.ts';
import { freePort } from '../support/engines.ts';
import { tellFigures } from '../support/figures.ts';
import { groupIdOf, sendAs, users } from '../support/groups.ts';
import { streamArnOf } from '../support/stream.ts';
import { aTable } from '../support/table.ts';
import { startWorker, useCheckpoints } from '../support/worker.ts';

/** Errors of DynamoDB by status and name; see "Error handling with DynamoDB" in the DynamoDB developer guide. */
const NAMED: readonly (readonly [number, string])[] = [
  [400, 'AccessDeniedException'],
  [400, 'ExpiredTokenException'],
  [400, 'IncompleteSignatureException'],
  [400, 'InvalidSignatureException'],
  [400, 'ItemCollectionSizeLimitExceededException'],
  [400, 'LimitExceededException'],
  [400, 'MissingAuthenticationTokenException'],
  [400, 'ProvisionedThroughputExceededException'],
  [400, 'ReplicatedWriteConflictException'],
  [400, 'RequestLimitExceeded'],
  [400, 'ResourceNotFoundException'],
  [400, 'ThrottlingException'],
  [400, 'TransactionConflictException'],
  [400, 'UnrecognizedClientException'],
  [400, 'ValidationException'],
  [429, 'ThrottlingException'],
  [500, 'InternalServerError'],
  [503, 'ServiceUnavailable'],
];

type Answer = (outgoing: ServerResponse) => true;

const ERRORS: Readonly<Record<string, Answer>> = {
  ...Object.fromEntries(
    NAMED.map(([status, name]): [string, Answer] => [
      `${status} ${name}`,
      (outgoing) => answerWithError(outgoing, status, name),
    ]),
  ),
  'no JSON': (outgoing) => {
    outgoing.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' }).end('<html>');
    return true;
  },
  'half an answer': (outgoing) => {
    outgoing.writeHead(200, { 'content-type': 'application/x-amz-json-1.0', 'content-length': '100' }).write('{"Attr');
    outgoing.destroy();
    return true;
  },
  'a reset': (outgoing) => {
    outgoing.destroy();
    return true;
  },
  silence: () => true,
};

const FAULT_MS = 5_000;
const EVERY_MS = 250;
const LAG_MS = 2_000;

/** A worker on a table of pairs, behind an engine that answers some calls as told. */
async function aWorld(pairs: number, metricsPort?: number) {
  const table = await aTable();
  await useCheckpoints(table);
  const groups = await Promise.all(
    Array.from({ length: pairs }, async () => {
      const members = users(2) as [User, User];
      await sendAs(table, members, members[0], 'first');
      return { members, id: groupIdOf(members) };
    }),
  );
  let answer: (attempt: Attempt) => boolean = () => false;
  const endpoint = await proxyEngine((attempt) => answer(attempt));
  const worker = startWorker(table, 9, { endpoint, ...(metricsPort !== undefined && { metricsPort }) });
  await vi.waitFor(() => expect(worker.log().map(({ msg }) => msg)).toContain('reading a shard'), 20_000);
  type Group = (typeof groups)[number];
  const lags: number[] = [];
  /** Sends into a group, and waits until the reader's summary shows it. */
  const sendAndWait = async ({ members, id }: Group) => {
    const sequence = await sendAs(table, members, members[0], 'more');
    const startedAt = performance.now();
    await vi.waitFor(
      async () => expect((await getSummary(table, members[1].id, id))?.lastSequence).toBeGreaterThanOrEqual(sequence),
      { timeout: 30_000, interval: 20 },
    );
    lags.push(performance.now() - startedAt);
  };
  const expectAllRight = async () => {
    await vi.waitFor(
      async () => {
        const { code, stdout } = await runCommand(targetOf(table), 'summaries', 'verify');
        expect([code, stdout]).toEqual([0, expect.stringContaining('wrong summaries: 0')]);
      },
      { timeout: 40_000, interval: 1_000 },
    );
    expect(await listDeadLetters(checkpointTable(table), await streamArnOf(table))).toEqual([]);
    expect(await worker.stop()).toBe(0);
  };
  return {
    table,
    groups,
    lags,
    sendAndWait,
    expectAllRight,
    answerBy: (by: typeof answer) => {
      answer = by;
    },
  };
}

test('each error of the writes of one group for 5 s: no dead letter, all summaries right, and other groups late by less than 2 s', async () => {
  const kinds = Object.entries(ERRORS);
  const world = await aWorld(kinds.length + 6);
  const { groups, table, lags, sendAndWait, answerBy, expectAllRight } = world;
  const victims = groups.slice(0, kinds.length);
  const others = groups.slice(kinds.length);
  const failures = new Map<string, number>();
  answerBy(({ operation, body, outgoing }) => {
    const victim = victims.findIndex(({ id }) => body.includes(`GRP#${id}`));
    const kind = kinds[victim];
    if (operation !== 'UpdateItem' || !kind) return false;
    failures.set(kind[0], (failures.get(kind[0]) ?? 0) + 1);
    return kind[1](outgoing);
  });

  const until = performance.now() + FAULT_MS;
  while (performance.now() < until) {
    await Promise.all([
      ...victims.map(({ members }) => sendAs(table, members, members[0], 'more')),
      ...others.map(sendAndWait),
    ]);
    await delay(EVERY_MS);
  }
  answerBy(() => false);
  await expectAllRight();

  tellFigures(`${kinds.length} errors at once, each of a group of its own`, {
    'ms until other groups have a message, at most': Math.max(...lags),
  });
  expect([...failures.keys()].sort()).toEqual(kinds.map(([name]) => name).sort());
  expect(Math.max(...lags)).toBeLessThan(LAG_MS);
}, 180_000);

test('while no summary can be written, the lag grows, and it is gone afterwards', async () => {
  const metricsPort = await freePort();
  const { groups, table, answerBy, expectAllRight } = await aWorld(3, metricsPort);
  const lagOf = async () => {
    const metrics = await (await fetch(`http://127.0.0.1:${metricsPort}`)).text();
    return Math.max(0, ...[...metrics.matchAll(/^stream_lag_seconds\{.*\} (\S+)$/gm)].map(([, lag]) => Number(lag)));
  };
  answerBy(({ operation, body, outgoing }) => {
    if (operation !== 'UpdateItem' || !body.includes('USR#')) return false;
    return answerWithError(outgoing, 400, 'AccessDeniedException');
  });
  for (const { members } of groups) await sendAs(table, members, members[0], 'more');

  await vi.waitFor(async () => expect(await lagOf()).toBeGreaterThan(5), { timeout: 30_000, interval: 250 });
  answerBy(() => false);
  await vi.waitFor(async () => expect(await lagOf()).toBe(0), { timeout: 30_000, interval: 250 });
  await expectAllRight();
}, 120_000);

test('each error of all the worker’s calls, one after the other: no dead letter, and all summaries right afterwards', async () => {
  const failures = new Set<string>();
  const left = Object.entries(ERRORS).values();
  const failOn = async () => {
    const { groups, table, answerBy, expectAllRight } = await aWorld(5);
    for (const [name, error] of left) {
      answerBy(({ outgoing }) => {
        failures.add(name);
        return error(outgoing);
      });
      const until = performance.now() + FAULT_MS;
      while (performance.now() < until) {
        for (const { members } of groups) await sendAs(table, members, members[0], 'more');
        await delay(EVERY_MS);
      }
      answerBy(() => false);
    }
    await expectAllRight();
  };
  await Promise.all(Array.from({ length: 4 }, failOn));

  expect([...failures].sort()).toEqual(Object.keys(ERRORS).sort());
}, 240_000);
