import { setTimeout as delay } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { readNewest, readOlder } from '../../src/table/log.ts';
import type { Table } from '../../src/table/table.ts';
import { anApi, useApi } from '../support/api.ts';
import { runCommand, targetOf } from '../support/command-line.ts';
import { aKillableEngine } from '../support/killable-engine.ts';
import { CREATE_MESSAGE, startGroup } from '../support/operations.ts';
import { startWorker, useCheckpoints } from '../support/worker.ts';

useApi();

const SENDERS = 8;
const KILLS = 10;
/** Up for longer than it is down, which is too long for the SDK's retries to cover up. */
const UP_MS = 2_300;
const DOWN_MS = 700;

/** All messages of a group, oldest first. */
async function logOf(table: Table, messageGroupId: string) {
  const log = [...(await readNewest(table, messageGroupId, 100, { consistent: true })).messages];
  while ((log[0]?.sequence ?? 1) > 1)
    log.unshift(...(await readOlder(table, messageGroupId, log[0]?.sequence ?? 1, 100)).messages);
  return log;
}

test('an engine that is killed every 3 s for 30 s under 8 senders: nothing is lost, doubled or left out', async () => {
  const engine = await aKillableEngine();
  const api = await anApi({ dynamodbEndpoint: engine.endpoint });
  await useCheckpoints(api.table);
  const people = await api.people(SENDERS);
  const messageGroupId = await startGroup(api, people, 'start');
  const worker = startWorker(api.table, 1, engine.endpoint);

  let isOver = false;
  const acknowledged: string[] = [];
  const refused = new Set<string>();
  let slowestMs = 0;
  const sending = people.map(async (person, index) => {
    for (let count = 0; !isOver; count += 1) {
      const body = `${index}-${count}`;
      // Every other send can be repeated; the rest is told to have failed, and is not sent again.
      const clientMessageId = count % 2 === 0 ? body : undefined;
      for (let isSent = false; !isSent; ) {
        const start = performance.now();
        const input = { to: { messageGroupId }, body, clientMessageId };
        const response = await api.post(person, CREATE_MESSAGE, { input });
        slowestMs = Math.max(slowestMs, performance.now() - start);
        const { data, errors } = (await response.json()) as Awaited<ReturnType<typeof api.reply>>;
        if (!errors) {
          expect(data.createMessage.userErrors).toEqual([]);
          acknowledged.push(body);
        } else {
          expect({ status: response.status, code: errors[0]?.extensions.code }).toEqual({
            status: 503,
            code: 'UNAVAILABLE',
          });
          refused.add(body);
        }
        isSent = !errors || clientMessageId === undefined;
      }
    }
  });

  for (let kills = 0; kills < KILLS; kills += 1) {
    await delay(UP_MS);
    await engine.kill();
    await delay(DOWN_MS);
    await engine.restart();
  }
  const recovery = performance.now();
  const before = acknowledged.length;
  await vi.waitFor(() => expect(acknowledged.length).toBeGreaterThan(before), 10_000);
  const recoveredMs = performance.now() - recovery;
  isOver = true;
  await Promise.all(sending);

  const log = await logOf(api.table, messageGroupId);
  const bodies = log.map(({ body }) => body);
  expect(log.map(({ sequence }) => sequence)).toEqual(log.map((_, index) => index + 1));
  expect(new Set(bodies).size).toBe(bodies.length);
  expect(acknowledged.filter((body) => !bodies.includes(body))).toEqual([]);
  expect(recoveredMs).toBeLessThan(5_000);
  expect(slowestMs).toBeLessThan(10_000);
  // Otherwise the kills would have met nobody.
  expect(refused.size).toBeGreaterThan(0);
  await vi.waitFor(
    async () => {
      const target = { ...targetOf(api.table), DYNAMODB_ENDPOINT: engine.endpoint };
      expect(await runCommand(target, 'summaries', 'verify')).toMatchObject({ code: 0 });
    },
    { timeout: 30_000, interval: 500 },
  );
  expect(await worker.stop()).toBe(0);
}, 120_000);
