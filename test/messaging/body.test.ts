import { expect, test } from 'vitest';
import { bodyErrors, normalizeBody } from '../../src/messaging/body.ts';
import { isBlank } from '../support/bodies.ts';

function codesOf(body: string): string[] {
  return bodyErrors(normalizeBody(body)).map(({ code }) => code);
}

test.each([
  ['the Braille blank', '\u2800'],
  ['spaces of all widths', '\u00a0\u1680\u2000\u200a\u202f\u205f\u3000\ufeff'],
  ['separators of lines and paragraphs', '\u2028\u2029'],
  ['Hangul fillers', '\u115f\u1160\u3164\uffa0'],
  ['interlinear annotation', '\ufff9\ufffa\ufffb'],
  ['tags', '\u{e0001}\u{e0041}\u{e007f}'],
  ['variation selectors', '\ufe0f\u{e0100}'],
  ['Mongolian selectors', '\u180b\u180e'],
  ['joiners and marks of direction', '\u200d\u200e\u061c\u2066\u2069'],
  ['the grapheme joiner and inherent vowels', '\u034f\u17b4\u17b5'],
  ['invisible operators of mathematics', '\u2061\u2064'],
  ['marks of musical phrases, and the null notehead', '\u{1d173}\u{1d17a}\u{1d159}'],
  ['controls of shorthand', '\u{1bca0}\u{1bca3}'],
  ['controls and blanks of hieroglyphs', '\u{13430}\u{1343f}\u{13441}\u{13442}'],
  ['the Khitan filler', '\u{16fe4}'],
  ['noncharacters', '\ufdd0\uffff\u{10ffff}'],
  ['a mixture of them', ' \u2800\u200b\n\u3164\ufff9 '],
])('%s alone are blank', (_, body) => {
  expect([...body].map(codesOf)).toEqual([...body].map(() => ['BODY_BLANK']));
  expect(codesOf(body)).toEqual(['BODY_BLANK']);
});

test.each([
  ['a letter among blanks', '\u2800a\u2800'],
  ['an emoji of a sequence', '👩\u200d🚀'],
  ['a flag of tags', '\u{1f3f4}\u{e0067}\u{e0062}\u{e007f}'],
  ['Braille', '\u2801'],
  ['an Arabic sign that Unicode counts as a format character', '\u06dd'],
  ['a combining mark', '\u0301'],
  ['a character for private use', '\uf8ff'],
  ['a character that is not assigned yet', '\u{1faff}'],
  ['the replacement character', '\ufffd'],
])('%s is not blank', (_, body) => {
  expect(codesOf(body)).toEqual([]);
});

test('every character is blank, or not, as Unicode’s properties say', () => {
  const wrong: string[] = [];
  for (let codePoint = 0; codePoint <= 0x10ffff; codePoint += 1) {
    if (codePoint >= 0xd800 && codePoint <= 0xdfff) continue;
    const character = String.fromCodePoint(codePoint);
    if (isBlank(character) !== codesOf(character).includes('BODY_BLANK')) wrong.push(codePoint.toString(16));
  }

  expect(wrong).toEqual([]);
});
