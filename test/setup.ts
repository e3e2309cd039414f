import { useDynamoDb } from './support/dynamodb.ts';

useDynamoDb();
