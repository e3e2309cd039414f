import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import pLimit from 'p-limit';
import type { MessageGroupProfile } from '../model.ts';
import { MAX_BATCH } from '../table/batch-get.ts';
import { type LoggedMessage, messageOfImage } from '../table/images.ts';
import { MalformedItemError } from '../table/items.ts';
import { getCachedProfiles, getProfiles } from '../table/profiles.ts';
import { advanceSummary } from '../table/summaries.ts';
import type { Table } from '../table/table.ts';
import { changesOf, type GroupChange, type RecordKeys } from './changes.ts';

/** A record of the table's stream, as far as it matters here. Those of a Lambda event have the same form. */
export interface TableRecord {
  readonly dynamodb?:
    | {
        readonly NewImage?: Record<string, AttributeValue> | undefined;
        readonly SequenceNumber?: string | undefined;
        readonly Keys?: Readonly<Record<string, { readonly S?: string | undefined }>> | undefined;
      }
    | undefined;
}

/** A record that can never be applied. */
export interface DeadRecord extends RecordKeys {
  /** It holds no text that a person wrote. */
  readonly reason: string;
}

/** A write that failed and is to be retried: a member's summary, or all of a group's if its profile could not be read. */
export interface FailedWrite {
  readonly change: GroupChange;
  readonly userId: string | undefined;
  readonly error: unknown;
}

/** The outcome of applying records or changes. Every error but an unreadable record and a missing profile is a failed write. */
export interface Applied {
  readonly written: number;
  readonly failed: readonly FailedWrite[];
  readonly dead: readonly DeadRecord[];
}

/** Updates under way at once: enough to keep DynamoDB busy, few enough to leave connections to others. */
const CONCURRENCY = 32;

/**
 * Brings the summaries up to date with a batch of the table's stream. Applying is a join: any order, repetition or cutting into batches ends
 * in the same summaries. Each group of the batch costs one update a member, however many messages it has.
 *
 * @param isLeft tells which summaries are left out, and count as failed
 */
export async function applyRecords(
  table: Table,
  records: readonly TableRecord[],
  isLeft?: (messageGroupId: string, userId: string) => boolean,
): Promise<Applied> {
  const { messages, dead } = readRecords(records);
  const applied = await applyChanges(table, changesOf(messages), isLeft);
  return { ...applied, dead: [...dead, ...applied.dead] };
}

/** Reads the messages of records. Records of other items are passed over. */
function readRecords(records: readonly TableRecord[]) {
  const dead: DeadRecord[] = [];
  const messages: (LoggedMessage & { source: RecordKeys })[] = [];
  for (const record of records) {
    const image = record.dynamodb?.NewImage;
    // A removed item has no image: it is a record that expired, or an operator's doing.
    if (image === undefined) continue;
    try {
      const logged = messageOfImage(image);
      if (logged) messages.push({ ...logged, source: keysOf(record) });
    } catch (error) {
      if (!(error instanceof MalformedItemError)) throw error;
      dead.push({ ...keysOf(record), reason: error.message });
    }
  }
  return { messages, dead };
}

/** Returns the keys of a record. A record itself may have 1 MB with the rest of its page, and failed writes are kept for long. */
function keysOf({ dynamodb: { SequenceNumber, Keys } = {} }: TableRecord): RecordKeys {
  const itemKey = { pk: Keys?.['pk']?.S ?? '', sk: Keys?.['sk']?.S ?? '' };
  return { sequenceNumber: SequenceNumber ?? '0', itemKey };
}

/** Applies changes to the summaries of their groups. */
export async function applyChanges(
  table: Table,
  changes: readonly GroupChange[],
  isLeft: (messageGroupId: string, userId: string) => boolean = () => false,
): Promise<Applied> {
  const limit = pLimit(CONCURRENCY);
  let written = 0;
  const failed: FailedWrite[] = [];
  /** Changes of groups without a profile. */
  const dead = new Set<GroupChange>();
  /** Those with a failed write. Their other writes are left out, because each may take as long as its deadline, and others wait. */
  const failing = new Set<string>();

  async function applyBatch(batch: readonly GroupChange[]): Promise<void> {
    let profiles: ReadonlyMap<string, MessageGroupProfile>;
    try {
      profiles = await profilesOf(table, batch);
    } catch (error) {
      const [only] = batch;
      // Each group by itself, side by side: one that cannot be read must not delay the others.
      if (batch.length > 1) await Promise.all(batch.map((each) => applyBatch([each])));
      else if (only) failed.push({ change: only, userId: undefined, error });
      return;
    }
    await Promise.all(
      batch.map(async (change) => {
        const profile = profiles.get(change.messageGroupId);
        if (profile) return applyChange(change, profile, profile.memberIds);
        dead.add(change);
      }),
    );
  }

  async function applyChange(
    change: GroupChange,
    profile: MessageGroupProfile,
    userIds: readonly string[],
  ): Promise<void> {
    await Promise.all(
      userIds.map((userId) =>
        limit(async () => {
          try {
            if (failing.has(userId) || isLeft(change.messageGroupId, userId))
              failed.push({ change, userId, error: LEFT_OUT });
            else if (await advance(table, userId, profile, change)) written += 1;
            else dead.add(change);
          } catch (error) {
            failing.add(userId);
            failed.push({ change, userId, error });
          }
        }),
      ),
    );
  }

  for (let start = 0; start < changes.length; start += MAX_BATCH)
    await applyBatch(changes.slice(start, start + MAX_BATCH));
  return { written, failed, dead: [...dead].flatMap(deadRecords) };
}

/** The dead letters of a group without a profile. */
export function deadRecords({
  messageGroupId,
  sources,
}: Pick<GroupChange, 'messageGroupId' | 'sources'>): DeadRecord[] {
  const reason = `Group ${messageGroupId} has no profile that can be read`;
  return sources.map((keys) => ({ ...keys, reason }));
}

/**
 * Applies a change to a member's summary. One that is missing is made only if the group's profile is in the table, because records may
 * outlive their table, and a cached profile too.
 *
 * @returns false if the group has no profile
 */
async function advance(table: Table, userId: string, profile: MessageGroupProfile, change: GroupChange) {
  const { newest, sentUpTo } = change;
  const join = (create: boolean) => advanceSummary(table, userId, profile, newest, sentUpTo.get(userId), { create });
  if (await join(false)) return true;
  const profiles = await getProfiles(table, [profile.id], { consistent: true });
  return profiles.has(profile.id) && join(true);
}

/** The error of summaries that were left out, because writes of them are retried already. */
export const LEFT_OUT = new Error('The summary was left out');

/** Reads the profiles of changes. A profile is written with message 1, but an eventually consistent read may be too early for it. */
async function profilesOf(table: Table, changes: readonly GroupChange[]) {
  const ids = changes.map(({ messageGroupId }) => messageGroupId);
  const profiles = await getCachedProfiles(table, ids);
  const missing = ids.filter((id) => !profiles.has(id));
  if (missing.length === 0) return profiles;
  return new Map([...profiles, ...(await getProfiles(table, missing, { consistent: true }))]);
}

/**
 * Applies a change to the summary of one member, or of all members. Throws the error if a write fails.
 *
 * @returns whether it was applied; false if the group has no profile
 */
export async function applyTo(table: Table, change: GroupChange, userId: string | undefined): Promise<boolean> {
  const isOther = (_: string, each: string) => userId !== undefined && each !== userId;
  const { failed, dead } = await applyChanges(table, [change], isOther);
  const [first] = failed.filter(({ error }) => error !== LEFT_OUT);
  if (first) throw first.error;
  return dead.length === 0;
}
