import { type BulkheadPolicy, bulkhead } from 'cockatiel';
import type { FastifyInstance } from 'fastify';
import type { OverloadLimits } from '../config/api.ts';
import { RateLimitedError, UnavailableError } from '../errors.ts';
import { isShed } from './turns.ts';

/** Load shedding: what a process does at most, and what it refuses. */

const RETRY_AFTER_SECONDS = 1;

/** So many operations wait for each that may run. More are refused at once. */
const WAITING_FOR_EACH = 5;

/** An operation that waited for so long is refused, in milliseconds. */
const MAX_WAIT_MS = 1_000;

/** Refuses requests of these routes that waited too long for their turn: 503, before anything is done for them. */
export function refuseShed(app: FastifyInstance): void {
  app.addHook('onRequest', ({ raw }, _, done) => done(isShed(raw) ? tooMuch() : undefined));
}

/**
 * Waits until an operation may run, for at most 1 s for the person and 1 s for the process. An operation that waits for its person's
 * others holds no place of the process.
 *
 * @param personId absent for a request without a token
 * @returns what ends the operation; it has to be called
 * @throws RateLimitedError if the person has too many operations
 * @throws UnavailableError if the process has too many operations
 */
export type EnterOperation = (personId: string | undefined) => Promise<() => void>;

/** Creates the limits of operations at once: of each person, and of the process. */
export function operationsAtOnce({ atOnce, perPerson }: OverloadLimits): EnterOperation {
  const process = bulkhead(atOnce, atOnce * WAITING_FOR_EACH);
  /** Of the people who have an operation, running or waiting. */
  const people = new Map<string, { readonly places: BulkheadPolicy; operations: number }>();

  async function enterForPerson(personId: string): Promise<() => void> {
    const person = people.get(personId) ?? { places: bulkhead(perPerson, perPerson * WAITING_FOR_EACH), operations: 0 };
    people.set(personId, person);
    person.operations += 1;
    const ended = () => {
      person.operations -= 1;
      if (person.operations === 0) people.delete(personId);
    };
    try {
      const leave = await enter(person.places, () => new RateLimitedError(RETRY_AFTER_SECONDS));
      return () => {
        leave();
        ended();
      };
    } catch (error) {
      ended();
      throw error;
    }
  }

  return async (personId) => {
    const leavePerson = personId === undefined ? () => {} : await enterForPerson(personId);
    try {
      const leaveProcess = await enter(process, tooMuch);
      return () => {
        leaveProcess();
        leavePerson();
      };
    } catch (error) {
      leavePerson();
      throw error;
    }
  };
}

/** Waits for a place of the bulkhead. @returns what gives it back */
function enter(of: BulkheadPolicy, refusal: () => Error): Promise<() => void> {
  return new Promise((resolve, reject) => {
    let isGivenUp = false;
    const timer = setTimeout(() => {
      isGivenUp = true;
      reject(refusal());
    }, MAX_WAIT_MS);
    of.execute(() => {
      clearTimeout(timer);
      return isGivenUp ? undefined : new Promise<void>(resolve);
    }).catch(() => {
      clearTimeout(timer);
      reject(refusal());
    });
  });
}

function tooMuch(): UnavailableError {
  return new UnavailableError('The server has too much to do. Try again later.');
}
