import { setTimeout as delay } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { anApi, useApi } from '../support/api.ts';
import { aMisbehavingEngine, MISBEHAVIOURS } from '../support/misbehaving-engine.ts';
import { startGroup } from '../support/operations.ts';
import { expectWholeLog, startSenders } from '../support/senders.ts';

useApi();

/** What keeps a request waiting goes on for longer than the longest time that a request may take. */
const FAULT_MS: Readonly<Record<string, number>> = { 'answers 2 s late': 12_000, 'does not answer at all': 12_000 };
const OTHER_FAULT_MS = 4_000;

test.each(Object.entries(MISBEHAVIOURS))(
  'an engine that %s: no request over 10 s, nothing lost or doubled, and all is well within 5 s of the end',
  async (kind, misbehaviour) => {
    const engine = await aMisbehavingEngine();
    const api = await anApi({ dynamodbEndpoint: engine.endpoint });
    const people = await api.people(4);
    const messageGroupId = await startGroup(api, people, 'start');
    const senders = startSenders(api, people, messageGroupId);
    const inbox = '{ messageGroups { edges { node { createdAt lastMessage { body } } } } }';
    await vi.waitFor(() => expect(senders.acknowledged.length).toBeGreaterThan(20), 10_000);

    const [callsBefore, attemptsBefore] = [api.calls.length, engine.attempts()];
    engine.misbehave(misbehaviour);
    let isOver = false;
    let slowestPollMs = 0;
    const polling = (async () => {
      while (!isOver) {
        const start = performance.now();
        await api.post(people[0], inbox).then((response) => response.text());
        slowestPollMs = Math.max(slowestPollMs, performance.now() - start);
      }
    })();
    await delay(FAULT_MS[kind] ?? OTHER_FAULT_MS);
    engine.misbehave(undefined);
    const before = senders.acknowledged.length;
    await vi.waitFor(() => expect(senders.acknowledged.length).toBeGreaterThan(before + 8), 5_000);
    isOver = true;
    await Promise.all([senders.stop(), polling]);

    await expectWholeLog(api.table, messageGroupId, senders);
    expect(senders.slowestMs()).toBeLessThan(10_000);
    expect(slowestPollMs).toBeLessThan(10_000);
    const calls = api.calls.length - callsBefore;
    expect((engine.attempts() - attemptsBefore) / calls).toBeLessThanOrEqual(3);
  },
  60_000,
);
