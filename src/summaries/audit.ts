import { isDeepStrictEqual } from 'node:util';
import { type MessageGroupProfile, previewOf } from '../model.ts';
import {
  isUnreadable,
  parseMessage,
  type StoredMessage,
  type Summary,
  summarizedMembers,
  summarizedMessage,
} from '../table/items.ts';
import { walkLog } from '../table/log-walk.ts';
import { missingNumbers } from '../table/missing-numbers.ts';
import { inboxPositionOf, inspectSummary } from '../table/summaries.ts';
import type { Table } from '../table/table.ts';

/** An attribute of a summary that is not as the log says, or `missing` for a summary that does not exist. */
export type SummaryField = 'missing' | 'memberIds' | 'lastMessage' | 'lastSequence' | 'readSequence' | 'activityKey';

/** Something that is wrong in the table. It holds keys and names of attributes, and never a text that a person wrote. */
export type Finding =
  | {
      readonly kind: 'wrong summary';
      readonly userId: string;
      readonly messageGroupId: string;
      readonly fields: readonly SummaryField[];
    }
  /** The summary of a group that does not exist, or of a person who is no member. */
  | { readonly kind: 'orphan'; readonly userId: string; readonly messageGroupId: string }
  /** The log of a group that has no profile. */
  | { readonly kind: 'orphan log'; readonly messageGroupId: string }
  | { readonly kind: 'missing numbers'; readonly messageGroupId: string; readonly first: number; readonly last: number }
  | { readonly kind: 'unreadable item'; readonly key: string; readonly reason: string }
  /** A group whose log cannot be read to its end, or whose summaries cannot be written. */
  | { readonly kind: 'failed group'; readonly messageGroupId: string; readonly reason: string };

/** The facts of a group's log that decide its summaries. */
export interface LogFacts {
  readonly profile: MessageGroupProfile;
  /** The newest message that can be read. */
  readonly newest: StoredMessage;
  /** The highest number of the log, also if its message cannot be read. */
  readonly lastSequence: number;
  /** Each member's newest own message: they have read at least that far. */
  readonly sentUpTo: ReadonlyMap<string, number>;
}

/** A member's summary that is not as the log says. */
export interface WrongSummary {
  readonly userId: string;
  readonly fields: readonly SummaryField[];
  /** Undefined if there is none. */
  readonly found: Summary | undefined;
}

/** The comparison of a group's summaries with its log. */
export interface GroupAudit {
  /** Undefined if no message of the group can be read. */
  readonly facts: LogFacts | undefined;
  readonly wrong: readonly WrongSummary[];
  /** Numbers that the log misses, and items that cannot be read. */
  readonly findings: readonly Finding[];
}

/**
 * Compares the summaries of a group with its log, which it reads to the end. On a system in use a summary that lags is wrong too.
 *
 * @param userIds the members whose summaries are compared; all members unless given
 */
export async function auditGroup(
  table: Table,
  profile: MessageGroupProfile,
  userIds: readonly string[] = profile.memberIds,
): Promise<GroupAudit> {
  // The summaries are read first: a log only grows, so a summary that is ahead of a log that was read later is wrong for certain.
  const summaries = await Promise.all(userIds.map((userId) => inspectSummary(table, userId, profile.id)));
  const { facts, lastSequence, findings } = await factsOf(table, profile);
  const wrong: WrongSummary[] = [];
  /** The highest number in the summaries of a log of which no message can be read, so that there is nothing to compare with. */
  let summarized = lastSequence;
  for (const [index, userId] of userIds.entries()) {
    const found = summaries[index];
    if (found && isUnreadable(found)) findings.push({ kind: 'unreadable item', ...found });
    else if (facts) {
      const fields = found ? wrongFields(facts, userId, found) : (['missing'] as const);
      if (fields.length > 0) wrong.push({ userId, fields, found });
    } else if (found) summarized = Math.max(summarized, found.lastSequence);
  }
  if (summarized > lastSequence)
    findings.push({ kind: 'missing numbers', messageGroupId: profile.id, first: lastSequence + 1, last: summarized });
  return { facts, wrong, findings };
}

/** Returns how far a member has read: as far as their own messages, and as far as they marked, within the log. */
export function expectedReadSequence(facts: LogFacts, userId: string, found: Summary | undefined): number {
  return Math.max(Math.min(found?.readSequence ?? 0, facts.lastSequence), facts.sentUpTo.get(userId) ?? 0);
}

/** Returns the attributes of a summary that are not as the log says. Summaries of older versions hold more, which is not wrong. */
export function wrongFields(facts: LogFacts, userId: string, found: Summary): SummaryField[] {
  const { profile, newest } = facts;
  const wrong = {
    memberIds: found.memberIds
      ? !isDeepStrictEqual(found.memberIds, profile.memberIds)
      : summarizedMembers(profile.memberIds) !== undefined,
    lastMessage: !isDeepStrictEqual(
      comparable(found, userId),
      comparable({ lastMessage: lastMessageOf(newest, userId) }, userId),
    ),
    lastSequence: found.lastSequence !== newest.message.sequence,
    readSequence: found.readSequence !== expectedReadSequence(facts, userId, found),
    activityKey: found.activityKey !== inboxPositionOf(newest.message, profile.id),
  };
  return (Object.keys(wrong) as (keyof typeof wrong)[]).filter((field) => wrong[field]);
}

function lastMessageOf({ item }: StoredMessage, userId: string): Summary['lastMessage'] {
  return parseMessage(summarizedMessage(item, userId));
}

/** The parts of a last message that all versions store alike. */
function comparable({ lastMessage }: Pick<Summary, 'lastMessage'>, userId: string) {
  const { body, clientMessageId, ...rest } = lastMessage;
  return { ...rest, body: previewOf(body), ...(rest.senderId === userId && { clientMessageId }) };
}

async function factsOf(
  table: Table,
  profile: MessageGroupProfile,
): Promise<{ facts: LogFacts | undefined; lastSequence: number; findings: Finding[] }> {
  const findings: Finding[] = [];
  const sentUpTo = new Map<string, number>();
  let newest: StoredMessage | undefined;
  let lastSequence = 0;
  for await (const { sequence, message } of walkLog(table, profile.id)) {
    if (isUnreadable(message)) findings.push({ kind: 'unreadable item', ...message });
    if (sequence === undefined) continue;
    for (const { first, last } of missingNumbers([sequence], { from: lastSequence }))
      findings.push({ kind: 'missing numbers', messageGroupId: profile.id, first, last });
    lastSequence = sequence;
    if (isUnreadable(message)) continue;
    newest = message;
    sentUpTo.set(message.message.senderId, sequence);
  }
  return { facts: newest && { profile, newest, lastSequence, sentUpTo }, lastSequence, findings };
}
