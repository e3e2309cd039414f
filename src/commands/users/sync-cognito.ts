import { Command } from 'commander';
import { readUserPoolConfig } from '../../config/operator.ts';
import type { SubjectPlan } from '../../users/subject-plan.ts';
import { syncSubjects } from '../../users/sync-subjects.ts';
import { type Operator, withDirectory } from '../operator.ts';
import { harmless } from '../terminal.ts';

interface Options {
  readonly dryRun?: boolean;
  readonly json?: true;
}

const DESCRIPTION = [
  "give each person the subject of the user pool's user who has their handle as preferred_username",
  [
    'It reads the pool that COGNITO_USER_POOL_ID names. Skipped are users who are disabled, or neither CONFIRMED nor of an EXTERNAL_PROVIDER:',
    "anybody can sign up with anybody's handle, and has shown nothing by that. Of several users with the same handle none is taken.",
    'All is written at once, or nothing is. Who got in by a row that changes is kept out.',
  ].join(' '),
].join('\n\n');

export function syncCognito(operator: Operator): Command {
  const { environment, terminal } = operator;
  return new Command('sync-cognito')
    .summary("give people the subjects of a user pool's users, by handle")
    .description(DESCRIPTION)
    .option('--dry-run', 'show what would be written, and write nothing')
    .option('--json', 'as JSON')
    .action(async ({ dryRun = false, json }: Options) => {
      const userPool = readUserPoolConfig(environment);
      await withDirectory(operator, async (pool) => {
        // No other command needs this client, which takes a while to load.
        const { readUserPool } = await import('../../users/user-pool.ts');
        const progress = terminal.progress('Users of the pool');
        const users = await readUserPool(userPool, progress.advance).finally(progress.end);
        const plan = await syncSubjects(pool, users, { dryRun });
        if (json) return terminal.json({ dryRun, ...plan });
        for (const line of linesOf(plan)) terminal.print(harmless(line));
        terminal.print(summaryOf(plan));
        if (dryRun) terminal.print('Nothing was written: this was a dry run.');
      });
    });
}

/** A line for everybody but those who have their row already; what locks somebody out comes first. */
function linesOf({ changed, added, ambiguous, unmatched, skipped }: SubjectPlan): string[] {
  return [
    ...changed.map(
      ({ handle, before, subject, username, lockedOut }) =>
        `changed ${handle}: ${before} -> ${subject === null ? 'none, as its user has another handle' : `${subject} (${username})`}` +
        (lockedOut === null ? '' : `, which locks out ${lockedOut}`),
    ),
    ...added.map(({ handle, subject, username }) => `added ${handle}: ${subject} (${username})`),
    ...ambiguous.map(({ handle, usernames }) => `ambiguous ${handle}: ${usernames.join(', ')}`),
    ...unmatched.map(
      ({ subject, username, preferredUsername }) =>
        `unmatched ${username}: ${subject}, ${preferredUsername === undefined ? 'no handle' : `nobody is ${preferredUsername}`}`,
    ),
    ...skipped.map(
      ({ subject, username, status, enabled }) => `skipped ${username}: ${subject}, ${enabled ? status : 'disabled'}`,
    ),
  ];
}

function summaryOf({ changed, added, unmatched, ambiguous, skipped, unchanged }: SubjectPlan): string {
  return [
    `${changed.length} changed, ${added.length} added, ${unmatched.length} unmatched, ${ambiguous.length} ambiguous,`,
    `${skipped.length} skipped, ${unchanged} unchanged.`,
  ].join(' ');
}
