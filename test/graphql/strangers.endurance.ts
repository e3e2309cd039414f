import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { aConversation } from '../support/access-cases.ts';
import { useApi } from '../support/api.ts';
import { median, tellFigures } from '../support/figures.ts';
import { putMessages } from '../support/groups.ts';
import { ATTEMPTS, variablesOf } from '../support/strangers-attempts.ts';

useApi();

const TIMINGS = 200;
const WARM_UP = 30;
/** Of two samples of 200 that do not differ, one pair in 2,000 is further apart. Such a pair is taken again, twice at most. */
const AUC = { least: 0.4, most: 0.6 };

test.each(Object.entries(ATTEMPTS))(
  '%s takes a stranger as long whether or not the group exists',
  { timeout: 120_000, retry: 2 },
  async (name, attempt) => {
    const conversation = await aConversation();
    const { api, ann, cyd, messageGroupId } = conversation;
    await putMessages(api.table, messageGroupId, ann, 4, 203);
    const timed = async (id: string) => {
      const variables = variablesOf(conversation, attempt, id);
      const start = performance.now();
      await (await api.post(cyd, attempt.query, variables)).text();
      return performance.now() - start;
    };
    for (let count = 0; count < WARM_UP; count += 1) {
      await timed(messageGroupId);
      await timed(randomUUID());
    }

    const [real, none]: [number[], number[]] = [[], []];
    for (let count = 0; count < TIMINGS; count += 1) {
      // By turns first: what one leaves to do, such as garbage, is the other's as often.
      const isRealFirst = count % 2 === 0;
      if (isRealFirst) real.push(await timed(messageGroupId));
      none.push(await timed(randomUUID()));
      if (!isRealFirst) real.push(await timed(messageGroupId));
    }

    const auc = areaUnderCurve(real, none);
    tellFigures(`a stranger's ${name}`, {
      AUC: auc.toFixed(3),
      'ms where the group exists (p50)': median(real),
      'ms where it does not': median(none),
    });
    expect(auc).toBeGreaterThan(AUC.least);
    expect(auc).toBeLessThan(AUC.most);
  },
);

/** How often a timing of one sample is longer than one of the other: 0.5 if they do not differ, 0 or 1 if they can always be told apart. */
function areaUnderCurve(one: readonly number[], other: readonly number[]): number {
  let wins = 0;
  for (const each of one) for (const against of other) wins += each > against ? 1 : each === against ? 0.5 : 0;
  return wins / (one.length * other.length);
}
