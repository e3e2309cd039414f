import { expect, onTestFinished, test } from 'vitest';
import { anApi, type Reply, useApi } from '../support/api.ts';
import { aMisbehavingEngine, MISBEHAVIOURS } from '../support/misbehaving-engine.ts';
import { startGroup } from '../support/operations.ts';

useApi();

const LATE = MISBEHAVIOURS['answers 2 s late'];
const SILENT = MISBEHAVIOURS['does not answer at all'];

/** As many fields as a document may have aliases. */
const aliased = (field: (index: number) => string) =>
  Array.from({ length: 15 }, (_, i) => `a${i}: ${field(i)}`).join('\n');

const sends = (id: string) =>
  `mutation { ${aliased((i) => `createMessage(input: { to: { messageGroupId: "${id}" }, body: "${i}" }) { deduplicated }`)} }`;
const pages = (id: string) =>
  `{ ${aliased((i) => `messages(messageGroupId: "${id}", first: ${i + 1}) { edges { cursor } }`)} }`;

test.each([
  ['15 sends, one after the other, of an engine that answers 2 s late', sends, LATE],
  ['15 sends of an engine that does not answer at all', sends, SILENT],
  ['15 pages, side by side, of an engine that does not answer at all', pages, SILENT],
])(
  '%s: the request ends within 10 s, and what was not done by then is UNAVAILABLE',
  async (_, query, misbehaviour) => {
    const engine = await aMisbehavingEngine();
    const api = await anApi({ dynamodbEndpoint: engine.endpoint });
    const people = await api.people(2);
    const messageGroupId = await startGroup(api, people);
    engine.misbehave(misbehaviour);
    const warnings: string[] = [];
    const onWarning = ({ name }: Error) => warnings.push(name);
    process.on('warning', onWarning);
    onTestFinished(() => void process.off('warning', onWarning));

    const start = performance.now();
    const response = await api.post(people[0], query(messageGroupId));
    const { data, errors = [] } = (await response.json()) as Reply;
    const tookMs = performance.now() - start;
    engine.misbehave(undefined);

    expect(tookMs).toBeLessThan(10_000);
    expect(response.status).toBe(503);
    expect(new Set(errors.map(({ extensions }) => extensions.code))).toEqual(new Set(['UNAVAILABLE']));
    // A send can't be null, so one that fails takes the reply with it; each page is there or is not.
    expect(data === null ? 1 : Object.values(data).filter((page) => page === null).length).toBe(errors.length);
    expect(warnings).toEqual([]);
    expect((await api.post(people[0], '{ messageGroups { edges { cursor } } }')).status).toBe(200);
  },
  40_000,
);
