import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { harmless, openTerminal } from '../../src/commands/terminal.ts';

/** A stream that keeps what is written to it. */
function aStream(isTTY: boolean): { stream: NodeJS.WriteStream; text: () => string } {
  const stream = new PassThrough();
  let text = '';
  stream.on('data', (chunk) => {
    text += chunk;
  });
  // What a bar asks of a terminal.
  const terminal = { isTTY, columns: 80, cursorTo: () => true, moveCursor: () => true, clearLine: () => true };
  return { stream: Object.assign(stream, terminal) as unknown as NodeJS.WriteStream, text: () => text };
}

const COLUMNS = ['NAME', 'COUNT'];
const ROWS = [
  ['ann', '1'],
  ['ludwig', '20'],
];

test('a terminal gets a table with lines, a pipe the same text aligned', () => {
  const [terminal, pipe, errors] = [aStream(true), aStream(false), aStream(false)];

  openTerminal(terminal.stream, errors.stream).table(COLUMNS, ROWS);
  openTerminal(pipe.stream, errors.stream).table(COLUMNS, ROWS);

  expect(terminal.text()).toContain('│');
  expect(pipe.text()).toBe('NAME    COUNT\nann     1\nludwig  20\n');
});

test('a terminal sees a bar while it takes long, and a pipe sees nothing', () => {
  const [out, terminal, pipe] = [aStream(false), aStream(true), aStream(false)];

  for (const { stream } of [terminal, pipe]) {
    const progress = openTerminal(out.stream, stream).progress('Messages', 3);
    progress.advance(2);
    progress.end();
  }

  expect(terminal.text()).toContain('Messages');
  expect(pipe.text()).toBe('');
  expect(out.text()).toBe('');
});

test.each([
  ['colours and other escape sequences', 'a\u001b[31mb\u001b]0;title\u0007c', 'abc'],
  ['lines and tabs', 'a\r\nb\tc\u2028d', 'a b c d'],
  ['C1 controls', 'a\u009b31mb', 'ab'],
  ['turned text', 'a\u202egnp.exe\u2066b', 'agnp.exeb'],
])('of what people wrote, %s do nothing to a terminal', (_, text, shown) => {
  expect(harmless(text)).toBe(shown);
});
