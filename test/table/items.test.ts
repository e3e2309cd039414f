import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { toWire, type WireItem } from '../../src/dynamodb/attribute-values.ts';
import { kindOf, previewOf } from '../../src/model.ts';
import { MAX_INT } from '../../src/table/attributes.ts';
import {
  MalformedItemError,
  messageItem,
  parseMessage,
  parseProfile,
  parseSentBefore,
  parseSummary,
  profileItem,
  sentBeforeItem,
  storedMessage,
  summaryItem,
} from '../../src/table/items.ts';

const instant = fc
  .date({ min: new Date('2000-01-01'), max: new Date('2100-01-01'), noInvalidDate: true })
  .map((date) => date.toISOString());
const positive = fc.integer({ min: 1, max: MAX_INT });
const memberIds = fc.uniqueArray(fc.uuid(), { minLength: 2, maxLength: 5 });

const message = fc.record(
  {
    id: fc.uuid(),
    sequence: positive,
    senderId: fc.uuid(),
    body: fc.string(),
    createdAt: instant,
    clientMessageId: fc.string(),
  },
  { requiredKeys: ['id', 'sequence', 'senderId', 'body', 'createdAt'] },
);

const KINDS = [
  {
    kind: 'message',
    written: fc.tuple(fc.uuid(), message).map(([group, held]) => ({ held, item: messageItem(group, held) })),
    parse: parseMessage,
  },
  {
    kind: 'profile',
    written: fc
      .record({ id: fc.uuid(), memberIds, createdAt: instant })
      .map((some) => ({ ...some, kind: kindOf(some.memberIds) }))
      .map((held) => ({ held, item: profileItem(held) })),
    parse: parseProfile,
  },
  {
    kind: 'summary',
    written: fc
      .record({
        profile: fc.record({ id: fc.uuid(), kind: fc.constant('GROUP' as const), memberIds, createdAt: instant }),
        lastMessage: message,
        readSequence: fc.nat(),
      })
      .map(({ profile, lastMessage, readSequence }) => ({
        held: {
          messageGroupId: profile.id,
          memberIds: profile.memberIds,
          lastMessage: { ...lastMessage, body: previewOf(lastMessage.body) },
          lastSequence: lastMessage.sequence,
          readSequence,
          activityKey: `${lastMessage.createdAt}#${profile.id}`,
        },
        item: unmarshall(summaryItem(lastMessage.senderId, profile, storedMessage(lastMessage), readSequence)),
      })),
    parse: parseSummary,
  },
  {
    kind: 'sent-before record',
    written: fc
      .record({ messageId: fc.uuid(), sequence: positive, bodyHash: fc.string(), expiresAt: positive })
      .map((held) => ({ held, item: sentBeforeItem('group', 'someone', 'once', held) })),
    parse: parseSentBefore,
  },
] as const;

test.each(KINDS)('a $kind that is written reads back equal', ({ written, parse }) => {
  fc.assert(
    fc.property(written as fc.Arbitrary<{ held: object; item: object }>, ({ held, item }) => {
      expect(parse(toWire(item))).toEqual(held);
    }),
  );
});

const ID = '00000000-0000-4000-8000-000000000001';
const OTHER = '00000000-0000-4000-8000-000000000002';
const MESSAGE = { id: ID, sequence: 1, senderId: ID, body: 'hello', createdAt: '2026-01-31T23:59:59.999Z' };

const WHOLE = {
  message: { parse: parseMessage, item: toWire(messageItem(ID, { ...MESSAGE, clientMessageId: 'once' })) },
  profile: {
    parse: parseProfile,
    item: toWire(profileItem({ id: ID, kind: 'DIRECT', memberIds: [ID, OTHER], createdAt: MESSAGE.createdAt })),
  },
  summary: {
    parse: parseSummary,
    item: summaryItem(
      ID,
      { id: ID, kind: 'DIRECT', memberIds: [ID, OTHER], createdAt: MESSAGE.createdAt },
      storedMessage(MESSAGE),
      0,
    ),
  },
  'sent-before record': {
    parse: parseSentBefore,
    item: toWire(sentBeforeItem(ID, ID, 'once', { messageId: ID, sequence: 1, bodyHash: 'x', expiresAt: 1 })),
  },
} satisfies Record<string, { parse: (item: WireItem) => unknown; item: WireItem }>;

describe('an item of another shape is malformed, and says where but not with what', () => {
  test.each([
    ['message', 'id', { S: 'no-uuid' }],
    ['message', 'id', undefined],
    ['message', 'sequence', { N: '0' }],
    ['message', 'sequence', { N: '1.5' }],
    ['message', 'sequence', { N: '9007199254740993' }],
    ['message', 'sequence', { S: 'one' }],
    ['message', 'senderId', { N: '1' }],
    ['message', 'body', { BOOL: true }],
    ['message', 'createdAt', { S: '2026-13-01T00:00:00.000Z' }],
    ['message', 'createdAt', { S: '2026-01-01T24:00:00.000Z' }],
    ['message', 'createdAt', { S: '2026-01-01T00:00:00Z' }],
    ['message', 'clientMessageId', { N: '1' }],
    ['profile', 'pk', undefined],
    ['profile', 'kind', { S: 'CROWD' }],
    ['profile', 'memberIds', { L: [{ S: ID }] }],
    ['profile', 'memberIds', { L: [{ S: ID }, { S: 'nobody' }] }],
    ['profile', 'memberIds', { SS: [ID, OTHER] }],
    ['summary', 'lastMessage', { M: {} }],
    ['summary', 'lastMessage', { S: 'hello' }],
    ['summary', 'lastSequence', { N: '0' }],
    ['summary', 'readSequence', { N: '-1' }],
    ['sent-before record', 'messageId', { S: '' }],
    ['sent-before record', 'bodyHash', undefined],
    ['sent-before record', 'expiresAt', { N: 'never' }],
  ] satisfies [keyof typeof WHOLE, string, AttributeValue | undefined][])(
    'a %s whose %s is %j',
    (kind, name, value) => {
      const { parse, item } = WHOLE[kind];
      expect(() => parse(item)).not.toThrow();
      const { [name]: _, ...rest } = item;
      const broken: WireItem = value === undefined ? rest : { ...rest, [name]: value };
      const where = name === 'lastMessage' && 'M' in (value ?? {}) ? 'id' : name;
      expect(() => parse(broken)).toThrow(MalformedItemError);
      expect(() => parse(broken)).toThrow(new RegExp(`is no ${kind}: ${where} (is|are) not `));
    },
  );

  test('what is not there', () => {
    expect(() => parseMessage(undefined)).toThrow(MalformedItemError);
  });
});
