import { expect, onTestFinished, test, vi } from 'vitest';
import type { User } from '../src/model.ts';
import { checkpointTable } from '../src/stream/checkpoint-table.ts';
import { Checkpoints } from '../src/stream/checkpoints.ts';
import { openStreams } from '../src/stream/client.ts';
import { noteStream } from '../src/stream/current-stream.ts';
import { listShards } from '../src/stream/shards.ts';
import { getSummary } from '../src/table/summaries.ts';
import type { Table } from '../src/table/table.ts';
import { runCommand, targetOf } from './support/command-line.ts';
import { dynamodbEndpoint } from './support/dynamodb.ts';
import { type Attempt, proxyEngine } from './support/engine-proxy.ts';
import { groupIdOf, putMessages, sendAs, users } from './support/groups.ts';
import { streamArnOf } from './support/stream.ts';
import { aTable, testRegion } from './support/table.ts';
import { startWorker, useCheckpoints } from './support/worker.ts';

/** So many messages in each of so many groups are three batches. */
const GROUPS = 10;
const MESSAGES = 250;
const STOP_MS = 5_000;

type Calls = 'nothing' | 'updates of summaries' | 'everything';

/** The engine as one worker sees it. In the middle of the second batch it begins to hold calls back, until it is let go. */
async function anEngineThatHolds(calls: Calls) {
  const batches: string[][] = [];
  const held: (() => void)[] = [];
  let isFirstDone = false;
  let isLetGo = false;
  const isHeld = (attempt: Attempt) =>
    isFirstDone && !isLetGo && (isUpdateOfSummary(attempt) || (calls === 'everything' && held.length > 0));
  const endpoint = await proxyEngine(
    async (attempt) => {
      isFirstDone ||= isCheckpoint(attempt);
      if (calls !== 'nothing' && isHeld(attempt)) await new Promise<void>((resolve) => held.push(resolve));
      return false;
    },
    (operation, body) => {
      if (operation !== 'GetRecords') return;
      const { Records = [] } = JSON.parse(body) as { Records?: { dynamodb: { SequenceNumber: string } }[] };
      if (Records.length > 0) batches.push(Records.map(({ dynamodb }) => dynamodb.SequenceNumber));
    },
  );
  const letGo = () => {
    isLetGo = true;
    for (const answer of held) answer();
  };
  onTestFinished(letGo);
  return { endpoint, batches, held, letGo };
}

function isCheckpoint({ operation, body }: Attempt): boolean {
  return operation === 'UpdateItem' && JSON.parse(body).UpdateExpression.includes('checkpoint');
}

function isUpdateOfSummary({ operation, body }: Attempt): boolean {
  return operation === 'UpdateItem' && !JSON.parse(body).TableName.endsWith('-checkpoints');
}

/** Notes that an earlier worker read the stream. A first one repairs all summaries, whose updates would be held too. */
async function readBefore(table: Table): Promise<void> {
  const [store, streamArn] = [checkpointTable(table), await streamArnOf(table)];
  await noteStream(store, streamArn, async () => {});
  const checkpoints = new Checkpoints(store, streamArn, 0);
  const streams = openStreams({ region: testRegion(), endpoint: dynamodbEndpoint() });
  for (const { id } of await listShards(streams, streamArn, new AbortController().signal)) {
    await checkpoints.claim(id);
    await checkpoints.caughtUp(id, Date.now());
  }
  streams.destroy();
}

async function threeBatches(table: Table): Promise<[User, User][]> {
  const groups = Array.from({ length: GROUPS }, () => users(2) as [User, User]);
  for (const group of groups) {
    await sendAs(table, group, group[0], 'first');
    await putMessages(table, groupIdOf(group), group[0], 2, MESSAGES);
  }
  return groups;
}

test.each<[string, Calls, 'ends' | 'is given up', number]>([
  ['that ends', 'updates of summaries', 'ends', 60],
  ['that can’t end', 'updates of summaries', 'is given up', 60],
  // Its lease can't be released either: it has to run out.
  ['when the engine falls silent', 'everything', 'is given up', 3],
])(
  'SIGTERM in a batch %s: exit code 0 within 5 s, and only batches that are not done come again',
  async (_, calls, how, lease) => {
    const table = await aTable();
    await useCheckpoints(table);
    await readBefore(table);
    const groups = await threeBatches(table);
    const [first, second] = [await anEngineThatHolds(calls), await anEngineThatHolds('nothing')];

    const stopped = startWorker(table, lease, { endpoint: first.endpoint });
    await vi.waitFor(() => expect(first.held.length).toBeGreaterThan(0), 20_000);
    const startedAt = performance.now();
    const stopping = stopped.stop();
    await vi.waitFor(() => expect(stopped.log().map(({ msg }) => msg)).toContain('draining'), 5_000);
    if (how === 'ends') first.letGo();
    const code = await stopping;
    const afterMs = performance.now() - startedAt;
    startWorker(table, lease, { endpoint: second.endpoint });
    await vi.waitFor(
      async () => {
        for (const group of groups) {
          const summaries = group.map(({ id }) => getSummary(table, id, groupIdOf(group), { consistent: true }));
          expect((await Promise.all(summaries)).map((summary) => summary?.lastSequence)).toEqual([MESSAGES, MESSAGES]);
        }
      },
      { timeout: 20_000, interval: 200 },
    );

    expect(code).toBe(0);
    expect(afterMs).toBeLessThan(STOP_MS);
    const [before, after] = [new Set(first.batches.flat()), new Set(second.batches.flat())];
    expect([...before].filter((record) => after.has(record))).toEqual(
      how === 'ends' ? [] : first.batches.slice(1).flat(),
    );
    expect(first.batches.length).toBeGreaterThanOrEqual(2);
    expect(new Set([...before, ...after]).size).toBeGreaterThan(GROUPS * MESSAGES);
    expect(await runCommand(targetOf(table), 'summaries', 'verify')).toMatchObject({ code: 0 });
  },
  60_000,
);
