import { z } from 'zod';
import { MACHINE_ID } from '../../contract/machine-card.ts';
import { parseDuration, DURATION_HINT } from '../../contract/duration.ts';

/**
 * Every setting of Switchyard, once: name in `switchyard.config.json`, environment variable, schema, default, meaning.
 * Loading, `--help`, `docs/configuration.md` and the start-up errors are all made from this table.
 */
interface Setting<S extends z.ZodType> {
  readonly env: string;
  readonly schema: S;
  /** As it would be written in the environment; undefined: unset unless given. */
  readonly default: string | undefined;
  readonly description: string;
  readonly secret?: true;
}

function setting<S extends z.ZodType>(definition: Setting<S>): Setting<S> {
  return definition;
}

const text = z.string().min(1, 'must not be empty');
/** A number or its text. What JavaScript takes for a number besides, such as `true` and blanks, is none. */
const written = (problem: string) => z.union([z.number(), z.string().trim().min(1, problem)], problem);
const port = written('must be a number').pipe(
  z.coerce
    .number<string | number>('must be a number')
    .int('must be a whole number')
    .min(0, 'must be 0–65535')
    .max(65_535, 'must be 0–65535'),
);
const hostAndPort = z
  .string()
  .refine(
    (value) => /^(?:\[[0-9a-f:.]+\]|[^\s:/?#@[\]]+)(?::\d+)?$/i.test(value) && URL.canParse(`temporal://${value}`),
    'must be host:port without a scheme in front, such as 127.0.0.1:7233 or [::1]:7233',
  );
const bytes = written('must be a number of bytes').pipe(
  z.coerce
    .number<string | number>('must be a number of bytes')
    .int('must be a whole number')
    .min(1_024, 'must be at least 1024'),
);
const flag = z
  .union([z.boolean(), z.enum(['true', 'false', '1', '0'])])
  .transform((v) => v === true || v === 'true' || v === '1');
const duration = z.union([z.string(), z.number()]).transform((value, ctx) => {
  const ms = parseDuration(value);
  if (ms !== undefined) return ms;
  ctx.addIssue({ code: 'custom', message: `must be ${DURATION_HINT}` });
  return z.NEVER;
});
const list = z.union([
  z.array(z.string()),
  z.string().transform((v) =>
    v
      .split(',')
      .map((s) => s.trim())
      .filter(Boolean),
  ),
]);

export const SETTINGS = {
  host: setting({
    env: 'SWITCHYARD_HOST',
    schema: text,
    default: '127.0.0.1',
    description:
      'Address the API listens on. Anything but loopback exposes it: put a proxy with authentication in front',
  }),
  port: setting({
    env: 'SWITCHYARD_PORT',
    schema: port,
    default: '8400',
    description: 'Port of the API; 0 picks a free one',
  }),
  dataDir: setting({
    env: 'SWITCHYARD_DATA_DIR',
    schema: text,
    default: '.switchyard',
    description: 'Where the database of the embedded Temporal, artifacts, logs and the state of the running stack live',
  }),
  configDir: setting({
    env: 'SWITCHYARD_CONFIG_DIR',
    schema: text,
    default: 'config',
    description: 'Folder of service-mapping.json and pools.json',
  }),
  connectorDirs: setting({
    env: 'SWITCHYARD_CONNECTOR_DIRS',
    schema: list,
    default: '',
    description: 'More folders to look for connectors in, comma-separated',
  }),
  connectors: setting({
    env: 'CONNECTORS',
    schema: list,
    default: '',
    description:
      'Connector families that load here, comma-separated, e.g. `comfyui,openai`; the others are off. Empty: all',
  }),
  workers: setting({
    env: 'WORKERS',
    schema: list,
    default: '',
    description:
      'Workers of the service mapping that run here and how many of each, e.g. `comfyui-remote:2,openai-api:auto`; docs/service-mapping.md tells more. Empty: one process per pool',
  }),
  machineId: setting({
    env: 'MACHINE_ID',
    schema: z.string().regex(MACHINE_ID, 'must be 1–63 lower-case letters, digits, "-" or "_"').optional(),
    default: undefined,
    description: 'Name of this machine; unset: its host name',
  }),
  mockGpus: setting({
    env: 'SWITCHYARD_MOCK_GPUS',
    schema: written('must be a number').pipe(
      z.coerce
        .number<string | number>('must be a number')
        .int('must be a whole number')
        .min(0, 'must be 0–64')
        .max(64, 'must be 0–64'),
    ),
    default: '0',
    description: 'GPUs to pretend, for tests: workers bound to a GPU run without one. 0: the real ones are looked for',
  }),
  resources: setting({
    env: 'SWITCHYARD_RESOURCES',
    schema: list,
    default: '',
    description: 'Units this machine has of the resources under `resource_bindings`, e.g. `licence:2,tpu:1`',
  }),
  workerFacts: setting({
    env: 'SWITCHYARD_WORKER_FACTS',
    schema: list,
    default: '',
    description:
      'What a worker has where that cannot be found out, e.g. of a service elsewhere: `gpu_count:2,gpu_memory_mb:24576,machine_type:gpu,model:sdxl`; over what is found, see docs/routing.md',
  }),
  servicesDir: setting({
    env: 'SWITCHYARD_SERVICES_DIR',
    schema: text,
    default: '.switchyard/services',
    description: 'Where the programs of internal workers are installed and keep their files',
  }),
  serviceRoots: setting({
    env: 'SWITCHYARD_SERVICE_ROOTS',
    schema: list,
    default: '',
    description: 'More folders that programs of internal workers may be in, comma-separated',
  }),
  instancesDir: setting({
    env: 'SWITCHYARD_INSTANCES_DIR',
    schema: text.optional(),
    default: undefined,
    description:
      "Where the ComfyUI instances of this user are kept (docs/instances.md). Unset: `switchyard` in the user's configuration folder",
  }),
  inputRoots: setting({
    env: 'SWITCHYARD_INPUT_ROOTS',
    schema: list,
    default: 'examples',
    description: 'Folders that `file:` references of a payload may name, comma-separated',
  }),
  publicUrl: setting({
    env: 'SWITCHYARD_PUBLIC_URL',
    schema: z.url('must be a URL').optional(),
    default: undefined,
    description: 'Address of the API as clients see it, for links behind a proxy',
  }),
  temporalAddress: setting({
    env: 'TEMPORAL_ADDRESS',
    schema: hostAndPort.optional(),
    default: undefined,
    description:
      'host:port of a Temporal that somebody runs. Unset: `npm start` runs an embedded one; a process of its own joins the stack that runs on this machine, else it takes 127.0.0.1:7233',
  }),
  temporalNamespace: setting({
    env: 'TEMPORAL_NAMESPACE',
    schema: text,
    default: 'default',
    description: 'Temporal namespace',
  }),
  temporalApiKey: setting({
    env: 'TEMPORAL_API_KEY',
    schema: text.optional(),
    default: undefined,
    secret: true,
    description: 'API key for Temporal Cloud',
  }),
  temporalTls: setting({
    env: 'TEMPORAL_TLS',
    schema: flag,
    default: 'false',
    description: 'Connect to Temporal with TLS; implied by TEMPORAL_API_KEY',
  }),
  temporalPort: setting({
    env: 'SWITCHYARD_TEMPORAL_PORT',
    schema: port,
    default: '7233',
    description: 'Port of the embedded Temporal',
  }),
  temporalUiPort: setting({
    env: 'SWITCHYARD_TEMPORAL_UI_PORT',
    schema: port,
    default: '8233',
    description: 'Port of its Web UI',
  }),
  temporalUiUrl: setting({
    env: 'SWITCHYARD_TEMPORAL_UI_URL',
    schema: z.url('must be a URL').optional(),
    default: undefined,
    description: 'Address of the Temporal Web UI, for links in answers',
  }),
  temporalBinary: setting({
    env: 'SWITCHYARD_TEMPORAL_BINARY',
    schema: text.optional(),
    default: undefined,
    description: 'Path of a `temporal` program to run, instead of looking for one',
  }),
  logLevel: setting({
    env: 'SWITCHYARD_LOG_LEVEL',
    schema: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']),
    default: 'info',
    description: 'Least level that is logged',
  }),
  logHttpUrl: setting({
    env: 'SWITCHYARD_LOG_HTTP_URL',
    schema: z.url({ protocol: /^https?$/, error: 'must be an http or https URL' }).optional(),
    default: undefined,
    secret: true,
    description:
      'Where log lines are posted besides standard output, as JSON arrays: the `http` input of Fluent Bit, e.g. http://127.0.0.1:9880/switchyard. May hold user and password',
  }),
  pluginDirs: setting({
    env: 'SWITCHYARD_PLUGIN_DIRS',
    schema: list,
    default: '',
    description: 'More folders to look for connector plugins in, comma-separated',
  }),
  healthPort: setting({
    env: 'SWITCHYARD_HEALTH_PORT',
    schema: port,
    default: '9090',
    description: 'First port a worker tries for /health, /status and /metrics; taken ones are skipped',
  }),
  healthHost: setting({
    env: 'SWITCHYARD_HEALTH_HOST',
    schema: text,
    default: '127.0.0.1',
    description: 'Address of the health server',
  }),
  shutdownGrace: setting({
    env: 'SWITCHYARD_SHUTDOWN_GRACE',
    schema: duration,
    default: '10s',
    description: 'How long a leaving worker lets its jobs go on before they are interrupted and go elsewhere',
  }),
  drainGrace: setting({
    env: 'SWITCHYARD_DRAIN_GRACE',
    schema: duration,
    default: '1h',
    description: 'How long a worker that was told to drain lets its jobs go on before they go elsewhere',
  }),
  heartbeatTimeout: setting({
    env: 'SWITCHYARD_HEARTBEAT_TIMEOUT',
    schema: duration,
    default: '10s',
    description: 'Silence after which a worker counts as dead and the job goes to another',
  }),
  workerHeartbeat: setting({
    env: 'SWITCHYARD_WORKER_HEARTBEAT',
    schema: duration,
    default: '2s',
    description: 'How often a worker process says it is there (1–60s)',
  }),
  scalingInterval: setting({
    env: 'SWITCHYARD_SCALING_INTERVAL',
    schema: duration.refine((ms) => ms >= 100 && ms <= 10_000, 'must be 100ms–10s'),
    default: '5s',
    description: 'How often the scaler looks at the pools that have `scaling` (100ms–10s)',
  }),
  liveUrl: setting({
    env: 'SWITCHYARD_LIVE_URL',
    schema: z
      .url({ protocol: /^(wss?|https?|nats|tls|rediss?)$/, error: 'must be a ws, http, nats or redis URL' })
      .optional(),
    default: undefined,
    secret: true,
    description:
      'Where workers bring tokens and previews: the API (wss://…/api/live), or a NATS or Redis that several API processes share (nats://…, redis://…; then set it for those too). Unset: the API that runs on the same data directory',
  }),
  liveToken: setting({
    env: 'SWITCHYARD_LIVE_TOKEN',
    schema: z.string().min(16, 'must have at least 16 characters').optional(),
    default: undefined,
    secret: true,
    description:
      'What a worker on another machine proves itself with to the live channel of the API; the same in both. Unset: a new one at each start, known on the same data directory only',
  }),
  maxPayloadBytes: setting({
    env: 'SWITCHYARD_MAX_PAYLOAD_BYTES',
    schema: bytes.refine((value) => value <= 1_500_000, 'must be at most 1500000: Temporal takes 2 MB in all'),
    default: '262144',
    description: 'Largest job document; larger inputs go through POST /api/inputs',
  }),
  maxUploadBytes: setting({
    env: 'SWITCHYARD_MAX_UPLOAD_BYTES',
    schema: bytes,
    default: '1073741824',
    description: 'Largest input file',
  }),
  maxOutputBytes: setting({
    env: 'SWITCHYARD_MAX_OUTPUT_BYTES',
    schema: bytes,
    default: '5368709120',
    description: 'Largest output file',
  }),
  artifactRetention: setting({
    env: 'SWITCHYARD_ARTIFACT_RETENTION',
    schema: duration,
    default: '7d',
    description: 'How long outputs are kept unless the job says otherwise',
  }),
  inputRetention: setting({
    env: 'SWITCHYARD_INPUT_RETENTION',
    schema: duration,
    default: '7d',
    description: 'How long uploads are kept after their last use',
  }),
  allowPrivateInputUrls: setting({
    env: 'SWITCHYARD_ALLOW_PRIVATE_INPUT_URLS',
    schema: flag,
    default: 'false',
    description: 'Let payloads name http(s) inputs on private or loopback addresses',
  }),
} as const;

export type SettingName = keyof typeof SETTINGS;
export type Config = { readonly [K in SettingName]: z.output<(typeof SETTINGS)[K]['schema']> };
