import fc from 'fast-check';
import { GraphQLError } from 'graphql';
import { expect, test } from 'vitest';
import { formatErrorWithoutSuggestions } from '../../src/graphql/errors.ts';

function told(message: string): string {
  const error = new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT' } });
  return formatErrorWithoutSuggestions(error.toJSON(), error).message;
}

const part = fc.constantFrom(' Did you mean ', '?', 'a', ' ', '"x"', '.');

test('what a message ends with is left out from where the last suggestion begins, and nothing else', () => {
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
      const message = parts.join('');
      const at = message.lastIndexOf(' Did you mean ');
      const isSuggestion = at >= 0 && /^[^?]*\?$/.test(message.slice(at));
      expect(told(message)).toBe(isSuggestion ? message.slice(0, at) : message);
    }),
  );
});

test('a client’s own text of that kind stays', () => {
  expect(told('Int cannot represent " Did you mean "')).toBe('Int cannot represent " Did you mean "');
  expect(told('Unknown type "Strin". Did you mean "String"?')).toBe('Unknown type "Strin".');
});
