import { Command } from 'commander';
import { readUserPoolConfig } from '../../config/operator.ts';
import type { SubjectPlan } from '../../users/subject-plan.ts';
import { syncSubjects } from '../../users/sync-subjects.ts';
import { type Operator, withDirectory } from '../operator.ts';

interface Options {
  readonly dryRun?: boolean;
  readonly json?: true;
}

const DESCRIPTION = `give each person the subject of the user pool's user who has their handle as preferred_username

It reads the pool that COGNITO_USER_POOL_ID names. Users who can't sign in (disabled, or in any state but CONFIRMED) are skipped: anybody
can sign up with anybody's handle, and has shown nothing by that. Of several users with the same handle none is taken. All is written
at once, or nothing is. A row that changes keeps out whoever got in by it before.`;

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
        const rows = rowsOf(plan);
        if (rows.length > 0) terminal.table(['WHAT', 'HANDLE', 'SUBJECT', 'BEFORE', 'USER', 'WHY'], rows);
        terminal.print(summaryOf(plan));
        if (dryRun) terminal.print('Nothing was written: this was a dry run.');
      });
    });
}

/** What locks somebody out comes first. */
function rowsOf({ changed, added, ambiguous, unmatched, skipped }: SubjectPlan): string[][] {
  return [
    ...changed.map(({ handle, subject, before, username, lockedOut }) => [
      'changed',
      handle,
      subject ?? '',
      before,
      username ?? '',
      whyChanged(subject, lockedOut),
    ]),
    ...added.map(({ handle, subject, username }) => ['added', handle, subject, '', username, '']),
    ...ambiguous.map(({ handle, usernames }) => ['ambiguous', handle, '', '', usernames.join(' '), 'several users']),
    ...unmatched.map(({ subject, username, preferredUsername }) => [
      'unmatched',
      preferredUsername ?? '',
      subject,
      '',
      username,
      preferredUsername === undefined ? 'no preferred_username' : 'nobody has the handle',
    ]),
    ...skipped.map(({ subject, username, preferredUsername, status, enabled }) => [
      'skipped',
      preferredUsername ?? '',
      subject,
      '',
      username,
      enabled ? status : 'disabled',
    ]),
  ];
}

function whyChanged(subject: string | null, lockedOut: string | null): string {
  if (lockedOut !== null) return `locks out ${lockedOut}`;
  return subject === null ? 'its user has another handle' : '';
}

function summaryOf({ changed, added, unmatched, ambiguous, skipped, unchanged }: SubjectPlan): string {
  return [
    `${changed.length} changed, ${added.length} added, ${unmatched.length} unmatched, ${ambiguous.length} ambiguous,`,
    `${skipped.length} skipped, ${unchanged} unchanged.`,
  ].join(' ');
}
