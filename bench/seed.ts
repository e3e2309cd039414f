import { randomUUID } from 'node:crypto';
import { BatchWriteCommand } from '@aws-sdk/lib-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { messageGroupIdOf } from '../src/messaging/destination.ts';
import { kindOf, type Message, type MessageGroupProfile } from '../src/model.ts';
import { messageItem, profileItem, storedMessage, summaryItem } from '../src/table/items.ts';
import type { Table } from '../src/table/table.ts';
import type { SignedIn } from './system.ts';

/** A group that was written to the table. */
export interface SeededGroup {
  readonly id: string;
  readonly members: readonly SignedIn[];
  /** How many messages it has. */
  readonly length: number;
}

export interface Seed {
  /** Groups of usual lengths, most of them short. */
  readonly groups: readonly SeededGroup[];
  /** Groups of these lengths, shortest first. */
  readonly grown: readonly SeededGroup[];
  /** People with inboxes of these sizes, smallest first. */
  readonly inboxes: readonly { readonly person: SignedIn; readonly groups: number }[];
}

export interface SeedSize {
  readonly groups: number;
  /** Lengths of the groups whose growth is measured. */
  readonly lengths: readonly number[];
  /** Sizes of the inboxes whose growth is measured. */
  readonly inboxes: readonly number[];
}

/** Shares of the groups, each with those before it, and how many messages they have. */
const LENGTHS = [
  { upTo: 0.8, from: 1, to: 6 },
  { upTo: 0.98, from: 7, to: 40 },
  { upTo: 1, from: 41, to: 200 },
] as const;

/**
 * Writes groups and their summaries straight to the table, as the API and the worker would have.
 *
 * @param people the first have the inboxes whose growth is measured; all others have some groups each
 */
export async function seed(table: Table, people: readonly SignedIn[], size: SeedSize): Promise<Seed> {
  const owners = people.slice(0, size.inboxes.length);
  const others = people.slice(owners.length);
  const writer = new Writer(table);
  const taken = new Set<string>();

  const grown: SeededGroup[] = [];
  for (const length of size.lengths) grown.push(await writeGroup(writer, aGroup([], 2), length));

  const groups: SeededGroup[] = [];
  for (const [index, count] of size.inboxes.entries()) {
    const owner = owners[index] as SignedIn;
    for (let each = 0; each < count; each += 1)
      await writeGroup(writer, aGroup([owner], Math.random() < 0.75 ? 1 : 3), lengthOf());
  }
  const left = size.groups - size.inboxes.reduce((sum, count) => sum + count, 0) - size.lengths.length;
  for (let each = 0; each < left; each += 1)
    groups.push(await writeGroup(writer, aGroup([], Math.random() < 0.75 ? 2 : 4), lengthOf()));
  await writer.flush();
  return { groups, grown, inboxes: owners.map((person, index) => ({ person, groups: size.inboxes[index] ?? 0 })) };

  /** People who have no group together yet: these, and as many others. */
  function aGroup(some: readonly SignedIn[], more: number): SignedIn[] {
    for (;;) {
      const chosen = new Set(some);
      while (chosen.size < some.length + more)
        chosen.add(others[Math.floor(Math.random() * others.length)] as SignedIn);
      const members = [...chosen];
      // Owners of large inboxes run out of people to be alone with.
      if (members.length > 1 && !taken.has(idOf(members))) {
        taken.add(idOf(members));
        return members;
      }
      if (more < 4) more += 1;
    }
  }
}

function idOf(members: readonly SignedIn[]): string {
  return messageGroupIdOf(members.map(({ id }) => id));
}

async function writeGroup(writer: Writer, members: readonly SignedIn[], length: number): Promise<SeededGroup> {
  const memberIds = members.map(({ id }) => id).sort();
  const id = messageGroupIdOf(memberIds);
  const start = Date.UTC(2026, 0, 1) + Math.floor(Math.random() * 300 * 86_400_000);
  const messageOf = (sequence: number): Message => ({
    id: randomUUID(),
    sequence,
    senderId: memberIds[sequence % memberIds.length] as string,
    body: bodyOf(),
    createdAt: new Date(start + sequence * 60_000).toISOString(),
  });
  const profile: MessageGroupProfile = {
    id,
    kind: kindOf(memberIds),
    memberIds,
    createdAt: messageOf(1).createdAt,
  };
  await writer.put(profileItem(profile));
  let lastMessage = messageOf(1);
  await writer.put(messageItem(id, lastMessage));
  for (let sequence = 2; sequence <= length; sequence += 1) {
    lastMessage = messageOf(sequence);
    await writer.put(messageItem(id, lastMessage));
  }
  for (const memberId of memberIds) {
    const readSequence = Math.floor(Math.random() * (length + 1));
    await writer.put(unmarshall(summaryItem(memberId, profile, storedMessage(lastMessage), readSequence)));
  }
  return { id, members, length };
}

function lengthOf(): number {
  const share = Math.random();
  const range = LENGTHS.find(({ upTo }) => share < upTo) ?? LENGTHS[0];
  return range.from + Math.floor(Math.random() * (range.to - range.from + 1));
}

const WORDS = 'the train leaves at nine so bring tea and a warm coat we meet under the clock as always'.split(' ');

/** 2 to 30 words. */
export function bodyOf(): string {
  const count = 2 + Math.floor(Math.random() * Math.random() * 29);
  return Array.from({ length: count }, () => WORDS[Math.floor(Math.random() * WORDS.length)]).join(' ');
}

/** Collects items to batches, a few of which are under way at once. */
class Writer {
  readonly #table: Table;
  readonly #underWay = new Set<Promise<unknown>>();
  #items: Record<string, unknown>[] = [];

  constructor(table: Table) {
    this.#table = table;
  }

  async put(item: Record<string, unknown>): Promise<void> {
    this.#items.push(item);
    if (this.#items.length < 25) return;
    if (this.#underWay.size >= 4) await Promise.race(this.#underWay);
    const write = this.#write().finally(() => this.#underWay.delete(write));
    this.#underWay.add(write);
  }

  async flush(): Promise<void> {
    await Promise.all(this.#underWay);
    if (this.#items.length > 0) await this.#write();
  }

  async #write(): Promise<void> {
    const requests = this.#items.splice(0).map((Item) => ({ PutRequest: { Item } }));
    await this.#table.client.send(new BatchWriteCommand({ RequestItems: { [this.#table.name]: requests } }));
  }
}
