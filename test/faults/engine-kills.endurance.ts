import { setTimeout as delay } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { anApi, useApi } from '../support/api.ts';
import { runCommand, targetOf } from '../support/command-line.ts';
import { aKillableEngine } from '../support/killable-engine.ts';
import { startGroup } from '../support/operations.ts';
import { expectWholeLog, startSenders } from '../support/senders.ts';
import { startWorker, useCheckpoints } from '../support/worker.ts';

useApi();

const KILLS = 10;
/** Up for longer than it is down, which is too long for the SDK's retries to cover up. */
const UP_MS = 2_300;
const DOWN_MS = 700;

test('an engine that is killed every 3 s for 30 s under 8 senders: nothing is lost, doubled or left out', async () => {
  const engine = await aKillableEngine();
  const api = await anApi({ dynamodbEndpoint: engine.endpoint });
  await useCheckpoints(api.table);
  const people = await api.people(8);
  const messageGroupId = await startGroup(api, people, 'start');
  const worker = startWorker(api.table, 1, { endpoint: engine.endpoint });
  const senders = startSenders(api, people, messageGroupId);

  for (let kills = 0; kills < KILLS; kills += 1) {
    await delay(UP_MS);
    await engine.kill();
    await delay(DOWN_MS);
    await engine.restart();
  }
  const before = senders.acknowledged.length;
  await vi.waitFor(() => expect(senders.acknowledged.length).toBeGreaterThan(before), 5_000);
  await senders.stop();

  await expectWholeLog(api.table, messageGroupId, senders);
  expect(senders.slowestMs()).toBeLessThan(10_000);
  // Otherwise the kills would have met nobody.
  expect(senders.refused.size).toBeGreaterThan(0);
  await vi.waitFor(
    async () => {
      const target = { ...targetOf(api.table), DYNAMODB_ENDPOINT: engine.endpoint };
      expect(await runCommand(target, 'summaries', 'verify')).toMatchObject({ code: 0 });
    },
    { timeout: 30_000, interval: 500 },
  );
  expect(await worker.stop()).toBe(0);
}, 120_000);
