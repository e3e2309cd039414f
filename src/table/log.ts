import { toWire, type WireItem } from '../dynamodb/attribute-values.ts';
import type { GroupMessage, Message, MessageGroupProfile } from '../model.ts';
import { batchGet } from './batch-get.ts';
import { parseMessage, parseProfile, parseStoredMessage, type StoredMessage } from './items.ts';
import {
  FIRST_MESSAGE_SORT_KEY,
  groupPartition,
  messageGroupIdOf,
  messageKey,
  messageSortKey,
  PROFILE_SORT_KEY,
  sequenceOfSortKey,
} from './keys.ts';
import { missingNumbers, type Numbers } from './missing-numbers.ts';
import { getProfile } from './profiles.ts';
import { type Gap, isKnownGap, readOrSkip, reportGap } from './skipped.ts';
import type { ReadOptions, Table } from './table.ts';

/*
 * An eventually consistent read may show number n+2 before n+1. A page that passed over n+1 would lose it, because clients go on from their
 * newest cursor. So a read whose numbers are not consecutive is repeated consistently. Numbers that are missing then are missing for good:
 * they are reported and passed over.
 */

/** A stretch of a group's log, and the group's profile, which says who may read it. */
export interface Stretch {
  /** Absent if there is no such group, or if its profile cannot be read. */
  readonly profile: MessageGroupProfile | undefined;
  /** Ascending. Numbers that are missing for good and messages that cannot be read are left out. */
  readonly messages: readonly Message[];
  /** The highest number of the stretch, also if its message cannot be read; 0 for an empty stretch. */
  readonly lastSequence: number;
  /** The log goes on towards older. The next page may turn out to be empty, if all older numbers are missing. */
  readonly hasOlder: boolean;
  /** The log goes on towards newer. */
  readonly hasNewer: boolean;
}

/** Messages that are read at once after a page of which none could be read. */
const SEARCH_LIMIT = 100;

/** Reads the newest messages of a group, at most `limit`. One Query, unless a number is missing or no message can be read. */
export async function readNewest(
  table: Table,
  messageGroupId: string,
  limit: number,
  options: ReadOptions = {},
): Promise<Stretch> {
  const run = await readDown(table, { messageGroupId, limit, ...options });
  if (!run.profile) return NOTHING;
  return { profile: run.profile, ...(await pageDown(table, messageGroupId, limit, run)), hasNewer: false };
}

/** Reads the messages right before `sequence`, at most `limit`. A Query and a GetItem, side by side. */
export async function readOlder(
  table: Table,
  messageGroupId: string,
  sequence: number,
  limit: number,
): Promise<Stretch> {
  const [profile, run] = await Promise.all([
    getProfile(table, messageGroupId),
    readDown(table, { messageGroupId, limit, before: sequence }),
  ]);
  return { profile, ...(await pageDown(table, messageGroupId, limit, run)), hasNewer: true };
}

/**
 * Reads the messages right after `sequence`, at most `limit`. One Query up to the profile. If more is new than fits, the profile needs a
 * GetItem.
 */
export async function readNewer(
  table: Table,
  messageGroupId: string,
  sequence: number,
  limit: number,
): Promise<Stretch> {
  let run = await readUp(table, { messageGroupId, limit: limit + 1, after: sequence });
  const found = [...run.entries];
  while (!run.isEnd && !found.some(({ message }) => message)) {
    const after = found.at(-1)?.sequence ?? sequence;
    run = await readUp(table, { messageGroupId, limit: SEARCH_LIMIT, after, goOn: run.last });
    found.push(...run.entries);
  }
  const readable = messagesOf(found);
  const messages = readable.slice(0, limit);
  return {
    profile: run.profile ?? (await getProfile(table, messageGroupId)),
    messages,
    lastSequence: messages.at(-1)?.sequence ?? 0,
    hasOlder: true,
    hasNewer: readable.length > limit || !run.isEnd,
  };
}

/** Reads one message consistently. Returns undefined if the log has none of this number, or if it cannot be read. */
export async function getMessage(
  table: Table,
  messageGroupId: string,
  sequence: number,
): Promise<StoredMessage | undefined> {
  const Key = toWire(messageKey(messageGroupId, sequence));
  const { Item } = await table.call('GetItem', { TableName: table.name, Key, ConsistentRead: true });
  return Item && readOrSkip(table, parseStoredMessage, Item);
}

/** Reads up to 100 messages, those that exist and can be read, in no order. One BatchGetItem. */
export async function getMessages(
  table: Table,
  messages: readonly { readonly messageGroupId: string; readonly sequence: number }[],
): Promise<GroupMessage[]> {
  const items = await batchGet(
    table,
    messages.map(({ messageGroupId, sequence }) => messageKey(messageGroupId, sequence)),
  );
  return items.flatMap((item) => {
    const message = readOrSkip(table, parseMessage, item);
    return message ? [{ ...message, messageGroupId: messageGroupIdOf(item['pk']?.S ?? '') }] : [];
  });
}

const NOTHING: Stretch = { profile: undefined, messages: [], lastSequence: 0, hasOlder: false, hasNewer: false };

/** An item of the log. */
interface Entry {
  readonly sequence: number;
  /** Absent if it cannot be read. */
  readonly message: Message | undefined;
}

/** Entries that one Query found, in its order. */
interface Run {
  readonly profile: MessageGroupProfile | undefined;
  readonly entries: readonly Entry[];
  /** The sort key of the last item, also of one that is no entry. */
  readonly last: string | undefined;
  /** The log has no more entries in this direction. */
  readonly isEnd: boolean;
}

function messagesOf(entries: readonly Entry[]): Message[] {
  return entries.flatMap(({ message }) => message ?? []);
}

/** Makes a page of entries that descend. Reads on if none of them can be read. */
async function pageDown(
  table: Table,
  messageGroupId: string,
  limit: number,
  first: Run,
): Promise<Pick<Stretch, 'messages' | 'lastSequence' | 'hasOlder'>> {
  let run = first;
  const found = [...run.entries];
  while (!run.isEnd && !found.some(({ message }) => message)) {
    const before = found.at(-1)?.sequence;
    run = await readDown(table, { messageGroupId, limit: SEARCH_LIMIT, before, goOn: run.last });
    found.push(...run.entries);
  }
  const readable = messagesOf(found);
  const messages = readable.slice(0, limit).reverse();
  return { messages, lastSequence: found[0]?.sequence ?? 0, hasOlder: readable.length > limit || !run.isEnd };
}

interface Walk extends ReadOptions {
  readonly messageGroupId: string;
  readonly limit: number;
  /** The last sort key of the run before. Its items may be no entries, so its last entry is not enough to go on from. */
  readonly goOn?: string | undefined;
}

interface Downwards extends Walk {
  /** Exclusive. Without it the run begins at the profile. */
  readonly before?: number | undefined;
}

/** Reads at most `limit` entries, newest first. */
async function readDown(table: Table, walk: Downwards): Promise<Run> {
  const { messageGroupId, limit, before, goOn, consistent = false } = walk;
  const read = async (isConsistent: boolean) => {
    // A cursor may be made up, and lie beyond the newest message, where no number is missing. The repeat tells, since it has the message too.
    const isFromCursor = isConsistent && before !== undefined && goOn === undefined;
    const to = goOn ?? (before === undefined ? PROFILE_SORT_KEY : messageSortKey(isFromCursor ? before : before - 1));
    const { items, isCut } = await queryLog(table, {
      messageGroupId,
      from: FIRST_MESSAGE_SORT_KEY,
      to,
      goOn,
      newestFirst: true,
      limit: isFromCursor || to === PROFILE_SORT_KEY ? limit + 1 : limit,
      consistent: isConsistent,
    });
    const [first] = items;
    const profile = first?.['sk']?.S === PROFILE_SORT_KEY ? first : undefined;
    const hasCursor = isFromCursor && first?.['sk']?.S === to;
    const messages = (profile || hasCursor ? items.slice(1) : items).slice(0, limit);
    const isShort = !isCut && messages.length < limit;
    return { profile, ...logItems(table, messages), isShort, isBounded: !isFromCursor || hasCursor };
  };
  const { profile, entries, last, isShort } = await withoutGaps(
    table,
    { messageGroupId, end: 'first' },
    consistent,
    read,
    (run) =>
      missingNumbers(
        run.entries.map(({ sequence }) => sequence),
        { ...(before !== undefined && run.isBounded && { from: before }), ...(run.isShort && { to: 0 }) },
      ),
  );
  return {
    profile: profile && readOrSkip(table, parseProfile, profile),
    entries,
    last,
    isEnd: isShort || entries.at(-1)?.sequence === 1,
  };
}

interface Upwards extends Walk {
  /** Exclusive. */
  readonly after: number;
}

/** Reads at most `limit` entries, oldest first, and then the profile. */
async function readUp(table: Table, { messageGroupId, limit, after, goOn }: Upwards): Promise<Run> {
  const read = async (consistent: boolean) => {
    const { items, isCut } = await queryLog(table, {
      messageGroupId,
      from: goOn ?? messageSortKey(after + 1),
      to: PROFILE_SORT_KEY,
      goOn,
      newestFirst: false,
      limit,
      consistent,
    });
    const profile = items.at(-1)?.['sk']?.S === PROFILE_SORT_KEY ? items.at(-1) : undefined;
    const messages = profile ? items.slice(0, -1) : items;
    return { profile, ...logItems(table, messages), isShort: !isCut && messages.length < limit };
  };
  const { profile, entries, last, isShort } = await withoutGaps(
    table,
    { messageGroupId, end: 'last' },
    false,
    read,
    (run) =>
      missingNumbers(
        run.entries.map(({ sequence }) => sequence),
        { from: after },
      ),
  );
  return { profile: profile && readOrSkip(table, parseProfile, profile), entries, last, isEnd: isShort };
}

/** Repeats a read consistently if numbers are missing that are not known to be missing for good. */
async function withoutGaps<Result>(
  table: Table,
  log: Pick<Gap, 'messageGroupId' | 'end'>,
  consistent: boolean,
  read: (consistent: boolean) => Promise<Result>,
  gapsOf: (result: Result) => readonly Numbers[],
): Promise<Result> {
  const result = await read(consistent);
  const gaps = gapsOf(result).map((numbers): Gap => ({ ...log, ...numbers }));
  if (!consistent && gaps.some((gap) => !isKnownGap(table, gap))) return withoutGaps(table, log, true, read, gapsOf);
  for (const gap of gaps) reportGap(table, gap);
  return result;
}

/** Reads items between the first message and the profile. Those whose sort keys have no number are no entries of the log. */
function logItems(table: Table, items: readonly WireItem[]): Pick<Run, 'entries' | 'last'> {
  const entries = items.flatMap((item): Entry[] => {
    const sequence = sequenceOfSortKey(item['sk']?.S ?? '');
    const message = readOrSkip(table, parseMessage, item);
    return sequence === undefined ? [] : [{ sequence, message }];
  });
  return { entries, last: items.at(-1)?.['sk']?.S };
}

interface LogQuery {
  readonly messageGroupId: string;
  /** Sort keys, both inclusive. */
  readonly from: string;
  readonly to: string;
  /** One of the two, to begin after it. */
  readonly goOn: string | undefined;
  readonly newestFirst: boolean;
  readonly limit: number;
  readonly consistent: boolean;
}

/** Reads items of a log. One call stops at 1 MB, which messages of this version do not reach, but those of a later one may. */
async function queryLog(table: Table, { messageGroupId, from, to, goOn, newestFirst, limit, consistent }: LogQuery) {
  const pk = groupPartition(messageGroupId);
  const { Items: items = [], LastEvaluatedKey } = await table.call('Query', {
    TableName: table.name,
    KeyConditionExpression: 'pk = :group AND sk BETWEEN :from AND :to',
    ExpressionAttributeValues: toWire({ ':group': pk, ':from': from, ':to': to }),
    ExclusiveStartKey: goOn === undefined ? undefined : toWire({ pk, sk: goOn }),
    ScanIndexForward: !newestFirst,
    Limit: limit,
    ConsistentRead: consistent,
  });
  return { items, isCut: LastEvaluatedKey !== undefined && items.length < limit };
}
