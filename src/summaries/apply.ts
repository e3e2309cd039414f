import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import pLimit from 'p-limit';
import type { MessageGroupProfile } from '../model.ts';
import { MAX_BATCH } from '../table/batch-get.ts';
import { type LoggedMessage, messageOfImage } from '../table/images.ts';
import { MalformedItemError } from '../table/items.ts';
import { getCachedProfiles, getProfiles } from '../table/profiles.ts';
import { advanceSummary } from '../table/summaries.ts';
import type { Table } from '../table/table.ts';
import { changesOf, type GroupChange } from './changes.ts';

/** A record of the table's stream, as far as it matters here. Those of a Lambda event have the same form. */
export interface TableRecord {
  readonly dynamodb?: { readonly NewImage?: Record<string, AttributeValue> | undefined } | undefined;
}

/** A record that can never be applied. */
export interface DeadRecord<Source> {
  readonly record: Source;
  /** It holds no text that a person wrote. */
  readonly reason: string;
}

/** A write that failed and is to be retried: a member's summary, or all of a group's if its profile could not be read. */
export interface FailedWrite<Source> {
  readonly change: GroupChange<Source>;
  readonly userId: string | undefined;
  readonly error: unknown;
}

/** The outcome of applying records or changes. Every error but an unreadable record and a missing profile is a failed write. */
export interface Applied<Source> {
  readonly written: number;
  readonly failed: readonly FailedWrite<Source>[];
  readonly dead: readonly DeadRecord<Source>[];
}

/** Updates under way at once: enough to keep DynamoDB busy, few enough to leave connections to others. */
const CONCURRENCY = 32;

/**
 * Brings the summaries up to date with a batch of the table's stream. Applying is a join: any order, repetition or cutting into batches ends
 * in the same summaries. Each group of the batch costs one update a member, however many messages it has.
 *
 * @param isLeft tells which summaries are left out, and count as failed
 */
export async function applyRecords<Source extends TableRecord>(
  table: Table,
  records: readonly Source[],
  isLeft?: (messageGroupId: string, userId: string) => boolean,
): Promise<Applied<Source>> {
  const { messages, dead } = readRecords(records);
  const applied = await applyChanges(table, changesOf(messages), isLeft);
  return { ...applied, dead: [...dead, ...applied.dead] };
}

/** Reads the messages of records. Records of other items are passed over. */
function readRecords<Source extends TableRecord>(records: readonly Source[]) {
  const dead: DeadRecord<Source>[] = [];
  const messages: (LoggedMessage & { source: Source })[] = [];
  for (const record of records) {
    const image = record.dynamodb?.NewImage;
    // A removed item has no image: it is a record that expired, or an operator's doing.
    if (image === undefined) continue;
    try {
      const logged = messageOfImage(image);
      if (logged) messages.push({ ...logged, source: record });
    } catch (error) {
      if (!(error instanceof MalformedItemError)) throw error;
      dead.push({ record, reason: error.message });
    }
  }
  return { messages, dead };
}

/** Applies changes to the summaries of their groups. */
export async function applyChanges<Source>(
  table: Table,
  changes: readonly GroupChange<Source>[],
  isLeft: (messageGroupId: string, userId: string) => boolean = () => false,
): Promise<Applied<Source>> {
  const limit = pLimit(CONCURRENCY);
  let written = 0;
  const failed: FailedWrite<Source>[] = [];
  const dead: DeadRecord<Source>[] = [];

  async function applyBatch(batch: readonly GroupChange<Source>[]): Promise<void> {
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
        dead.push(...deadRecords(change));
      }),
    );
  }

  async function applyChange(
    change: GroupChange<Source>,
    profile: MessageGroupProfile,
    userIds: readonly string[],
  ): Promise<void> {
    await Promise.all(
      userIds.map((userId) =>
        limit(async () => {
          try {
            if (isLeft(change.messageGroupId, userId)) throw new LeftOutError();
            if (await advance(table, userId, profile, change)) written += 1;
            else dead.push(...deadRecords(change));
          } catch (error) {
            failed.push({ change, userId, error });
          }
        }),
      ),
    );
  }

  for (let start = 0; start < changes.length; start += MAX_BATCH)
    await applyBatch(changes.slice(start, start + MAX_BATCH));
  return { written, failed, dead };
}

/** The dead letters of a group without a profile. */
export function deadRecords<Source>({ messageGroupId, sources }: GroupChange<Source>): DeadRecord<Source>[] {
  const reason = `Group ${messageGroupId} has no profile that can be read`;
  return sources.map((record) => ({ record, reason }));
}

/**
 * Applies a change to a member's summary. One that is missing is made only if the group's profile is in the table, because records may
 * outlive their table, and a cached profile too.
 *
 * @returns false if the group has no profile
 */
async function advance(table: Table, userId: string, profile: MessageGroupProfile, change: GroupChange<unknown>) {
  const { newest, sentUpTo } = change;
  const join = (create: boolean) => advanceSummary(table, userId, profile, newest, sentUpTo.get(userId), { create });
  if (await join(false)) return true;
  const profiles = await getProfiles(table, [profile.id], { consistent: true });
  return profiles.has(profile.id) && join(true);
}

/** The summary was left out, because a write of it is retried already. */
export class LeftOutError extends Error {
  override readonly name = 'LeftOutError';
}

/** Reads the profiles of changes. A profile is written with message 1, but an eventually consistent read may be too early for it. */
async function profilesOf(table: Table, changes: readonly GroupChange<unknown>[]) {
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
export async function applyTo(
  table: Table,
  change: GroupChange<unknown>,
  userId: string | undefined,
): Promise<boolean> {
  const isOther = (_: string, each: string) => userId !== undefined && each !== userId;
  const { failed, dead } = await applyChanges(table, [change], isOther);
  const [first] = failed.filter((each) => !(each.error instanceof LeftOutError));
  if (first) throw first.error;
  return dead.length === 0;
}
