/** A message as the model has it. */
export interface ModelMessage {
  /** Learnt from the API's reply. */
  id?: string;
  readonly sequence: number;
  readonly body: string;
  /** A handle. */
  readonly sender: string;
}

/** A page of a log, newest first. */
export interface ModelPage {
  readonly messages: readonly ModelMessage[];
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
}

/** What a message group should be, as plainly as it can be said: a log in memory. */
export class ModelGroup {
  /** Learnt from the API's reply. */
  id?: string;
  /** Sorted handles. */
  readonly members: readonly string[];
  readonly log: ModelMessage[] = [];
  readonly #marked = new Map<string, number>();
  readonly #writtenBefore = new Map<string, ModelMessage>();

  constructor(members: readonly string[]) {
    this.members = members;
  }

  write(
    sender: string,
    text: string,
    clientMessageId: string | undefined,
  ): { readonly message: ModelMessage; readonly before: boolean } | 'id reused' {
    const body = text.trim();
    const key = `${sender} ${clientMessageId ?? this.log.length}`;
    const before = this.#writtenBefore.get(key);
    if (before) return before.body === body ? { message: before, before: true } : 'id reused';
    const message = { sequence: this.log.length + 1, body, sender };
    this.log.push(message);
    this.#writtenBefore.set(key, message);
    this.#marked.set(sender, message.sequence);
    return { message, before: false };
  }

  /** Returns whether the sequence was in range. */
  markAsRead(member: string, sequence: number): boolean {
    if (sequence < 0 || sequence > this.log.length) return false;
    this.#marked.set(member, Math.max(this.#marked.get(member) ?? 0, sequence));
    return true;
  }

  /** The group as the API shows it: writing marks as read. */
  viewOf(member: string) {
    const messageCount = this.log.length;
    const readSequence = this.#marked.get(member) ?? 0;
    return { messageCount, readSequence, unreadCount: messageCount - readSequence };
  }

  /** The messages right before the sequence; the newest where absent. */
  older(limit: number, sequence: number | undefined): ModelPage {
    const older = this.log.slice(0, sequence === undefined ? undefined : sequence - 1).reverse();
    return {
      messages: older.slice(0, limit),
      hasNextPage: older.length > limit,
      hasPreviousPage: sequence !== undefined,
    };
  }

  /** The messages right after the sequence. */
  newer(limit: number, sequence: number): ModelPage {
    const newer = this.log.slice(sequence);
    return { messages: newer.slice(0, limit).reverse(), hasNextPage: true, hasPreviousPage: newer.length > limit };
  }
}
