import { z } from 'zod';
import { DURATION_HINT, parseDuration } from '../../../contract/duration.ts';
import { positiveNumber, wholeNumber } from '../../../platform/catalog/numbers.schema.ts';

/** `installer_config` of a worker in `service-mapping.json`: how its program is installed, run and watched. */
const text = z.string().min(1, 'must not be empty');
const duration = z.union([z.string(), z.number()]).transform((value, context) => {
  const ms = parseDuration(value);
  if (ms !== undefined && ms > 0) return ms;
  context.addIssue({ code: 'custom', message: `must be ${DURATION_HINT}` });
  return z.NEVER;
});
const argv = z.array(z.string()).min(1, 'must name a program');
const variables = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]).transform(String));
const portChoice = z.union([z.literal(true), wholeNumber(1, 65_535)]);

const httpProbe = z.strictObject({
  path: z.string().startsWith('/', 'must begin with "/"'),
  port: wholeNumber(1, 65_535).optional().describe("Default: the instance's first port"),
  status: z.array(wholeNumber(100, 599)).min(1, 'must name a status').optional().describe('Default: 200-299'),
  contains: text.optional().describe('Text that the body must hold'),
});
const http = z.union([
  z
    .string()
    .startsWith('/', 'must begin with "/"')
    .transform((path) => ({ path })),
  httpProbe,
]);

const probes = {
  http: http.optional().describe('A path, or {path, port, status, contains}'),
  tcp: portChoice.optional().describe('true: something listens on the first port; or a port'),
};
const ONE = 'must have one of http, tcp and log';
const readyProbe = z
  .strictObject({ ...probes, log: text.optional().describe('Regular expression; a line it writes must match') })
  .refine((probe) => Object.values(probe).filter((value) => value !== undefined).length === 1, ONE);
const aliveProbe = z
  .strictObject({
    ...probes,
    interval: duration.optional().describe('Default: 15s'),
    timeout: duration.optional().describe('Default: 5s'),
    failures: wholeNumber(1, 1_000).optional().describe('In a row, after which it is restarted. Default: 4'),
  })
  .refine((probe) => probe.http === undefined || probe.tcp === undefined, 'must have one of http and tcp');

const step = z.union(
  [
    z.strictObject({ name: text.optional(), run: argv, cwd: text.optional(), env: variables.optional() }),
    z.strictObject({
      name: text.optional(),
      git: z.strictObject({
        url: text.describe('https, ssh or file address'),
        commit: text.describe('Commit, or a tag'),
        into: text.optional().describe('Folder; default: the folder of the service'),
      }),
    }),
    z.strictObject({
      name: text.optional(),
      venv: z.strictObject({
        python: text.optional().describe('Default: python3'),
        into: text.optional().describe('Folder; default: venv'),
        requirements: z.array(text).optional().describe('Requirement files'),
        packages: z.array(text).optional().describe('As pip takes them, e.g. torch==2.11.0'),
        pip_args: z.array(text).optional().describe('Further options of pip install, e.g. --index-url'),
      }),
    }),
  ],
  { error: 'must have one of run, git and venv' },
);

const restart = z.strictObject({
  max: wholeNumber(0, 1_000_000).optional().describe('In a row, after which the instance has failed. Default: 10'),
  delay: duration.optional().describe('First pause, doubled each time. Default: 1s'),
  max_delay: duration.optional().describe('Default: 1m'),
  stable_after: duration.optional().describe('A life that long makes the count start anew. Default: 2m'),
});

export const definitionSchema = z.strictObject({
  dir: text.optional().describe('Folder of the service; default: its name, below SWITCHYARD_SERVICES_DIR'),
  install: z.array(step).optional().describe('Steps, each done once: {run}, {git} or {venv}'),
  install_command: z.union([text, argv]).optional().describe('A step of its own, after the others; no shell'),
  install_timeout: positiveNumber().default(3_600).describe('Seconds for all steps'),
  config_path: text.optional().describe('Where its configuration lies: {config_path} in command'),
  command: argv.optional().describe('Program and arguments; no shell'),
  cwd: text.optional().describe('Default: the folder of the service'),
  env: variables.default({}).describe('Its variables'),
  pass_env: z.array(text).default([]).describe("Names of variables handed on from the machine's environment"),
  worker_env: variables
    .default({})
    .describe('Variables of the worker beside it, e.g. {"THING_URL": "http://{host}:{port}"}'),
  path_prepend: z.array(text).default([]).describe('Folders searched for programs first'),
  folders: z.array(text).default([]).describe('Made before it starts'),
  host: text.default('127.0.0.1').describe('Where it listens, for probes'),
  ready: readyProbe.optional().describe('Default: something listens on the first port'),
  ready_timeout: duration.default(120_000).describe('From its start until it is ready'),
  alive: z
    .union([z.literal(false), aliveProbe])
    .optional()
    .describe('false: do not look; default: as ready'),
  stop_signal: z.enum(['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP']).default('SIGTERM'),
  stop_timeout: duration.default(10_000).describe('From the signal until it is killed'),
  restart: restart.default({}),
  max_memory_mb: wholeNumber(16).optional().describe('The whole tree; above it the instance is restarted'),
});

export type ServiceDefinition = z.output<typeof definitionSchema>;
export type DefinitionInput = z.input<typeof definitionSchema>;
export type InstallStep = z.output<typeof step>;
