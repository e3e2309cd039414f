import type pg from 'pg';
import * as z from 'zod';
import { BadUserInputError, DomainError } from '../errors.ts';
import { addPersonOnce, type NewPerson } from '../users/people.ts';

/**
 * The trigger's event, as far as it matters here; see "Post confirmation Lambda trigger" in the Amazon Cognito developer guide. A
 * new password is confirmed by the same trigger.
 */
const confirmation = z.discriminatedUnion('triggerSource', [
  z.object({ triggerSource: z.literal('PostConfirmation_ConfirmForgotPassword') }),
  z.object({
    triggerSource: z.literal('PostConfirmation_ConfirmSignUp'),
    request: z.object({
      userAttributes: z.object({
        sub: z.string().min(1),
        email: z.string().optional(),
        name: z.string().trim().optional(),
        preferred_username: z.string().optional(),
      }),
    }),
  }),
]);

type Attributes = Extract<z.infer<typeof confirmation>, { request: unknown }>['request']['userAttributes'];

interface SignUpLog {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

/** Why somebody got no row, as Cognito shows it to them: "PostConfirmation failed with error <message>." */
export class SignUpError extends Error {
  override readonly name = 'SignUpError';
}

/**
 * Makes the trigger's handler. Who signed up gets a row: the handle is `preferred_username`, and the display name `name`, or else the
 * handle. Cognito waits for 5 s and tries up to three times, so what comes again adds nothing.
 *
 * @returns a function that gives back its event, as Cognito wants it, and throws nothing but `SignUpError`
 */
export function createPostConfirmation(pool: pg.Pool, log: SignUpLog): <Event>(event: Event) => Promise<Event> {
  return async (event) => {
    let subject: string | undefined;
    try {
      const confirmed = confirmation.parse(event);
      if (confirmed.triggerSource === 'PostConfirmation_ConfirmForgotPassword') return event;
      const { userAttributes } = confirmed.request;
      subject = userAttributes.sub;
      const { id } = await addPersonOnce(pool, personOf(userAttributes));
      log.info({ subject, userId: id }, 'signed up');
      return event;
    } catch (err) {
      if (err instanceof BadUserInputError) log.warn({ subject, reason: err.message }, 'sign-up refused');
      else log.error({ subject, err }, 'sign-up failed');
      throw new SignUpError(sentence(err));
    }
  };
}

function personOf({ sub, email, name, preferred_username: handle }: Attributes): NewPerson & { subject: string } {
  if (!handle) throw new BadUserInputError('The account has no handle: preferred_username is missing.');
  if (!email) throw new BadUserInputError('The account has no email address.');
  return { handle, displayName: name || handle, email, subject: sub };
}

/** Nothing internal, and without the full stop, which Cognito sets. */
function sentence(error: unknown): string {
  const shown = error instanceof DomainError ? error.message : 'The account could not be added to the directory.';
  return shown.replace(/\.$/, '');
}
