// Imports follow the way data flows and never run back:
//   http -> graphql -> messaging -> table -> dynamodb, graphql -> users, summaries -> table.

/** Which folders of src/ each folder may import, besides itself, model.ts and errors.ts. */
const ARROWS = {
  http: ['config', 'graphql', 'messaging', 'table', 'telemetry', 'users'],
  telemetry: ['config', 'log\\.ts', 'stream', 'table'],
  graphql: ['config', 'messaging', 'project-files\\.ts', 'table', 'telemetry', 'users'],
  messaging: ['table'],
  table: ['dynamodb'],
  dynamodb: [],
  users: ['project-files\\.ts'],
  identity: ['config'],
  stream: ['dynamodb'],
  summaries: ['stream/checkpoint-table\\.ts', 'table'],
  worker: ['log\\.ts', 'stream', 'summaries', 'table', 'telemetry'],
  seed: ['messaging', 'project-files\\.ts', 'table'],
  local: ['config', 'messaging', 'seed', 'stream', 'table', 'users'],
  commands: ['config', 'messaging', 'seed', 'stream', 'summaries', 'table', 'users'],
  lambda: [
    'compose-api\\.ts',
    'config',
    'http/(forwarded|error-replies)\\.ts',
    'log\\.ts',
    'stream',
    'summaries',
    'table',
    'users',
  ],
  config: [],
};

const LEAVES = ['calls\\.ts', 'model\\.ts', 'errors\\.ts'];

module.exports = {
  forbidden: [
    ...Object.entries(ARROWS).map(([folder, targets]) => ({
      name: `${folder}-imports`,
      comment: `src/${folder} may import: ${[folder, ...targets, ...LEAVES].join(', ')}`,
      severity: 'error',
      from: { path: `^src/${folder}/` },
      to: {
        path: '^src/',
        pathNot: `^src/(${[folder, ...targets]
          .map((each) => (each.includes('.') ? each : `${each}/`))
          .concat(LEAVES)
          .join('|')})`,
      },
    })),
    {
      name: 'leaves',
      comment: 'model.ts and errors.ts import nothing',
      severity: 'error',
      from: { path: `^src/(${LEAVES.join('|')})$` },
      to: {},
    },
    {
      name: 'only-processes-wire',
      comment: 'Nothing imports a process: each is the root of its own composition',
      severity: 'error',
      from: {},
      to: {
        path: '^src/((api|worker|local|cli)\\.ts$|lambda/(api|post-confirmation|repair-summaries|update-summaries)\\.ts$)',
      },
    },
    {
      name: 'keys-stay-in-the-table',
      comment: 'Only table/ knows how keys are spelt',
      severity: 'error',
      from: { pathNot: '^src/table/' },
      to: { path: '^src/table/keys\\.ts$' },
    },
    {
      name: 'local-stays-local',
      comment: 'Production code does not import the local engines; the command line loads them when asked to',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(local/|local\\.ts$|cli\\.ts$)' },
      to: { path: '^src/local/' },
    },
    {
      name: 'no-dev-dependencies',
      comment: 'What runs in production is a dependency, not a devDependency',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(local/|local\\.ts$)' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'traces-on-demand',
      comment: 'OpenTelemetry is loaded where it is asked for, and costs nothing elsewhere',
      severity: 'error',
      from: {},
      to: { path: '^src/telemetry/traces\\.ts$', dependencyTypesNot: ['dynamic-import'] },
    },
    {
      name: 'redis-on-demand',
      comment: 'The client of Redis is loaded where it is asked for, and costs nothing elsewhere',
      severity: 'error',
      from: {},
      to: { path: '^src/http/rate-limits-redis\\.ts$', dependencyTypesNot: ['dynamic-import'] },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'no-orphans',
      severity: 'error',
      from: {
        orphan: true,
        pathNot:
          '^((codegen|build)\\.ts|src/(api|worker|local|cli)\\.ts|src/lambda/(api|post-confirmation|repair-summaries|update-summaries)\\.ts)$',
      },
      to: {},
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['node', 'import', 'default', 'types'] },
  },
};
