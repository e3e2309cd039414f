import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import pLimit from 'p-limit';
import { UnavailableError } from '../errors.ts';
import type { MessageGroupProfile } from '../model.ts';
import { MAX_BATCH } from '../table/batch-get.ts';
import { type LoggedMessage, messageOfImage } from '../table/images.ts';
import { getCachedProfiles, getProfiles } from '../table/profiles.ts';
import { advanceSummary } from '../table/summaries.ts';
import type { Table } from '../table/table.ts';
import { changesOf, type GroupChange } from './changes.ts';

/** A record of the table's stream, as far as it matters here. Those of a Lambda event have the same form. */
export interface TableRecord {
  readonly dynamodb?: { readonly NewImage?: Record<string, AttributeValue> | undefined } | undefined;
}

/** A record that was not applied. */
export interface Failure<Source> {
  readonly record: Source;
  readonly reason: string;
  /** Whether it may succeed when it is tried again, or never will. */
  readonly transient: boolean;
}

/** Updates under way at once: enough to keep the engine busy, few enough to leave the sockets to others. */
const CONCURRENCY = 32;

/**
 * Brings the summaries up to date with a batch of the table's stream (pattern E). Applying is a join: any order, repetition
 * or cutting into batches ends in the same summaries. Each group of the batch costs one update a member, however
 * many messages it has, and the profiles one BatchGetItem for each 100 groups.
 *
 * @returns the records that were not applied; all others were
 */
export async function applyRecords<Source extends TableRecord>(
  table: Table,
  records: readonly Source[],
): Promise<Failure<Source>[]> {
  const failures: Failure<Source>[] = [];
  const changes = changesOf(messagesOf(records, failures));
  const limit = pLimit(CONCURRENCY);
  for (let start = 0; start < changes.length; start += MAX_BATCH) {
    await applyChanges(table, changes.slice(start, start + MAX_BATCH), limit, failures);
  }
  return failures;
}

async function applyChanges<Source>(
  table: Table,
  changes: readonly GroupChange<Source>[],
  limit: ReturnType<typeof pLimit>,
  failures: Failure<Source>[],
): Promise<void> {
  try {
    const profiles = await profilesOf(table, changes);
    await Promise.all(
      changes.map((change) => applyChange(table, change, profiles.get(change.messageGroupId), limit, failures)),
    );
  } catch (error) {
    if (changes.length === 1 || error instanceof UnavailableError) {
      failures.push(...changes.flatMap((change) => failuresOf(change, error)));
      return;
    }
    // A profile is malformed: what is wrong with one group must not hold up the others.
    for (const change of changes) await applyChanges(table, [change], limit, failures);
  }
}

function messagesOf<Source extends TableRecord>(records: readonly Source[], failures: Failure<Source>[]) {
  const messages: (LoggedMessage & { source: Source })[] = [];
  for (const record of records) {
    const image = record.dynamodb?.NewImage;
    // A removed item has no image: it is a record that expired, or an operator's doing.
    if (image === undefined) continue;
    try {
      const logged = messageOfImage(image);
      if (logged) messages.push({ ...logged, source: record });
    } catch (error) {
      failures.push({ record, reason: String(error), transient: false });
    }
  }
  return messages;
}

/** A profile is written with message 1, but an eventually consistent read may be too early for it. */
async function profilesOf(table: Table, changes: readonly GroupChange<unknown>[]) {
  const ids = changes.map(({ messageGroupId }) => messageGroupId);
  const profiles = await getCachedProfiles(table, ids);
  const missing = ids.filter((id) => !profiles.has(id));
  if (missing.length === 0) return profiles;
  return new Map([...profiles, ...(await getProfiles(table, missing, { consistent: true }))]);
}

async function applyChange<Source>(
  table: Table,
  change: GroupChange<Source>,
  profile: MessageGroupProfile | undefined,
  limit: ReturnType<typeof pLimit>,
  failures: Failure<Source>[],
): Promise<void> {
  if (!profile) {
    const reason = `Group ${change.messageGroupId} has no profile that can be read`;
    failures.push(...change.sources.map((record) => ({ record, reason, transient: false })));
    return;
  }
  const updates = await Promise.allSettled(
    profile.memberIds.map((memberId) =>
      limit(() => advanceSummary(table, memberId, profile, change.newest, change.sentUpTo.get(memberId))),
    ),
  );
  const failed = updates.find((update) => update.status === 'rejected');
  if (failed) failures.push(...failuresOf(change, failed.reason));
}

function failuresOf<Source>({ sources }: GroupChange<Source>, error: unknown): Failure<Source>[] {
  return sources.map((record) => ({ record, reason: String(error), transient: error instanceof UnavailableError }));
}
