import type { Operator } from './commands/operator.ts';
import { createProgram } from './commands/program.ts';
import { openTerminal } from './commands/terminal.ts';

/** The operators' commands. */

// The SDK's word on coming versions of Node is for the processes that are deployed.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';

const operator: Operator = {
  environment: process.env,
  terminal: openTerminal(process.stdout, process.stderr),
  foundWrong: () => {
    process.exitCode = 1;
  },
};
const program = createProgram(operator, async (...of) => (await import('./local/token.ts')).localToken(...of));

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
