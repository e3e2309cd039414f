import pLimit from 'p-limit';
import pRetry from 'p-retry';
import type { MessageGroupProfile } from '../model.ts';
import { MAX_BATCH } from '../table/batch-get.ts';
import { getProfiles, hasProfile } from '../table/profiles.ts';
import { scanGroups } from '../table/scan.ts';
import { advanceSummary, correctSummary } from '../table/summaries.ts';
import type { Table } from '../table/table.ts';
import {
  auditGroup,
  expectedReadSequence,
  type Finding,
  type GroupAudit,
  type LogFacts,
  type WrongSummary,
} from './audit.ts';

/** A part of the table that was compared, and repaired if that was asked for. */
export interface AuditedPart {
  readonly groups: number;
  /** The summaries that were repaired. */
  readonly repaired: number;
  /** All that is wrong, without the summaries that were repaired. */
  readonly findings: readonly Finding[];
  /** The position to go on from; undefined at the end of the table. */
  readonly next: string | undefined;
}

export interface AuditOptions {
  /** Repairs summaries that are wrong. Otherwise they are findings. */
  readonly repair: boolean;
  /** Is called with each group that was compared. */
  readonly onGroup?: (() => void) | undefined;
  /** Is called with a group that failed, which is a finding. It ends the part if it rejects. */
  readonly onFailure?: ((messageGroupId: string, error: unknown) => Promise<void>) | undefined;
  /** Looks again at a wrong summary that may only lag. Resolves with the summaries that are still wrong. */
  readonly lookAgain?: (profile: MessageGroupProfile, audit: GroupAudit) => Promise<GroupAudit>;
}

/** Groups that are compared at once. */
const CONCURRENCY = 4;

/** A group that fails is tried again so often. */
const RETRIES = 2;

/** A repair is tried so often while the summary moves. */
const ATTEMPTS = 10;

/**
 * Compares the summaries of the next groups of the table with their logs, from after a position on. It reads 1,000 items of the table and the logs of
 * the groups among them, so its memory does not grow with the table. It can run while the system does, and any number of times.
 */
export async function auditPart(table: Table, after: string | undefined, options: AuditOptions): Promise<AuditedPart> {
  const { profiles, unreadable, logs, summaries, next } = await scanGroups(table, after);
  const findings: Finding[] = unreadable.map((each) => ({ kind: 'unreadable item', ...each }));
  let repaired = 0;
  const limit = pLimit(CONCURRENCY);
  let isGivenUp = false;

  async function auditOrReport(profile: MessageGroupProfile): Promise<void> {
    try {
      const group = await pRetry(() => auditOne(table, profile, options), { retries: RETRIES, minTimeout: 200 });
      findings.push(...group.findings);
      repaired += group.repaired;
    } catch (error) {
      findings.push({ kind: 'failed group', messageGroupId: profile.id, reason: nameOf(error) });
      await options.onFailure?.(profile.id, error);
    }
    options.onGroup?.();
  }

  const ends = await Promise.allSettled(
    profiles.map((profile) =>
      limit(async () => {
        if (isGivenUp) return;
        await auditOrReport(profile).catch((error) => {
          isGivenUp = true;
          throw error;
        });
      }),
    ),
  );
  // A part that failed is tried again, so nothing of it may still be under way.
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  findings.push(...(await orphansOf(table, summaries, logs)));
  return { groups: profiles.length, repaired, findings, next };
}

async function auditOne(table: Table, profile: MessageGroupProfile, { repair, lookAgain }: AuditOptions) {
  let audit = await auditGroup(table, profile);
  if (lookAgain && audit.wrong.length > 0) audit = await lookAgain(profile, audit);
  const findings = [...audit.findings];
  let repaired = 0;
  for (const wrong of audit.wrong) {
    if (repair && audit.facts && (await repairSummary(table, audit.facts, wrong))) repaired += 1;
    else findings.push(findingOf(profile, wrong));
  }
  return { findings, repaired };
}

/** The name of an error, or of its cause where it has one. Messages may hold what is nobody's business. */
function nameOf(error: unknown): string {
  const { cause, name } = error as Error;
  return cause instanceof Error ? cause.name : name;
}

/**
 * Compares the summaries of all groups with their logs, part by part.
 *
 * @param onFindings is called with the findings of each part
 */
export async function auditTable(
  table: Table,
  options: AuditOptions,
  onFindings: (findings: readonly Finding[]) => void,
): Promise<{ groups: number; repaired: number }> {
  let [groups, repaired] = [0, 0];
  let position: string | undefined;
  do {
    const part = await auditPart(table, position, options);
    onFindings(part.findings);
    groups += part.groups;
    repaired += part.repaired;
    position = part.next;
  } while (position !== undefined);
  return { groups, repaired };
}

function findingOf({ id }: MessageGroupProfile, { userId, fields }: WrongSummary): Finding {
  return { kind: 'wrong summary', userId, messageGroupId: id, fields };
}

/**
 * Brings the summaries of some members to what the group's log says.
 *
 * @returns whether all of them are right now, but for those that cannot be read
 */
export async function repairMembers(
  table: Table,
  profile: MessageGroupProfile,
  userIds: readonly string[],
): Promise<boolean> {
  const { facts, wrong } = await auditGroup(table, profile, userIds);
  const repairs = await Promise.all(wrong.map((each) => facts && repairSummary(table, facts, each)));
  return repairs.every(Boolean);
}

/**
 * Repairs a summary. One that is behind is joined forward, which no other writer undoes: in a busy group it is always behind. Any other is
 * corrected on condition that it is as it was before the log was read, and compared again.
 *
 * @returns whether it is right now
 */
async function repairSummary(table: Table, facts: LogFacts, { userId, found }: WrongSummary): Promise<boolean> {
  const { profile } = facts;
  let seen = { facts, found };
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const { newest, sentUpTo, lastSequence } = seen.facts;
    const before = seen.found;
    if (!before || (before.lastSequence < newest.message.sequence && before.readSequence <= lastSequence))
      return advanceSummary(table, userId, profile, newest, sentUpTo.get(userId));
    const readSequence = expectedReadSequence(seen.facts, userId, before);
    await correctSummary(table, userId, profile, newest, readSequence, before);
    // A message of the meantime was refused as long as the summary was ahead of it. It is joined at the next attempt.
    const again = await auditGroup(table, profile, [userId]);
    const [left] = again.wrong;
    if (!left || !again.facts) return !left;
    seen = { facts: again.facts, found: left.found };
  }
  return false;
}

/** Finds the summaries of groups that do not exist, and of people who are no members, and logs without a profile. */
async function orphansOf(
  table: Table,
  summaries: readonly { readonly userId: string; readonly messageGroupId: string }[],
  logs: readonly string[],
): Promise<Finding[]> {
  const orphans: Finding[] = [];
  const ids = [...new Set([...summaries.map(({ messageGroupId }) => messageGroupId), ...logs])];
  for (let start = 0; start < ids.length; start += MAX_BATCH) {
    const batch = ids.slice(start, start + MAX_BATCH);
    const profiles = await getProfiles(table, batch, { consistent: true });
    for (const { userId, messageGroupId } of summaries) {
      const profile = profiles.get(messageGroupId);
      if (!batch.includes(messageGroupId) || profile?.memberIds.includes(userId)) continue;
      // Of a profile that cannot be read, nobody knows the members.
      if (profile || !(await hasProfile(table, messageGroupId)))
        orphans.push({ kind: 'orphan', userId, messageGroupId });
    }
    for (const messageGroupId of logs)
      if (batch.includes(messageGroupId) && !profiles.has(messageGroupId) && !(await hasProfile(table, messageGroupId)))
        orphans.push({ kind: 'orphan log', messageGroupId });
  }
  return orphans;
}
