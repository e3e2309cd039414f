import { type DynamoDBDocumentClient, GetCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { GraphQLError } from 'graphql';
import {
  groupPartition,
  INBOX_INDEX,
  messageSortKey,
  PROFILE_SORT_KEY,
  profileKey,
  userPartition,
} from '../../src/table/keys.ts';

/** Reads of the stock server, by the API's own access patterns. */

export const TABLE_NAME = 'cruddur-messages';

export interface MessageItem {
  readonly id: string;
  readonly sequence: number;
  readonly senderId: string;
  readonly body: string;
  readonly createdAt: string;
}

export interface SummaryItem {
  readonly sk: string;
  readonly memberIds: readonly string[];
  readonly lastMessage: MessageItem;
  readonly readSequence: number;
  readonly activityKey: string;
}

interface ProfileItem {
  readonly sk: string;
  readonly memberIds: readonly string[];
}

type Read = (
  documents: DynamoDBDocumentClient,
  viewerId: string,
  groupId: string,
  limit: number,
  sequence: number,
) => Promise<MessageItem[]>;

/** Reads the newest messages, newest first. */
export const readNewest: Read = async (documents, viewerId, groupId, limit) => {
  const [profile, ...messages] = await queryLog(documents, groupId, ['MSG#', PROFILE_SORT_KEY], limit + 1, false);
  checkMember(profile as ProfileItem | undefined, viewerId);
  return messages as MessageItem[];
};

/** Reads the messages before a sequence, newest first. */
export const readOlder: Read = async (documents, viewerId, groupId, limit, sequence) => {
  const [profile, messages] = await Promise.all([
    getProfile(documents, groupId),
    queryLog(documents, groupId, ['MSG#', messageSortKey(sequence - 1)], limit, false),
  ]);
  checkMember(profile, viewerId);
  return messages as MessageItem[];
};

/** Reads the messages after a sequence, newest first. */
export const readNewer: Read = async (documents, viewerId, groupId, limit, sequence) => {
  const items = await queryLog(documents, groupId, [messageSortKey(sequence + 1), PROFILE_SORT_KEY], limit + 1, true);
  const found = items.at(-1)?.sk === PROFILE_SORT_KEY ? items.pop() : await getProfile(documents, groupId);
  checkMember(found as ProfileItem | undefined, viewerId);
  return (items as unknown as MessageItem[]).slice(0, limit).reverse();
};

/** Reads a person's summaries, latest activity first. */
export async function listInbox(documents: DynamoDBDocumentClient, userId: string, limit: number) {
  const { Items = [] } = await documents.send(
    new QueryCommand({
      TableName: TABLE_NAME,
      IndexName: INBOX_INDEX,
      KeyConditionExpression: 'pk = :user',
      ExpressionAttributeValues: { ':user': userPartition(userId) },
      ScanIndexForward: false,
      Limit: limit,
    }),
  );
  return Items as SummaryItem[];
}

async function getProfile(documents: DynamoDBDocumentClient, groupId: string): Promise<ProfileItem | undefined> {
  const { Item } = await documents.send(new GetCommand({ TableName: TABLE_NAME, Key: profileKey(groupId) }));
  return Item as ProfileItem | undefined;
}

async function queryLog(
  documents: DynamoDBDocumentClient,
  groupId: string,
  [from, to]: readonly [string, string],
  limit: number,
  forward: boolean,
) {
  const { Items = [] } = await documents.send(
    new QueryCommand({
      TableName: TABLE_NAME,
      KeyConditionExpression: 'pk = :group AND sk BETWEEN :from AND :to',
      ExpressionAttributeValues: { ':group': groupPartition(groupId), ':from': from, ':to': to },
      ScanIndexForward: forward,
      Limit: limit,
    }),
  );
  return Items as ((MessageItem & { sk: string }) | ProfileItem)[];
}

function checkMember(profile: ProfileItem | undefined, viewerId: string): void {
  if (profile?.sk === PROFILE_SORT_KEY && profile.memberIds.includes(viewerId)) return;
  throw new GraphQLError('No such message group', { extensions: { code: 'NOT_FOUND' } });
}
