import type { GraphQLResolveInfo, GraphQLScalarType, GraphQLScalarTypeConfig } from 'graphql';
import type { User as UserModel, GroupMessage as GroupMessageModel, MessageGroup as MessageGroupModel } from '../../model.ts';
import type { MessagePage as MessagePageModel, MessageGroupPage as MessageGroupPageModel } from '../connections.ts';
import type { CreateMessageResult as CreateMessageResultModel } from '../../messaging/create-message.ts';
import type { MarkMessageGroupReadResult as MarkMessageGroupReadResultModel } from '../../messaging/mark-message-group-read.ts';
import type { Context } from '../context.ts';
export type Maybe<T> = T | null;
export type InputMaybe<T> = Maybe<T>;
export type Omit<T, K extends keyof T> = Pick<T, Exclude<keyof T, K>>;
export type RequireFields<T, K extends keyof T> = Omit<T, K> & { [P in K]-?: NonNullable<T[P]> };
/** All built-in and custom scalars, mapped to their actual values */
export type Scalars = {
  ID: { input: string; output: string; }
  String: { input: string; output: string; }
  Boolean: { input: boolean; output: boolean; }
  Int: { input: number; output: number; }
  Float: { input: number; output: number; }
  /**
   * An instant in UTC with milliseconds, in the form of RFC 3339, section 5.6:
   * `2026-03-01T09:30:00.000Z`.
   */
  DateTime: { input: string; output: string; }
};

/** Why a message was not sent. */
export type CreateMessageError = {
  readonly __typename?: 'CreateMessageError';
  /** The stable code to act on. */
  readonly code: CreateMessageErrorCode;
  /** A sentence for people. */
  readonly message: Scalars['String']['output'];
  /** The path to the input value at fault, from the argument's name on; a number counts from 0. */
  readonly path: ReadonlyArray<Scalars['String']['output']>;
};

/** Why a message was not sent. */
export type CreateMessageErrorCode =
  /** Nothing that can be seen is left of the body. */
  | 'BODY_BLANK'
  /** The body is not valid Unicode: it has half of a surrogate pair. */
  | 'BODY_INVALID'
  /** The body has more than 1,024 code points. */
  | 'BODY_TOO_LONG'
  /** The viewer sent another body under this `clientMessageId` within the last 24 hours. */
  | 'CLIENT_MESSAGE_ID_REUSED'
  /** There is no such group among the viewer's. */
  | 'MESSAGE_GROUP_NOT_FOUND'
  /** There are no recipients. */
  | 'RECIPIENTS_EMPTY'
  /** The viewer is among the recipients. */
  | 'RECIPIENT_IS_SENDER'
  /** Nobody has this handle or this id. */
  | 'RECIPIENT_NOT_FOUND'
  /** There are more than 49 recipients. */
  | 'TOO_MANY_RECIPIENTS';

/** A message to send. The sender is always the viewer. */
export type CreateMessageInput = {
  /** The text. White space at its ends is removed; 1 to 1,024 Unicode code points have to remain. */
  readonly body: Scalars['String']['input'];
  /**
   * An id that the client makes up for this message, 1 to 128 characters without `#` and control
   * characters: sending again with the same one within 24 hours returns the first message instead of a
   * second one. A UUID serves well.
   */
  readonly clientMessageId?: InputMaybe<Scalars['ID']['input']>;
  /** Where the message goes. */
  readonly to: MessageDestination;
};

/** The outcome of `createMessage`. */
export type CreateMessagePayload = {
  readonly __typename?: 'CreateMessagePayload';
  /** True when `clientMessageId` was seen before, so that `message` is the one sent then. */
  readonly deduplicated: Scalars['Boolean']['output'];
  /** The message; null when there are `userErrors`. */
  readonly message?: Maybe<Message>;
  /** The message's group as it is right after the message; null when there are `userErrors`. */
  readonly messageGroup?: Maybe<MessageGroup>;
  /** What has to change for the message to be sent; empty on success. */
  readonly userErrors: ReadonlyArray<CreateMessageError>;
};

/** Why a group could not be marked as read. */
export type MarkMessageGroupReadError = {
  readonly __typename?: 'MarkMessageGroupReadError';
  /** The stable code to act on. */
  readonly code: MarkMessageGroupReadErrorCode;
  /** A sentence for people. */
  readonly message: Scalars['String']['output'];
  /** The path to the input value at fault, from the argument's name on. */
  readonly path: ReadonlyArray<Scalars['String']['output']>;
};

/** Why a group could not be marked as read. */
export type MarkMessageGroupReadErrorCode =
  /** There is no such group among the viewer's. */
  | 'MESSAGE_GROUP_NOT_FOUND'
  /** The sequence is below 0, or past the group's newest message. */
  | 'SEQUENCE_OUT_OF_RANGE';

/** What to mark as read. */
export type MarkMessageGroupReadInput = {
  /** The message group. */
  readonly messageGroupId: Scalars['ID']['input'];
  /** Read up to and including this sequence: 0 to the sequence of the newest message. */
  readonly sequence: Scalars['Int']['input'];
};

/** The outcome of `markMessageGroupRead`. */
export type MarkMessageGroupReadPayload = {
  readonly __typename?: 'MarkMessageGroupReadPayload';
  /** The group with its new `readSequence`; null when there are `userErrors`. */
  readonly messageGroup?: Maybe<MessageGroup>;
  /** What has to change for the call to succeed; empty on success. */
  readonly userErrors: ReadonlyArray<MarkMessageGroupReadError>;
};

/**
 * A message. The messages of a group are a log: numbered from 1 without holes, never changed, and
 * `createdAt` never runs against the numbers.
 */
export type Message = {
  readonly __typename?: 'Message';
  /** The text: 1 to 1,024 Unicode code points, without white space at its ends. */
  readonly body: Scalars['String']['output'];
  /** The id that the sender's client gave it. Only its sender sees it; null for others, and where none was given. */
  readonly clientMessageId?: Maybe<Scalars['ID']['output']>;
  /** When the server took the message. Never before the `createdAt` of the previous message. */
  readonly createdAt: Scalars['DateTime']['output'];
  /** The message's UUID. */
  readonly id: Scalars['ID']['output'];
  /** The message group that the message is in. */
  readonly messageGroupId: Scalars['ID']['output'];
  /** The first 140 Unicode code points of the text. */
  readonly preview: Scalars['String']['output'];
  /** Who sent it; null once the account is gone. */
  readonly sender?: Maybe<User>;
  /** The message's number in its group: 1, 2, 3 and so on. */
  readonly sequence: Scalars['Int']['output'];
};

/** A page of a group's messages. */
export type MessageConnection = {
  readonly __typename?: 'MessageConnection';
  /** The messages of this page, newest first, whichever way the list is walked. */
  readonly edges: ReadonlyArray<MessageEdge>;
  /** Where this page lies in the list. */
  readonly pageInfo: PageInfo;
};

/** Where a message goes: exactly one of these. */
export type MessageDestination =
  /** Into a message group that the viewer is a member of. */
  { readonly messageGroupId: Scalars['ID']['input']; readonly recipientHandles?: never; readonly recipientIds?: never; }
  |  /**
   * To people: 1 to 49 handles, the viewer's own not among them. It goes into the one group of these people and the
   * viewer, which is made if there is none yet.
   */
  { readonly messageGroupId?: never; readonly recipientHandles: ReadonlyArray<Scalars['String']['input']>; readonly recipientIds?: never; }
  |  /**
   * To people by their ids: 1 to 49, the viewer's own not among them. As with handles, but it never reaches a person
   * who took over a handle since the client read it.
   */
  { readonly messageGroupId?: never; readonly recipientHandles?: never; readonly recipientIds: ReadonlyArray<Scalars['ID']['input']>; };

/** A message's place in its group's list. */
export type MessageEdge = {
  readonly __typename?: 'MessageEdge';
  /** Opaque; valid as `after` and `before` in `messages` of the same group only. */
  readonly cursor: Scalars['String']['output'];
  /** The message. */
  readonly node: Message;
};

/**
 * A conversation between a fixed set of people, as the viewer sees it. There is one message group
 * for each set of people, and it is visible to its members alone.
 */
export type MessageGroup = {
  readonly __typename?: 'MessageGroup';
  /** When the group's first message was sent. */
  readonly createdAt: Scalars['DateTime']['output'];
  /** The group's UUID: the same set of members always has the same one. */
  readonly id: Scalars['ID']['output'];
  /** Whether this is a conversation of two or of more. */
  readonly kind: MessageGroupKind;
  /** The newest message. Every group has one, since a group is made by its first message. */
  readonly lastMessage: Message;
  /**
   * The members, the viewer included, in a stable order. 2 to 50 of them; those whose account is
   * gone are left out.
   */
  readonly members: ReadonlyArray<User>;
  /** How many messages the group has: the sequence of its newest. */
  readonly messageCount: Scalars['Int']['output'];
  /**
   * The sequence up to and including which the viewer has read; 0 when nothing was read. Sending
   * a message reads everything before it.
   */
  readonly readSequence: Scalars['Int']['output'];
  /** How many messages the viewer has not read: `messageCount - readSequence`, at least 0. */
  readonly unreadCount: Scalars['Int']['output'];
};

/** A page of the viewer's message groups. */
export type MessageGroupConnection = {
  readonly __typename?: 'MessageGroupConnection';
  /** The groups of this page, latest activity first. */
  readonly edges: ReadonlyArray<MessageGroupEdge>;
  /** Where this page lies in the list. */
  readonly pageInfo: PageInfo;
};

/** A message group's place in the viewer's list. */
export type MessageGroupEdge = {
  readonly __typename?: 'MessageGroupEdge';
  /** Opaque; valid as `after` in `messageGroups` of the same viewer only. */
  readonly cursor: Scalars['String']['output'];
  /** The group. */
  readonly node: MessageGroup;
};

/** How many people a message group is for. */
export type MessageGroupKind =
  /** A conversation of two. */
  | 'DIRECT'
  /** A conversation of three to fifty. */
  | 'GROUP';

/**
 * Everything that can be changed. What a person did wrong comes back as `userErrors` in the
 * payload; top-level errors are for the rest.
 */
export type Mutation = {
  readonly __typename?: 'Mutation';
  /** Sends a message. The payload is fresh at once; other members' summaries follow within about a second. */
  readonly createMessage: CreateMessagePayload;
  /**
   * Moves the viewer's `readSequence` of a group forward. It never moves back: a sequence that was
   * passed already changes nothing and is no error.
   */
  readonly markMessageGroupRead: MarkMessageGroupReadPayload;
};


/**
 * Everything that can be changed. What a person did wrong comes back as `userErrors` in the
 * payload; top-level errors are for the rest.
 */
export type MutationCreateMessageArgs = {
  input: CreateMessageInput;
};


/**
 * Everything that can be changed. What a person did wrong comes back as `userErrors` in the
 * payload; top-level errors are for the rest.
 */
export type MutationMarkMessageGroupReadArgs = {
  input: MarkMessageGroupReadInput;
};

/**
 * Where a page lies in its list, as the Relay cursor connections specification defines it.
 * Lists run newest first, so "next" is towards older and "previous" towards newer.
 */
export type PageInfo = {
  readonly __typename?: 'PageInfo';
  /** The cursor of the last (oldest) edge of the page; null on an empty page. */
  readonly endCursor?: Maybe<Scalars['String']['output']>;
  /** True when the list goes on towards older after this page's last edge. */
  readonly hasNextPage: Scalars['Boolean']['output'];
  /** True when the list goes on towards newer before this page's first edge. */
  readonly hasPreviousPage: Scalars['Boolean']['output'];
  /** The cursor of the first (newest) edge of the page; null on an empty page. */
  readonly startCursor?: Maybe<Scalars['String']['output']>;
};

/**
 * Everything that can be asked. Each field needs a bearer token; without a valid one the
 * answer is HTTP status 401 with the error code `UNAUTHENTICATED`.
 */
export type Query = {
  readonly __typename?: 'Query';
  /**
   * One message group. A group that does not exist and a group that the viewer is not a member
   * of give the same error, `NOT_FOUND`.
   */
  readonly messageGroup?: Maybe<MessageGroup>;
  /**
   * The message group of exactly the viewer and the people with these handles: the one that a message to them goes
   * to. Null if there is none yet, or if a message to these handles would be refused, for instance because nobody
   * has one of them. It never starts a group.
   */
  readonly messageGroupWith?: Maybe<MessageGroup>;
  /**
   * The viewer's message groups, latest activity first. A summary follows its group's
   * messages within about a second.
   *
   * Errors: `BAD_USER_INPUT` for a page size out of range or a cursor that is not of this list.
   */
  readonly messageGroups: MessageGroupConnection;
  /**
   * A group's messages, newest first.
   *
   * - `first`, `after`: a page towards older.
   * - `last`, `before`: the page that comes next towards newer: with the newest cursor seen so far
   *   this is a poll, and it sees each new message exactly once. Keep the old cursor when a page is empty.
   *
   * Errors: `NOT_FOUND` when there is no such group among the viewer's, null then. `BAD_USER_INPUT`
   * for a page size outside 1 to 100, a cursor that is not of this list, `first` with `before`,
   * `last` with `after` or without `before`, or both directions at once.
   */
  readonly messages?: Maybe<MessageConnection>;
  /**
   * The person with this handle, compared without regard to case; null when there is none. Anyone
   * who is signed in may look up anyone, since that is how conversations start.
   */
  readonly user?: Maybe<User>;
  /**
   * People to write to, without the viewer: first the person with exactly this handle, then people whose handles
   * begin so, then people whose display names have words that begin so. Each in the order of their handles.
   * ASCII case and punctuation make no difference.
   *
   * Searches have a rate limit of their own. Errors: `BAD_USER_INPUT` for a text that is too short or too long and
   * for a count out of range; `PEOPLE_SEARCH_OFF` where the operator has switched the search off.
   */
  readonly users: ReadonlyArray<User>;
  /** The person whom the request's token belongs to. */
  readonly viewer: User;
};


/**
 * Everything that can be asked. Each field needs a bearer token; without a valid one the
 * answer is HTTP status 401 with the error code `UNAUTHENTICATED`.
 */
export type QueryMessageGroupArgs = {
  id: Scalars['ID']['input'];
};


/**
 * Everything that can be asked. Each field needs a bearer token; without a valid one the
 * answer is HTTP status 401 with the error code `UNAUTHENTICATED`.
 */
export type QueryMessageGroupWithArgs = {
  handles: ReadonlyArray<Scalars['String']['input']>;
};


/**
 * Everything that can be asked. Each field needs a bearer token; without a valid one the
 * answer is HTTP status 401 with the error code `UNAUTHENTICATED`.
 */
export type QueryMessageGroupsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
};


/**
 * Everything that can be asked. Each field needs a bearer token; without a valid one the
 * answer is HTTP status 401 with the error code `UNAUTHENTICATED`.
 */
export type QueryMessagesArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  messageGroupId: Scalars['ID']['input'];
};


/**
 * Everything that can be asked. Each field needs a bearer token; without a valid one the
 * answer is HTTP status 401 with the error code `UNAUTHENTICATED`.
 */
export type QueryUserArgs = {
  handle: Scalars['String']['input'];
};


/**
 * Everything that can be asked. Each field needs a bearer token; without a valid one the
 * answer is HTTP status 401 with the error code `UNAUTHENTICATED`.
 */
export type QueryUsersArgs = {
  first?: InputMaybe<Scalars['Int']['input']>;
  search: Scalars['String']['input'];
};

/** A person, as the directory knows them. */
export type User = {
  readonly __typename?: 'User';
  /** The name to show: 1 to 100 characters. */
  readonly displayName: Scalars['String']['output'];
  /**
   * The short name that people write to: 1 to 30 letters, digits and underscores. Unique without
   * regard to ASCII case.
   */
  readonly handle: Scalars['String']['output'];
  /** The person's UUID. It never changes. */
  readonly id: Scalars['ID']['output'];
};



export type ResolverTypeWrapper<T> = Promise<T> | T;


export type ResolverWithResolve<TResult, TParent, TContext, TArgs> = {
  resolve: ResolverFn<TResult, TParent, TContext, TArgs>;
};
export type Resolver<TResult, TParent = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>, TArgs = Record<PropertyKey, never>> = ResolverFn<TResult, TParent, TContext, TArgs> | ResolverWithResolve<TResult, TParent, TContext, TArgs>;

export type ResolverFn<TResult, TParent, TContext, TArgs> = (
  parent: TParent,
  args: TArgs,
  context: TContext,
  info: GraphQLResolveInfo
) => Promise<TResult> | TResult;

export type SubscriptionSubscribeFn<TResult, TParent, TContext, TArgs> = (
  parent: TParent,
  args: TArgs,
  context: TContext,
  info: GraphQLResolveInfo
) => AsyncIterable<TResult> | Promise<AsyncIterable<TResult>>;

export type SubscriptionResolveFn<TResult, TParent, TContext, TArgs> = (
  parent: TParent,
  args: TArgs,
  context: TContext,
  info: GraphQLResolveInfo
) => TResult | Promise<TResult>;

export interface SubscriptionSubscriberObject<TResult, TKey extends string, TParent, TContext, TArgs> {
  subscribe: SubscriptionSubscribeFn<{ [key in TKey]: TResult }, TParent, TContext, TArgs>;
  resolve?: SubscriptionResolveFn<TResult, { [key in TKey]: TResult }, TContext, TArgs>;
}

export interface SubscriptionResolverObject<TResult, TParent, TContext, TArgs> {
  subscribe: SubscriptionSubscribeFn<any, TParent, TContext, TArgs>;
  resolve: SubscriptionResolveFn<TResult, any, TContext, TArgs>;
}

export type SubscriptionObject<TResult, TKey extends string, TParent, TContext, TArgs> =
  | SubscriptionSubscriberObject<TResult, TKey, TParent, TContext, TArgs>
  | SubscriptionResolverObject<TResult, TParent, TContext, TArgs>;

export type SubscriptionResolver<TResult, TKey extends string, TParent = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>, TArgs = Record<PropertyKey, never>> =
  | ((...args: any[]) => SubscriptionObject<TResult, TKey, TParent, TContext, TArgs>)
  | SubscriptionObject<TResult, TKey, TParent, TContext, TArgs>;

export type TypeResolveFn<TTypes, TParent = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>> = (
  parent: TParent,
  context: TContext,
  info: GraphQLResolveInfo
) => Maybe<TTypes> | Promise<Maybe<TTypes>>;

export type IsTypeOfResolverFn<T = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>> = (obj: T, context: TContext, info: GraphQLResolveInfo) => boolean | Promise<boolean>;

export type NextResolverFn<T> = () => Promise<T>;

export type DirectiveResolverFn<TResult = Record<PropertyKey, never>, TParent = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>, TArgs = Record<PropertyKey, never>> = (
  next: NextResolverFn<TResult>,
  parent: TParent,
  args: TArgs,
  context: TContext,
  info: GraphQLResolveInfo
) => TResult | Promise<TResult>;





/** Mapping between all available schema types and the resolvers types */
export type ResolversTypes = {
  Boolean: ResolverTypeWrapper<Scalars['Boolean']['output']>;
  CreateMessageError: ResolverTypeWrapper<CreateMessageError>;
  CreateMessageErrorCode: CreateMessageErrorCode;
  CreateMessageInput: CreateMessageInput;
  CreateMessagePayload: ResolverTypeWrapper<CreateMessageResultModel>;
  DateTime: ResolverTypeWrapper<Scalars['DateTime']['output']>;
  ID: ResolverTypeWrapper<Scalars['ID']['output']>;
  Int: ResolverTypeWrapper<Scalars['Int']['output']>;
  MarkMessageGroupReadError: ResolverTypeWrapper<MarkMessageGroupReadError>;
  MarkMessageGroupReadErrorCode: MarkMessageGroupReadErrorCode;
  MarkMessageGroupReadInput: MarkMessageGroupReadInput;
  MarkMessageGroupReadPayload: ResolverTypeWrapper<MarkMessageGroupReadResultModel>;
  Message: ResolverTypeWrapper<GroupMessageModel>;
  MessageConnection: ResolverTypeWrapper<MessagePageModel>;
  MessageDestination: MessageDestination;
  MessageEdge: ResolverTypeWrapper<Omit<MessageEdge, 'node'> & { node: ResolversTypes['Message'] }>;
  MessageGroup: ResolverTypeWrapper<MessageGroupModel>;
  MessageGroupConnection: ResolverTypeWrapper<MessageGroupPageModel>;
  MessageGroupEdge: ResolverTypeWrapper<Omit<MessageGroupEdge, 'node'> & { node: ResolversTypes['MessageGroup'] }>;
  MessageGroupKind: MessageGroupKind;
  Mutation: ResolverTypeWrapper<Record<PropertyKey, never>>;
  PageInfo: ResolverTypeWrapper<PageInfo>;
  Query: ResolverTypeWrapper<Record<PropertyKey, never>>;
  String: ResolverTypeWrapper<Scalars['String']['output']>;
  User: ResolverTypeWrapper<UserModel>;
};

/** Mapping between all available schema types and the resolvers parents */
export type ResolversParentTypes = {
  Boolean: Scalars['Boolean']['output'];
  CreateMessageError: CreateMessageError;
  CreateMessageInput: CreateMessageInput;
  CreateMessagePayload: CreateMessageResultModel;
  DateTime: Scalars['DateTime']['output'];
  ID: Scalars['ID']['output'];
  Int: Scalars['Int']['output'];
  MarkMessageGroupReadError: MarkMessageGroupReadError;
  MarkMessageGroupReadInput: MarkMessageGroupReadInput;
  MarkMessageGroupReadPayload: MarkMessageGroupReadResultModel;
  Message: GroupMessageModel;
  MessageConnection: MessagePageModel;
  MessageDestination: MessageDestination;
  MessageEdge: Omit<MessageEdge, 'node'> & { node: ResolversParentTypes['Message'] };
  MessageGroup: MessageGroupModel;
  MessageGroupConnection: MessageGroupPageModel;
  MessageGroupEdge: Omit<MessageGroupEdge, 'node'> & { node: ResolversParentTypes['MessageGroup'] };
  Mutation: Record<PropertyKey, never>;
  PageInfo: PageInfo;
  Query: Record<PropertyKey, never>;
  String: Scalars['String']['output'];
  User: UserModel;
};

export type CreateMessageErrorResolvers<ContextType = Context, ParentType extends ResolversParentTypes['CreateMessageError'] = ResolversParentTypes['CreateMessageError']> = {
  code?: Resolver<ResolversTypes['CreateMessageErrorCode'], ParentType, ContextType>;
  message?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  path?: Resolver<ReadonlyArray<ResolversTypes['String']>, ParentType, ContextType>;
};

export type CreateMessagePayloadResolvers<ContextType = Context, ParentType extends ResolversParentTypes['CreateMessagePayload'] = ResolversParentTypes['CreateMessagePayload']> = {
  deduplicated?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  message?: Resolver<Maybe<ResolversTypes['Message']>, ParentType, ContextType>;
  messageGroup?: Resolver<Maybe<ResolversTypes['MessageGroup']>, ParentType, ContextType>;
  userErrors?: Resolver<ReadonlyArray<ResolversTypes['CreateMessageError']>, ParentType, ContextType>;
};

export interface DateTimeScalarConfig extends GraphQLScalarTypeConfig<ResolversTypes['DateTime'], any> {
  name: 'DateTime';
}

export type MarkMessageGroupReadErrorResolvers<ContextType = Context, ParentType extends ResolversParentTypes['MarkMessageGroupReadError'] = ResolversParentTypes['MarkMessageGroupReadError']> = {
  code?: Resolver<ResolversTypes['MarkMessageGroupReadErrorCode'], ParentType, ContextType>;
  message?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  path?: Resolver<ReadonlyArray<ResolversTypes['String']>, ParentType, ContextType>;
};

export type MarkMessageGroupReadPayloadResolvers<ContextType = Context, ParentType extends ResolversParentTypes['MarkMessageGroupReadPayload'] = ResolversParentTypes['MarkMessageGroupReadPayload']> = {
  messageGroup?: Resolver<Maybe<ResolversTypes['MessageGroup']>, ParentType, ContextType>;
  userErrors?: Resolver<ReadonlyArray<ResolversTypes['MarkMessageGroupReadError']>, ParentType, ContextType>;
};

export type MessageResolvers<ContextType = Context, ParentType extends ResolversParentTypes['Message'] = ResolversParentTypes['Message']> = {
  body?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  clientMessageId?: Resolver<Maybe<ResolversTypes['ID']>, ParentType, ContextType>;
  createdAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  messageGroupId?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  preview?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  sender?: Resolver<Maybe<ResolversTypes['User']>, ParentType, ContextType>;
  sequence?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export type MessageConnectionResolvers<ContextType = Context, ParentType extends ResolversParentTypes['MessageConnection'] = ResolversParentTypes['MessageConnection']> = {
  edges?: Resolver<ReadonlyArray<ResolversTypes['MessageEdge']>, ParentType, ContextType>;
  pageInfo?: Resolver<ResolversTypes['PageInfo'], ParentType, ContextType>;
};

export type MessageEdgeResolvers<ContextType = Context, ParentType extends ResolversParentTypes['MessageEdge'] = ResolversParentTypes['MessageEdge']> = {
  cursor?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  node?: Resolver<ResolversTypes['Message'], ParentType, ContextType>;
};

export type MessageGroupResolvers<ContextType = Context, ParentType extends ResolversParentTypes['MessageGroup'] = ResolversParentTypes['MessageGroup']> = {
  createdAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  kind?: Resolver<ResolversTypes['MessageGroupKind'], ParentType, ContextType>;
  lastMessage?: Resolver<ResolversTypes['Message'], ParentType, ContextType>;
  members?: Resolver<ReadonlyArray<ResolversTypes['User']>, ParentType, ContextType>;
  messageCount?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  readSequence?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  unreadCount?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export type MessageGroupConnectionResolvers<ContextType = Context, ParentType extends ResolversParentTypes['MessageGroupConnection'] = ResolversParentTypes['MessageGroupConnection']> = {
  edges?: Resolver<ReadonlyArray<ResolversTypes['MessageGroupEdge']>, ParentType, ContextType>;
  pageInfo?: Resolver<ResolversTypes['PageInfo'], ParentType, ContextType>;
};

export type MessageGroupEdgeResolvers<ContextType = Context, ParentType extends ResolversParentTypes['MessageGroupEdge'] = ResolversParentTypes['MessageGroupEdge']> = {
  cursor?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  node?: Resolver<ResolversTypes['MessageGroup'], ParentType, ContextType>;
};

export type MutationResolvers<ContextType = Context, ParentType extends ResolversParentTypes['Mutation'] = ResolversParentTypes['Mutation']> = {
  createMessage?: Resolver<ResolversTypes['CreateMessagePayload'], ParentType, ContextType, RequireFields<MutationCreateMessageArgs, 'input'>>;
  markMessageGroupRead?: Resolver<ResolversTypes['MarkMessageGroupReadPayload'], ParentType, ContextType, RequireFields<MutationMarkMessageGroupReadArgs, 'input'>>;
};

export type PageInfoResolvers<ContextType = Context, ParentType extends ResolversParentTypes['PageInfo'] = ResolversParentTypes['PageInfo']> = {
  endCursor?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  hasNextPage?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  hasPreviousPage?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  startCursor?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
};

export type QueryResolvers<ContextType = Context, ParentType extends ResolversParentTypes['Query'] = ResolversParentTypes['Query']> = {
  messageGroup?: Resolver<Maybe<ResolversTypes['MessageGroup']>, ParentType, ContextType, RequireFields<QueryMessageGroupArgs, 'id'>>;
  messageGroupWith?: Resolver<Maybe<ResolversTypes['MessageGroup']>, ParentType, ContextType, RequireFields<QueryMessageGroupWithArgs, 'handles'>>;
  messageGroups?: Resolver<ResolversTypes['MessageGroupConnection'], ParentType, ContextType, Partial<QueryMessageGroupsArgs>>;
  messages?: Resolver<Maybe<ResolversTypes['MessageConnection']>, ParentType, ContextType, RequireFields<QueryMessagesArgs, 'messageGroupId'>>;
  user?: Resolver<Maybe<ResolversTypes['User']>, ParentType, ContextType, RequireFields<QueryUserArgs, 'handle'>>;
  users?: Resolver<ReadonlyArray<ResolversTypes['User']>, ParentType, ContextType, RequireFields<QueryUsersArgs, 'first' | 'search'>>;
  viewer?: Resolver<ResolversTypes['User'], ParentType, ContextType>;
};

export type UserResolvers<ContextType = Context, ParentType extends ResolversParentTypes['User'] = ResolversParentTypes['User']> = {
  displayName?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  handle?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
};

export type Resolvers<ContextType = Context> = {
  CreateMessageError?: CreateMessageErrorResolvers<ContextType>;
  CreateMessagePayload?: CreateMessagePayloadResolvers<ContextType>;
  DateTime?: GraphQLScalarType;
  MarkMessageGroupReadError?: MarkMessageGroupReadErrorResolvers<ContextType>;
  MarkMessageGroupReadPayload?: MarkMessageGroupReadPayloadResolvers<ContextType>;
  Message?: MessageResolvers<ContextType>;
  MessageConnection?: MessageConnectionResolvers<ContextType>;
  MessageEdge?: MessageEdgeResolvers<ContextType>;
  MessageGroup?: MessageGroupResolvers<ContextType>;
  MessageGroupConnection?: MessageGroupConnectionResolvers<ContextType>;
  MessageGroupEdge?: MessageGroupEdgeResolvers<ContextType>;
  Mutation?: MutationResolvers<ContextType>;
  PageInfo?: PageInfoResolvers<ContextType>;
  Query?: QueryResolvers<ContextType>;
  User?: UserResolvers<ContextType>;
};

