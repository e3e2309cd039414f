import { InvalidArgumentError } from 'commander';
import type pg from 'pg';
import type { DirectoryConfig, TableConfig } from '../config/engines.ts';
import { readDirectoryTarget, readTableTarget, type Target } from '../config/operator.ts';
import { openTable, type Table } from '../table/table.ts';
import { openPool } from '../users/pool.ts';
import type { Terminal } from './terminal.ts';

/** Why a command was not carried out, as a sentence for the operator. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}

/** What a command has to work with. What it opens is closed when its work is done. */
export interface Operator {
  readonly environment: NodeJS.ProcessEnv;
  readonly terminal: Terminal;
  /** The command did what it was asked, and found something that is not as it should be: exit code 1. */
  foundWrong(): void;
}

/** Works on the table that the environment names. */
export async function withTable<Result>(
  { environment }: Operator,
  work: (table: Table, target: Target<TableConfig>) => Promise<Result>,
): Promise<Result> {
  const target = readTableTarget(environment);
  const table = openTable(target);
  try {
    return await work(table, target);
  } finally {
    table.client.destroy();
  }
}

/** Works on the directory that the environment names. */
export async function withDirectory<Result>(
  { environment }: Operator,
  work: (pool: pg.Pool, target: Target<DirectoryConfig>) => Promise<Result>,
): Promise<Result> {
  const target = readDirectoryTarget(environment);
  const pool = openPool({ ...target, onIdleError: () => {} });
  try {
    return await work(pool, target);
  } finally {
    await pool.end();
  }
}

/** The option that lets a command at what is not on this machine. */
export const YES = [
  '--yes <name>',
  'carry it out on a target that is not on this machine, whose name is typed out',
] as const;

/**
 * Stops a command that destroys, or that fills in made-up data, unless its target is on this machine or its name was typed out.
 *
 * @throws CommandError, before anything was touched
 */
export function confirmTarget(
  kind: 'table' | 'database',
  name: string,
  isLocal: boolean,
  typed: string | undefined,
): void {
  if (typed !== undefined ? typed === name : isLocal) return;
  throw new CommandError(
    typed === undefined
      ? `The ${kind} ${name} is not on this machine. Nothing was done. To go ahead: --yes ${name}`
      : `The ${kind} is ${name}, not ${typed}. Nothing was done.`,
  );
}

/** Parses an option's whole number. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d{1,9}$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
  };
}
