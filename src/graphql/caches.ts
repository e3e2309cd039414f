import type { ApolloServerOptions, BaseContext } from '@apollo/server';
import type { DocumentNode } from 'graphql';
import { LRUCache } from 'lru-cache';

type DocumentStore = NonNullable<ApolloServerOptions<BaseContext>['documentStore']>;
type PersistedQueryCache = Exclude<ApolloServerOptions<BaseContext>['cache'], 'bounded' | undefined>;

/**
 * How much is kept, in bytes: some hundred documents such as a user interface has, which is many times what all versions of one have
 * together. What was not asked for the longest goes first: a document is then parsed anew, and a persisted query sent anew with its text.
 */
const DOCUMENTS_BYTES = 16 * 1024 * 1024;
/** Larger documents are not kept, in bytes, since a few of them would evict all others. 450 words have this size. */
const LARGEST_DOCUMENT_BYTES = 256 * 1024;
const PERSISTED_QUERIES_BYTES = 4 * 1024 * 1024;

/** What an entry takes besides its value, with its key. */
const ENTRY_BYTES = 500;

/** What a document takes for each word, number and sign, as measured. */
const TOKEN_BYTES = 550;

/** A character takes two bytes where any of the text has to. */
const CHARACTER_BYTES = 2;

/**
 * Documents that were found valid. Apollo's own store counts a document as long as its JSON, in which neither the text that it keeps is,
 * comments included, nor its tokens: there, 30 MB are some GB of documents that somebody made for it.
 */
export function documentStore(): DocumentStore {
  return boundedCache(DOCUMENTS_BYTES, bytesOfDocument, LARGEST_DOCUMENT_BYTES);
}

/** About as much memory as a document takes, in bytes. */
export function bytesOfDocument({ loc }: DocumentNode): number {
  let tokens = 0;
  for (let token = loc?.startToken; token; token = token.next ?? undefined) tokens += 1;
  return tokens * TOKEN_BYTES + (loc?.source.body.length ?? 0) * CHARACTER_BYTES;
}

/** Texts of automatic persisted queries; see the HTTP route for who may have any kept. */
export function persistedQueryCache(): PersistedQueryCache {
  return boundedCache(PERSISTED_QUERIES_BYTES, (text: string) => text.length * CHARACTER_BYTES);
}

function boundedCache<Value extends {}>(maxSize: number, bytesOf: (value: Value) => number, maxEntrySize = maxSize) {
  const kept = new LRUCache<string, Value>({
    maxSize,
    maxEntrySize,
    sizeCalculation: (value) => ENTRY_BYTES + bytesOf(value),
  });
  return {
    get: async (key: string) => kept.get(key),
    set: async (key: string, value: Value) => void kept.set(key, value),
    delete: async (key: string) => kept.delete(key),
  };
}
