import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readableShards, type Shard } from '../../src/stream/shards.ts';

/** Shards in any order, each with or without a parent that came before it; a parent may be gone from the stream. */
const forest: fc.Arbitrary<Shard[]> = fc
  .array(fc.record({ parent: fc.option(fc.nat(), { nil: undefined }), isGone: fc.boolean() }), { maxLength: 30 })
  .map((nodes) =>
    nodes.flatMap(({ parent, isGone }, index): Shard[] => {
      const parentId = parent === undefined || index === 0 ? undefined : `shard-${parent % index}`;
      return isGone ? [] : [{ id: `shard-${index}`, parentId }];
    }),
  )
  .chain((shards) => fc.shuffledSubarray(shards, { minLength: shards.length }));

const forestAndFinished = forest.chain((shards) =>
  fc.tuple(
    fc.constant(shards),
    fc.subarray(shards).map((finished) => new Set(finished.map(({ id }) => id))),
  ),
);

test('a shard is readable unless it is finished, or its parent is in the stream and is not', () => {
  fc.assert(
    fc.property(forestAndFinished, ([shards, finished]) => {
      const readable = readableShards(shards, (id) => finished.has(id));

      const unfinished = new Set(shards.filter(({ id }) => !finished.has(id)).map(({ id }) => id));
      for (const shard of shards) {
        const waits = shard.parentId !== undefined && unfinished.has(shard.parentId);
        expect(readable.includes(shard)).toBe(unfinished.has(shard.id) && !waits);
      }
      expect(new Set(readable).size).toBe(readable.length);
    }),
  );
});

test('finishing what is readable, in any order, finishes every shard, parents first', () => {
  fc.assert(
    fc.property(forestAndFinished, fc.infiniteStream(fc.nat()), ([shards, before], choices) => {
      const finished = new Set(before);
      const order: string[] = [];

      for (;;) {
        const readable = readableShards(shards, (id) => finished.has(id));
        const chosen = readable[(choices.next().value ?? 0) % readable.length];
        if (!chosen) break;
        finished.add(chosen.id);
        order.push(chosen.id);
      }

      expect(finished.size).toBe(shards.length);
      for (const { id, parentId } of shards) {
        if (order.includes(id) && parentId && order.includes(parentId))
          expect(order.indexOf(parentId)).toBeLessThan(order.indexOf(id));
      }
    }),
  );
});
