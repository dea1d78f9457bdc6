/**
 * Who may import whom. Every rule says why; `tests/house/boundaries.test.ts` plants a violation of each.
 * `import type` is erased when the code is built: where a rule is about run time only, it lets type imports pass.
 * (`import { type T }` alone would pass too though it is not erased; the linter forbids it.)
 */
const SOURCES = 'contract|platform|workflows|activities|connectors|workers|api|cli';
const SCHEMA_FILE = '\\.schema\\.ts$';
const AT_RUN_TIME = { dependencyTypesNot: ['type-only'] };

/** Folders of connectors/ that every family builds on; every other folder there is a service family. */
const CONNECTOR_COMMONS = 'contract|base|http|registry|plugins';

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    {
      name: 'contract-imports-nothing',
      comment: 'contract/ runs everywhere, in the workflow sandbox too: it depends on itself alone.',
      severity: 'error',
      from: { path: '^contract/', pathNot: `${SCHEMA_FILE}|service-manifest\\.ts$` },
      to: { pathNot: '^contract/' },
    },
    {
      name: 'schemas-import-zod-only',
      comment: 'The schema files of contract/ (and the manifest type, which names one) may use zod and nothing else.',
      severity: 'error',
      from: { path: `^contract/.*(${SCHEMA_FILE}|service-manifest\\.ts$)` },
      to: { pathNot: '^contract/|(^|/)node_modules/zod/' },
    },
    {
      name: 'contract-keeps-zod-out',
      comment: 'A plain file that loads a schema file would carry zod (1 MB) into the workflow bundle.',
      severity: 'error',
      from: { path: '^contract/', pathNot: SCHEMA_FILE },
      to: { path: SCHEMA_FILE, ...AT_RUN_TIME },
    },
    {
      name: 'platform-imports-contract',
      comment: 'platform/ knows files, networks and Temporal, but neither connectors nor processes.',
      severity: 'error',
      from: { path: '^platform/' },
      to: { path: `^(${SOURCES})/`, pathNot: '^(contract|platform)/' },
    },
    {
      name: 'workflows-are-deterministic',
      comment: 'Workflow code is replayed: only contract/ and the Temporal workflow packages; activities as types.',
      severity: 'error',
      from: { path: '^workflows/' },
      to: { pathNot: '^(workflows|contract|activities)/|(^|/)node_modules/@temporalio/(workflow|common)/' },
    },
    {
      name: 'workflows-use-activities-as-types',
      comment: 'Activities run in another process; the workflow knows their signatures only.',
      severity: 'error',
      from: { path: '^workflows/' },
      to: { path: '^activities/', ...AT_RUN_TIME },
    },
    {
      name: 'workflows-keep-zod-out',
      comment: 'Validation happens in the API and in activities; zod would be in every cached workflow.',
      severity: 'error',
      from: { path: '^workflows/' },
      to: { path: `${SCHEMA_FILE}|^contract/service-manifest\\.ts$`, ...AT_RUN_TIME },
    },
    {
      name: 'connectors-import-contract-and-platform',
      comment: 'A connector knows its backend, not who runs it.',
      severity: 'error',
      from: { path: '^connectors/' },
      to: { path: `^(${SOURCES})/`, pathNot: '^(contract|platform|connectors)/' },
    },
    {
      name: 'connector-families-stand-alone',
      comment: 'What two families share belongs into the commons of connectors/, or a change to one breaks the other.',
      severity: 'error',
      from: { path: '^connectors/([^/]+)/', pathNot: `^connectors/(${CONNECTOR_COMMONS})/` },
      to: { path: '^connectors/[^/]+/', pathNot: `^connectors/($1|${CONNECTOR_COMMONS})/` },
    },
    {
      name: 'connector-commons-know-no-family',
      comment: 'Families are found by looking into the folder, never by an import: a new one needs no change here.',
      severity: 'error',
      from: { path: `^connectors/(([^/]+\\.ts$)|(${CONNECTOR_COMMONS})/)` },
      to: { path: '^connectors/[^/]+/', pathNot: `^connectors/(${CONNECTOR_COMMONS})/` },
    },
    {
      name: 'manifests-are-data',
      comment: 'API and CLI load every manifest.ts: it may load schemas, never the connector or its libraries.',
      severity: 'error',
      from: { path: '^connectors/([^/]+)/manifest\\.ts$' },
      to: { pathNot: '^contract/|^connectors/$1/[^/]+\\.schema\\.ts$|(^|/)node_modules/zod/' },
    },
    {
      name: 'activities-import-downwards',
      comment: 'Activities are effects on contract/, platform/ and connectors/.',
      severity: 'error',
      from: { path: '^activities/' },
      to: { path: `^(${SOURCES})/`, pathNot: '^(contract|platform|connectors|activities)/' },
    },
    {
      name: 'one-door-to-the-api',
      comment: 'Only start-api.ts puts the HTTP API into a process; every other file of workers/ runs without it.',
      severity: 'error',
      from: { path: '^workers/', pathNot: '^workers/process/start-api\\.ts$' },
      to: { path: '^api/' },
    },
    {
      name: 'api-in-two-processes',
      comment: 'The API runs alone or beside the orchestrator; a pool worker must not load it.',
      severity: 'error',
      from: { path: `^(${SOURCES})/`, pathNot: '^workers/(api|server)-main\\.ts$' },
      to: { path: '^workers/process/start-api\\.ts$' },
    },
    {
      name: 'api-imports-contract-and-platform',
      comment: 'The API gets the manifests handed in and never loads a connector, an activity or a worker.',
      severity: 'error',
      from: { path: '^api/' },
      to: { path: `^(${SOURCES})/`, pathNot: '^(contract|platform|api|workflows)/' },
    },
    {
      name: 'api-uses-workflows-as-types',
      comment: 'Workflow code belongs into the sandbox bundle; the API starts it by name.',
      severity: 'error',
      from: { path: '^api/' },
      to: { path: '^workflows/', ...AT_RUN_TIME },
    },
    {
      name: 'processes-are-roots',
      comment: 'workers/ holds composition roots: only the command line starts them.',
      severity: 'error',
      from: { path: `^(${SOURCES})/`, pathNot: '^(workers|cli)/' },
      to: { path: '^workers/' },
    },
    {
      name: 'nobody-imports-cli',
      comment: 'The command line is the outermost layer.',
      severity: 'error',
      from: { path: `^(${SOURCES})/`, pathNot: '^cli/' },
      to: { path: '^cli/' },
    },
    {
      name: 'product-code-needs-no-tests',
      comment: 'Tests, benchmarks and scripts use the product. Only the program in cli/bin/ runs the set-up first.',
      severity: 'error',
      from: { path: `^(${SOURCES})/`, pathNot: '^cli/bin/' },
      to: { path: '^(tests|bench|scripts)/' },
    },
    {
      name: 'no-cycles',
      comment: 'Two files that need each other are one idea, or there is a third one between them. Types count too.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-orphans',
      comment:
        'A file that nothing uses and that uses nothing is left over. (The program in cli/bin/ loads the built code.)',
      severity: 'error',
      from: { orphan: true, path: `^(${SOURCES})/`, pathNot: '\\.d\\.ts$|^cli/bin/' },
      to: {},
    },
    {
      name: 'no-development-packages',
      comment: 'Product code runs where only `dependencies` are installed.',
      severity: 'error',
      from: { path: `^(${SOURCES})/` },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['npm', 'type-only'] },
    },
    {
      name: 'no-unlisted-packages',
      comment: 'A package that package.json does not list is there by chance.',
      severity: 'error',
      from: { path: `^(${SOURCES})/` },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'no-unresolvable',
      comment: 'The import leads nowhere.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist/' },
    // cli/ is a workspace for the sake of its program's link; its packages are listed at the root.
    combinedDependencies: true,
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
