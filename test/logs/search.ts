/** What no log may hold, by its value. */
export interface Secret {
  /** What is told of it when it is found. */
  readonly what: string;
  readonly value: string;
}

/** Something that is in a log and must not be. */
export interface Leak {
  readonly what: string;
  /** The line up to it, without what else was found in it. */
  readonly excerpt: string;
}

export interface Search {
  /** The leaks of a line. Where `peoplesTexts` may be, neither messages nor the names of what holds them count. */
  leaksIn(line: string, peoplesTexts?: boolean): readonly Leak[];
}

/** Shorter ones would be found by chance. */
export const SHORTEST = 12;

/** People's words, not secrets of the system: what a command shows to an operator may hold them. */
export const MESSAGE_BODY = 'a message’s body';

/** What gives itself away by its form, whoever made it. */
const FORMS: readonly (readonly [what: string, form: RegExp])[] = [
  ['a token by its form', /\beyJ[\w-]{8,}(\.[\w-]*)*/g],
  ['a credential', /\b(Bearer|Basic)\s+[^\s"'\\]+/gi],
  ['a URL with a password', /\b[a-z][a-z\d+.-]*:\/\/[^\s/:@"]*:[^\s/@"]+@/gi],
  ['a private key', /-----BEGIN [A-Z ]*PRIVATE KEY-----|"(d|dp|dq|qi)"\s*:\s*"/g],
];

/** Properties that hold what people write, or what lets them in. */
const NAMES =
  /\\?"(authorization|body|connectionString|cookie|headers|password|query|rawHeaders|secretAccessKey|secretKey|variables)\\?"\s*:/gi;

/** How much of the line before a leak is shown. */
const BEFORE = 80;

const MASK = '▮▮▮';

/** Makes the search for these secrets, and for what has the form of one. */
export function searchFor(secrets: readonly Secret[]): Search {
  // By how they begin, so that a line is gone through once, however many there are.
  const byStart = new Map<string, Secret[]>();
  for (const { what, value } of secrets) {
    for (const spelt of new Set([value, JSON.stringify(value).slice(1, -1)])) {
      if (spelt.length < SHORTEST) continue;
      const start = spelt.slice(0, SHORTEST);
      byStart.set(start, [...(byStart.get(start) ?? []), { what, value: spelt }]);
    }
  }

  function secretsIn(line: string): Found[] {
    const found: Found[] = [];
    for (let at = 0; at + SHORTEST <= line.length; at += 1) {
      for (const { what, value } of byStart.get(line.slice(at, at + SHORTEST)) ?? []) {
        if (line.startsWith(value, at)) found.push({ what, at, length: value.length });
      }
    }
    return found;
  }

  return {
    leaksIn: (line, peoplesTexts = false) => {
      const found = [...secretsIn(line), ...FORMS.flatMap(([what, form]) => matches(line, what, form))];
      const counted = peoplesTexts ? found.filter(({ what }) => what !== MESSAGE_BODY) : found;
      if (!peoplesTexts) counted.push(...matches(line, 'a property that a log has no place for', NAMES));
      return counted.map(({ what, at }) => ({ what, excerpt: excerptOf(line, at, found) }));
    },
  };
}

interface Found {
  readonly what: string;
  readonly at: number;
  readonly length: number;
}

function matches(line: string, what: string, form: RegExp): Found[] {
  return Array.from(line.matchAll(form), ({ index, 0: { length } }) => ({ what, at: index, length }));
}

/** Only what comes before, so that nothing of what was found is told on. */
function excerptOf(line: string, at: number, found: readonly Found[]): string {
  const characters = Array.from({ length: at }, (_, index) => line.charAt(index));
  for (const each of found) characters.fill(MASK, each.at, each.at + 1).fill('', each.at + 1, each.at + each.length);
  return `${characters.join('').slice(-BEFORE)}${MASK}`;
}
