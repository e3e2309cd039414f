import { isDeepStrictEqual } from 'node:util';
import type { Message, MessageGroupProfile } from '../model.ts';
import type { Summary } from '../table/items.ts';
import { readNewest, readOlder } from '../table/log.ts';
import { scanProfiles, scanSummaryKeys } from '../table/scan.ts';
import { getSummary, replaceSummary } from '../table/summaries.ts';
import type { Table } from '../table/table.ts';

/** A summary that is not what its group's log says. */
export interface Difference {
  readonly userId: string;
  readonly messageGroupId: string;
  /** What is wrong: the summary as a whole, or some of what it holds. */
  readonly fields: readonly ('missing' | 'orphan' | 'memberIds' | 'lastMessage' | 'lastSequence' | 'readSequence')[];
  readonly found: Summary | undefined;
  /** What it has to be; undefined for the summary of a group that does not exist, or of somebody who is no member. */
  readonly expected: Summary | undefined;
}

/** How many messages are read at a time. */
const STRETCH = 100;

/** What a group's log says about its summaries. */
export interface LogFacts {
  readonly profile: MessageGroupProfile;
  readonly newest: Message;
  /** Each member's newest own message: they have read at least that far. */
  readonly sentUpTo: ReadonlyMap<string, number>;
}

/** What a member's summary has to be, given the one that was found. What the member read by marking is theirs to say. */
export function expectedSummary(
  { profile, newest, sentUpTo }: LogFacts,
  userId: string,
  found: Summary | undefined,
): Summary {
  const read = Math.min(found?.readSequence ?? 0, newest.sequence);
  return {
    messageGroupId: profile.id,
    memberIds: [...profile.memberIds],
    lastMessage: newest,
    lastSequence: newest.sequence,
    readSequence: Math.max(read, sentUpTo.get(userId) ?? 0),
  };
}

/** What of a summary is not as it has to be. */
export function wrongFields(found: Summary, expected: Summary): Difference['fields'] {
  const fields = ['memberIds', 'lastMessage', 'lastSequence', 'readSequence'] as const;
  return fields.filter((field) => !isDeepStrictEqual(found[field], expected[field]));
}

/**
 * Compares every summary with the logs. Reads the whole table. On a system in use a summary that merely lags is a difference too:
 * ask again before acting on it.
 *
 * @param onGroup told of each group whose summaries were compared
 */
export async function* findDifferences(table: Table, onGroup: () => void = () => {}): AsyncGenerator<Difference> {
  const members = new Map<string, ReadonlySet<string>>();
  for await (const profile of scanProfiles(table)) {
    members.set(profile.id, new Set(profile.memberIds));
    yield* await groupDifferences(table, profile);
    onGroup();
  }
  for await (const { userId, messageGroupId } of scanSummaryKeys(table)) {
    if (members.get(messageGroupId)?.has(userId)) continue;
    // A group that was started after the profiles were read is no orphan.
    const { profile } = await readNewest(table, messageGroupId, 1, { consistent: true });
    if (profile?.memberIds.includes(userId)) continue;
    const found = await getSummary(table, userId, messageGroupId, { consistent: true });
    if (found) yield { userId, messageGroupId, fields: ['orphan'], found, expected: undefined };
  }
}

/** Compares the summaries of one group with its log. */
export async function groupDifferences(table: Table, profile: MessageGroupProfile): Promise<Difference[]> {
  // The summaries first: a log only grows, so a summary that is ahead of what is read after it is wrong for certain.
  const summaries = await Promise.all(
    profile.memberIds.map((userId) => getSummary(table, userId, profile.id, { consistent: true })),
  );
  const facts = await factsOf(table, profile);
  if (!facts) return [];
  return profile.memberIds.flatMap((userId, index): Difference[] => {
    const found = summaries[index];
    const expected = expectedSummary(facts, userId, found);
    const fields = found ? wrongFields(found, expected) : (['missing'] as const);
    return fields.length > 0 ? [{ userId, messageGroupId: profile.id, fields, found, expected }] : [];
  });
}

/**
 * Mends a summary, on condition that it is as it was found; an orphan is left for an operator to look at. A summary that moved in
 * the meantime is compared and mended again.
 *
 * @returns whether there is a right summary now
 */
export async function mend(table: Table, difference: Difference): Promise<boolean> {
  let current: Difference | undefined = difference;
  for (let attempts = 0; attempts < 10; attempts += 1) {
    if (!current) return true;
    const { userId, messageGroupId, expected, found }: Difference = current;
    if (!expected) return false;
    if (await replaceSummary(table, userId, expected, found)) return true;
    const { profile } = await readNewest(table, messageGroupId, 1, { consistent: true });
    if (!profile) return false;
    current = (await groupDifferences(table, profile)).find((each) => each.userId === userId);
  }
  return false;
}

/** Walks the log back until every member was met, or to its beginning. */
async function factsOf(table: Table, profile: MessageGroupProfile): Promise<LogFacts | undefined> {
  let { messages } = await readNewest(table, profile.id, STRETCH, { consistent: true });
  const newest = messages.at(-1);
  if (!newest) return undefined;
  const sentUpTo = new Map<string, number>();
  while (messages.length > 0) {
    for (const { senderId, sequence } of messages.toReversed()) {
      if (!sentUpTo.has(senderId)) sentUpTo.set(senderId, sequence);
    }
    const oldest = messages[0]?.sequence ?? 1;
    if (oldest === 1 || profile.memberIds.every((memberId) => sentUpTo.has(memberId))) break;
    ({ messages } = await readOlder(table, profile.id, oldest, STRETCH));
  }
  return { profile, newest, sentUpTo };
}
