import * as z from 'zod';

/** The kinds of variables that the environment can hold, with what is said of a value that is none. */

const LOOPBACK = /^(127(\.\d{1,3}){3}|localhost|\[::1\])$/;

/** For a text that has to be there. */
export function required(): { error: (issue: { input?: unknown }) => string | undefined } {
  return { error: ({ input }) => (input === undefined ? 'is required' : undefined) };
}

/** A whole number. */
export function integer(least: number, most: number) {
  const expected = `must be a whole number from ${least} to ${most}`;
  return z
    .string()
    .regex(/^\d{1,6}$/, expected)
    .transform(Number)
    .refine((value) => value >= least && value <= most, expected);
}

/** A URL with one of these protocols. */
export function address(protocols: readonly string[]) {
  const error = `must be a URL that starts with ${protocols.map((protocol) => `${protocol}://`).join(' or ')}`;
  return z
    .string(required())
    .refine((value) => URL.canParse(value) && protocols.includes(new URL(value).protocol.slice(0, -1)), {
      error,
      abort: true,
    });
}

/** Matches a URL without a host up to where the host would be. libpq accepts it, but `URL` does not accept its user. */
const BEFORE_MISSING_HOST = /^(postgres(?:ql)?:\/\/(?:[^/?#]*@)?)(?=(?::\d*)?(?:[/?#]|$))/i;

/**
 * A Postgres URL as libpq accepts it. If only the parameter `host` names the server, as for a Unix socket, the URL's own host
 * becomes `localhost`, which the parameter overrides in pg and in psql.
 */
export const databaseUrl = z
  .string(required())
  .transform((value) => {
    const complete = value.replace(BEFORE_MISSING_HOST, '$1localhost');
    return URL.canParse(complete) && new URL(complete).searchParams.has('host') ? complete : value;
  })
  .pipe(address(['postgres', 'postgresql']));

/** Tells whether a URL certainly leads to this machine. */
export function isLoopback(text: string): boolean {
  const url = new URL(text);
  return LOOPBACK.test(url.hostname) && !namesAnotherHost(url);
}

/** libpq's parameters of these names take the place of the URL's host. */
function namesAnotherHost({ searchParams }: URL): boolean {
  return searchParams.has('host') || searchParams.has('hostaddr');
}

/** Where an issuer, or its keys, are: by https, or on this machine by http. */
export const issuerAddress = address(['https', 'http']).refine(
  (value) => new URL(value).protocol !== 'http:' || isLoopback(value),
  'must start with https://; http:// is for an issuer on this machine',
);

/** The origin of a page. */
export const origin = z.string().refine((value) => URL.canParse(value) && new URL(value).origin === value, {
  error: ({ input }) => `has ${JSON.stringify(input)}, which is no origin such as https://app.example.com`,
});

export const onOff = z.enum(['on', 'off'], { error: 'must be on or off' });

/** As pino knows them. */
export const logLevel = z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
  error: 'must be one of fatal, error, warn, info, debug, trace, silent',
});

export type LogLevel = z.infer<typeof logLevel>;

/** See "Naming rules" in the DynamoDB developer guide. */
export const tableName = z.string().regex(/^[a-zA-Z0-9_.-]{3,255}$/, 'must be 3 to 255 letters, digits, and _ . -');

export const port = integer(0, 65_535);

/** Texts separated by commas; none when it is empty. */
export const list = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((each) => each.trim())
      .filter(Boolean),
  );
