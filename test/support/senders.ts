import { expect } from 'vitest';
import { readNewest, readOlder } from '../../src/table/log.ts';
import type { Table } from '../../src/table/table.ts';
import type { Reply, TestApi } from './api.ts';
import { CREATE_MESSAGE } from './operations.ts';
import type { Person } from './people.ts';

/** People who send into a group for as long as they are let, and what they were told. */
export interface Senders {
  /** The bodies that the API said are sent. */
  readonly acknowledged: readonly string[];
  /** The bodies that were refused at least once, always as unavailable. */
  readonly refused: ReadonlySet<string>;
  /** How long the slowest request took so far, in milliseconds. */
  slowestMs(): number;
  /** Lets each end the send that it is at. */
  stop(): Promise<void>;
}

/**
 * Starts them. Every other send has a clientMessageId, and is repeated until it succeeds; the others are sent once, whatever comes of
 * it.
 */
export function startSenders(api: TestApi, people: readonly Person[], messageGroupId: string): Senders {
  const acknowledged: string[] = [];
  const refused = new Set<string>();
  let slowestMs = 0;
  let isOver = false;

  async function send(person: Person, body: string, clientMessageId: string | undefined): Promise<boolean> {
    const start = performance.now();
    const response = await api.post(person, CREATE_MESSAGE, {
      input: { to: { messageGroupId }, body, clientMessageId },
    });
    const { data, errors } = (await response.json()) as Reply;
    slowestMs = Math.max(slowestMs, performance.now() - start);
    if (errors) {
      expect({ status: response.status, code: errors[0]?.extensions.code }).toEqual({
        status: 503,
        code: 'UNAVAILABLE',
      });
      refused.add(body);
      return false;
    }
    expect(data.createMessage.userErrors).toEqual([]);
    acknowledged.push(body);
    return true;
  }

  const sending = Promise.all(
    people.map(async (person, index) => {
      for (let count = 0; !isOver; count += 1) {
        const body = `${index}-${count}`;
        if (count % 2 === 1) await send(person, body, undefined);
        else while (!(await send(person, body, body)) && !isOver);
      }
    }),
  );
  return {
    acknowledged,
    refused,
    slowestMs: () => slowestMs,
    stop: async () => {
      isOver = true;
      await sending;
    },
  };
}

/** That the group's log has what the senders were told, nothing twice, and no hole. */
export async function expectWholeLog(table: Table, messageGroupId: string, { acknowledged }: Senders): Promise<void> {
  const log = [...(await readNewest(table, messageGroupId, 100, { consistent: true })).messages];
  while ((log[0]?.sequence ?? 1) > 1)
    log.unshift(...(await readOlder(table, messageGroupId, log[0]?.sequence ?? 1, 100)).messages);
  const bodies = log.map(({ body }) => body);
  const written = new Set(bodies);
  expect(log.map(({ sequence }) => sequence)).toEqual(log.map((_, index) => index + 1));
  expect(written.size).toBe(bodies.length);
  expect(acknowledged.filter((body) => !written.has(body))).toEqual([]);
}
