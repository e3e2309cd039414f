import { test } from 'vitest';
import { expectLines, keepLines, keepSecret } from '../collect.ts';

/** A test that succeeds, whatever it logs: a run of its own, see ../whole-run.test.ts. */
test('logs what it is told to', () => {
  keepSecret('a password', 'correct-horse-battery');
  expectLines();
  keepLines('log', process.env['LOGGED'] ?? '');
});
