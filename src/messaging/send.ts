import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import pRetry from 'p-retry';
import { within } from '../calls.ts';
import { UnavailableError } from '../errors.ts';
import { kindOf, type Message, type MessageGroupProfile, type User } from '../model.ts';
import {
  type Append,
  appendMessage,
  appendMessageOnce,
  type Deduplication,
  restoreProfile,
  startMessageGroup,
} from '../table/appends.ts';
import { type StoredMessage, storedMessage } from '../table/items.ts';
import { advanceSummary } from '../table/summaries.ts';
import type { Table } from '../table/table.ts';
import { type AccessibleGroup, admitToOwnGroup, findLogEnd, type LogEnd, messageGroupNotFound } from './access.ts';
import type { Messaging } from './messaging.ts';

/** A message before it has a number. */
export interface Draft {
  readonly id: string;
  readonly body: string;
  readonly clientMessageId?: string;
}

/** The members of a group that may not be there yet, and the id that it has or will have. */
export interface People {
  readonly messageGroupId: string;
  readonly memberIds: readonly string[];
}

/** What became of a draft. */
export type Sent =
  | { readonly outcome: 'sent'; readonly group: AccessibleGroup }
  | Extract<Append, { outcome: 'sent before' }>;

/** How long a `clientMessageId` is remembered. */
const REMEMBERED_SECONDS = 24 * 60 * 60;

/**
 * A sender who loses the race for a number goes for the next one. Each round has a winner, so a crowd gets done;
 * the waits spread it out. All of them together stay below 8 s.
 */
const RACE = { retries: 20, firstWaitMs: 8, maxWaitMs: 500 };

/**
 * Appends the draft to the log of a group that the viewer may write to. Bounded in attempts.
 *
 * @throws UnavailableError when every attempt lost
 */
export async function sendTo(messaging: Messaging, viewer: User, end: LogEnd, draft: Draft): Promise<Sent> {
  const { table, now } = messaging;
  const { profile } = end;
  let { lastMessage, lastSequence } = end;
  let losses = 0;
  let isBehind = false;
  return race(async () => {
    if (isBehind) {
      const found = await findLogEnd(table, viewer, profile.id, { consistent: true });
      if (!found) throw messageGroupNotFound();
      ({ lastMessage, lastSequence } = found);
    }
    isBehind = false;
    const message = messageAfter({ lastMessage, lastSequence }, viewer, draft, now());
    const append = await attempt(table, profile.id, message, now());
    if (append.outcome === 'sent before') return append;
    if (append.outcome === 'appended') return sent(messaging, viewer, profile, append.message);
    // While it is undecided, only the same number can tell whether the message is there already.
    if (append.outcome === 'lost') {
      losses += 1;
      lastSequence = message.sequence;
      lastMessage = append.winner ?? lastMessage;
      // The first loser was handed the winner. Who lost again is among many, and reads where the log has got to.
      isBehind = losses > 1;
    }
    throw new LostRaceError();
  });
}

/**
 * Sends the draft to people: into their group, or by starting it, if there is none. Bounded in attempts.
 *
 * @throws UnavailableError when every attempt lost
 */
export async function sendToPeople(messaging: Messaging, viewer: User, people: People, draft: Draft): Promise<Sent> {
  admitToOwnGroup(viewer, people);
  let attempts = 0;
  let mayBeThere = true;
  let createdAt: string | undefined;
  const { end, started } = await race(async () => {
    attempts += 1;
    // Whoever was faster to start the group is seen by a consistent read, once done with it.
    const consistent = attempts > 1;
    const found = mayBeThere
      ? await findLogEnd(messaging.table, viewer, people.messageGroupId, { consistent })
      : undefined;
    if (found) return { end: found, started: undefined };
    if (consistent && mayBeThere) {
      // Its messages or summaries are there, and its profile is not. It follows from the people.
      const { messageGroupId: id, memberIds } = people;
      const profile = { id, kind: kindOf(memberIds), memberIds, createdAt: createdAt ?? instantOf(messaging.now()) };
      if (!(await restoreProfile(messaging.table, profile)) && attempts > 3)
        throw new UnavailableError('The profile of this message group cannot be read.');
      throw new LostRaceError();
    }
    const start = await startWith(messaging, viewer, people, draft);
    if (start.outcome === 'sent') return { end: undefined, started: start };
    // While it is undecided, only starting it again can tell whether it was started by this message.
    mayBeThere = start.outcome !== 'undecided';
    if (start.outcome === 'lost') createdAt = start.winner?.createdAt;
    throw new LostRaceError();
  });
  return started ?? sendTo(messaging, viewer, end, draft);
}

/** Starts the group of these people with the draft as message 1. */
async function startWith(
  { table, now }: Messaging,
  viewer: User,
  { messageGroupId, memberIds }: People,
  draft: Draft,
): Promise<Sent | Extract<Append, { outcome: 'lost' | 'undecided' }>> {
  const message = messageAfter({ lastMessage: undefined, lastSequence: 0 }, viewer, draft, now());
  const profile = { id: messageGroupId, kind: kindOf(memberIds), memberIds, createdAt: message.createdAt };
  const append = await startMessageGroup(table, profile, message, deduplicationOf(message, now()));
  if (append.outcome !== 'appended') return append;
  const { createdAt, sequence } = append.message;
  const started = { profile: { ...profile, createdAt }, lastMessage: append.message, lastSequence: sequence };
  return { outcome: 'sent', group: started };
}

/** The deadline of the sender's own summary, in milliseconds. */
const OWN_SUMMARY_MS = 1_000;

/**
 * Applies a message that is in the log to the sender's own summary, as the worker will, so that the sender's next inbox shows it. A failure is
 * left to the worker, because the message is sent.
 */
export async function applyToOwnSummary(
  { table }: Messaging,
  viewer: User,
  profile: MessageGroupProfile,
  stored: StoredMessage,
): Promise<void> {
  const applied = advanceSummary(table, viewer.id, profile, stored, stored.message.sequence);
  await within(OWN_SUMMARY_MS, applied).catch(() => {});
}

async function sent(messaging: Messaging, viewer: User, profile: MessageGroupProfile, message: Message): Promise<Sent> {
  await applyToOwnSummary(messaging, viewer, profile, storedMessage(message));
  return { outcome: 'sent', group: { profile, lastMessage: message, lastSequence: message.sequence } };
}

/** Whether a sent-before record is of the same body. */
export function isSameBody(record: { readonly bodyHash: string }, body: string): boolean {
  return record.bodyHash === hashOf(body);
}

function messageAfter(
  { lastMessage, lastSequence }: Omit<LogEnd, 'profile'>,
  viewer: User,
  draft: Draft,
  now: number,
): Message {
  const time = lastMessage ? Math.max(now, Date.parse(lastMessage.createdAt)) : now;
  return {
    ...draft,
    sequence: lastSequence + 1,
    senderId: viewer.id,
    createdAt: instantOf(time),
  };
}

function instantOf(time: number): string {
  return new Date(time).toISOString();
}

function attempt(table: Table, messageGroupId: string, message: Message, now: number): Promise<Append> {
  const deduplication = deduplicationOf(message, now);
  return deduplication
    ? appendMessageOnce(table, messageGroupId, message, deduplication)
    : appendMessage(table, messageGroupId, message);
}

function deduplicationOf({ id, sequence, body, clientMessageId }: Message, now: number): Deduplication | undefined {
  if (clientMessageId === undefined) return undefined;
  const seconds = Math.floor(now / 1000);
  return {
    clientMessageId,
    record: { messageId: id, sequence, bodyHash: hashOf(body), expiresAt: seconds + REMEMBERED_SECONDS },
    now: seconds,
  };
}

function hashOf(body: string): string {
  return createHash('sha256').update(body).digest('base64');
}

class LostRaceError extends UnavailableError {
  constructor() {
    super('Too many people write to this group at once. Try again.');
  }
}

function race<Result>(run: () => Promise<Result>): Promise<Result> {
  return pRetry(
    async (attempt) => {
      if (attempt > 1) await delay(waitAfter(attempt - 1));
      return run();
    },
    { retries: RACE.retries, minTimeout: 0, shouldRetry: ({ error }) => error instanceof LostRaceError },
  );
}

/**
 * Anywhere up to a bound that doubles with each loss. What `randomize` of p-retry adds is cut off at `maxTimeout`: those who have waited the
 * longest would then all wait the same, and meet again each time.
 */
function waitAfter(losses: number): number {
  return Math.random() * Math.min(RACE.firstWaitMs * 2 ** (losses - 1), RACE.maxWaitMs);
}
