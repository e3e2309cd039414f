import { Command } from 'commander';
import { listSessions } from '../../users/sessions.ts';
import { type Operator, withDirectory } from '../operator.ts';

export function sessions(operator: Operator): Command {
  const { terminal } = operator;
  return new Command('sessions')
    .description('print who is connected to the database')
    .option('--json', 'as JSON')
    .action(({ json }: { json?: true }) =>
      withDirectory(operator, async (pool) => {
        const found = await listSessions(pool);
        if (json) return terminal.json(found);
        terminal.table(
          ['PID', 'USER', 'APPLICATION', 'CLIENT', 'STATE', 'SINCE'],
          found.map((session) => [
            String(session.pid),
            session.usename ?? '',
            session.application_name,
            session.client ?? '',
            session.state ?? '',
            session.backend_start.toISOString(),
          ]),
        );
      }),
    );
}
