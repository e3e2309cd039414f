import type { FastifyInstance } from 'fastify';
import type { OverloadLimits } from '../config/api.ts';
import { RateLimitedError, UnavailableError } from '../errors.ts';
import { Places } from './places.ts';
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
 * @returns what ends the operation; it has to be called, and only once
 * @throws RateLimitedError if the person has too many operations
 * @throws UnavailableError if the process has too many operations
 */
export type EnterOperation = (personId: string | undefined) => Promise<() => void>;

/** Creates the limits of operations at once: of each person, and of the process. */
export function operationsAtOnce({ atOnce, perPerson }: OverloadLimits): EnterOperation {
  const places = (count: number) => new Places(count, count * WAITING_FOR_EACH, MAX_WAIT_MS);
  const process = places(atOnce);
  /** Of the people who have an operation, running or waiting. */
  const people = new Map<string, { readonly places: Places; operations: number }>();

  async function enterForPerson(personId: string): Promise<() => void> {
    const person = people.get(personId) ?? { places: places(perPerson), operations: 0 };
    people.set(personId, person);
    person.operations += 1;
    const ended = () => {
      person.operations -= 1;
      if (person.operations === 0) people.delete(personId);
    };
    const leave = await person.places.enter();
    if (!leave) {
      ended();
      throw new RateLimitedError(RETRY_AFTER_SECONDS);
    }
    return () => {
      leave();
      ended();
    };
  }

  return async (personId) => {
    const leavePerson = personId === undefined ? () => {} : await enterForPerson(personId);
    const leaveProcess = await process.enter();
    if (!leaveProcess) {
      leavePerson();
      throw tooMuch();
    }
    return () => {
      leaveProcess();
      leavePerson();
    };
  };
}

function tooMuch(): UnavailableError {
  return new UnavailableError('The server has too much to do. Try again later.');
}
