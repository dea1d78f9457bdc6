import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach } from '@jest/globals';
import { pino } from 'pino';
import { freePort } from '../../platform/processes/free-port.ts';
import type { ServiceEvent } from '../../workers/machine/services/service-events.ts';
import type { InstancePlan } from '../../workers/machine/services/service-plan.ts';
import { createServiceSupervisor, type ServiceSupervisor } from '../../workers/machine/services/supervisor.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { waitUntil } from '../harness/wait-until.ts';

const open: ServiceSupervisor[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((supervisor) => supervisor.close()));
});

type EventOf<T extends ServiceEvent['type']> = Extract<ServiceEvent, { type: T }>;

/** Marks are searched for on the whole box: each test has its own. */
export function scopeOf(folder: string): string {
  return `test-${folder.replaceAll('/', '_')}`;
}

/** A supervisor in a folder of its own, with everything it said. */
export function supervise(options: { usageIntervalMs?: number; folder?: string; env?: NodeJS.ProcessEnv } = {}) {
  const folder = options.folder ?? temporaryFolder();
  const supervisor = createServiceSupervisor({
    runDir: join(folder, 'run'),
    logsDir: join(folder, 'logs'),
    scope: scopeOf(folder),
    env: options.env ?? process.env,
    logger: pino({ level: 'silent' }),
    usageIntervalMs: options.usageIntervalMs ?? 60_000,
  });
  open.push(supervisor);
  const events: ServiceEvent[] = [];
  supervisor.subscribe((event) => void events.push(event));
  const of = <T extends ServiceEvent['type']>(type: T) =>
    events.filter((event): event is EventOf<T> => event.type === type);
  /** Waits for the n-th event of a kind. */
  const seen = <T extends ServiceEvent['type']>(type: T, count = 1) => waitUntil(() => of(type)[count - 1]);
  return { supervisor, events, of, seen, folder, logFile: (name: string) => join(folder, 'logs', `${name}.log`) };
}

/** Answers `/` on the port it is given; says so; writes what it is asked to leave behind. */
const SERVER = `import { createServer } from 'node:http';
let status = 200;
const server = createServer((request, response) => {
  if (request.url === '/hang') status = 0;
  if (request.url === '/crash') process.exit(7);
  if (request.url === '/env') return response.end(JSON.stringify(process.env));
  if (status !== 0) response.end('fine');
});
server.listen(Number(process.argv[2]), '127.0.0.1', () => console.log('listening on ' + process.argv[2]));
`;

/** The plan of a small HTTP server written in JavaScript, changed as a test needs it. */
export async function serverPlan(
  folder: string,
  { more = '', source, ...changes }: Partial<InstancePlan> & { more?: string; source?: string } = {},
): Promise<InstancePlan> {
  const name = changes.name ?? 'server-0';
  const program = join(folder, `${name}.mjs`);
  writeFileSync(program, source ?? `${SERVER}${more}`);
  const port = changes.ports?.[0] ?? (await freePort());
  return {
    name,
    service: 'server',
    index: 0,
    buildStage: 'base',
    host: '127.0.0.1',
    ports: [port],
    command: [process.execPath, program, String(port)],
    cwd: folder,
    env: {},
    passEnv: [],
    workerEnv: {},
    pathPrepend: [],
    folders: [],
    ready: { kind: 'tcp', port },
    readyTimeoutMs: 60_000,
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 30_000,
    restart: { max: 3, delayMs: 5, maxDelayMs: 20, stableAfterMs: 60_000 },
    ...changes,
  };
}
