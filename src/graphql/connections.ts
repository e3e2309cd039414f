import type { GroupMessage, MessageGroup, Page } from '../model.ts';

export type MessagePage = Page<GroupMessage>;
export type MessageGroupPage = Page<MessageGroup>;

/** The `PageInfo` of a page, by the Relay cursor connections specification. */
export function pageInfo({ edges, hasNextPage, hasPreviousPage }: Page<unknown>) {
  return {
    hasNextPage,
    hasPreviousPage,
    startCursor: edges.at(0)?.cursor ?? null,
    endCursor: edges.at(-1)?.cursor ?? null,
  };
}
