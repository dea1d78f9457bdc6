import type { Command } from 'commander';
import { candidateDataDirs, runningStack, stackConfig } from '../api-client/data-dir.ts';
import { CliError, usageError } from '../cli-error.ts';
import { EXIT } from '../exit-codes.ts';
import { count } from '../output/format.ts';
import { note, say, sayJson, type Terminal } from '../terminal.ts';
import { examples, globalOptions, type CommandContext, type GlobalOptions } from './context.ts';
import { waitSeconds, wholeNumber } from './option-values.ts';

/** Longest wait for one answer. Milliseconds. */
const ANSWER_MS = 2_000;
/** Ports looked at from the configured one on. */
const PORTS = 64;
/** Between two looks at one that leaves. Milliseconds. */
const LOOK_MS = 500;

interface Options {
  pool?: string;
  pid?: number;
  all?: boolean;
  /** Seconds. */
  grace?: number;
  wait?: boolean;
}

/** A worker process on this machine. */
interface Found {
  url: string;
  pool: string;
  identity: string;
  pid: number;
}

export function addDrainWorker(worker: Command, context: CommandContext): void {
  worker
    .command('drain')
    .description('Let worker processes of this machine finish their jobs and leave')
    .option('--pool <pool>', 'those of this pool')
    .option('--pid <pid>', 'the one with this process number', wholeNumber(1, 2 ** 31))
    .option('--all', 'all of them')
    .option(
      '--grace <time>',
      'after so long their jobs go elsewhere, e.g. 5m; default: SWITCHYARD_DRAIN_GRACE',
      waitSeconds,
    )
    .option('--wait', 'until they have left')
    .addHelpText(
      'after',
      `${examples(
        ['switchyard worker drain --pid 4711 --wait', ''],
        ['switchyard worker drain --pool heavy --grace 5m', ''],
      )}

They take no more jobs at once. The same as POST /drain on a worker's health port; SIGTERM instead gives their jobs
SWITCHYARD_SHUTDOWN_GRACE. Workers of a stack (npm start) are started anew when they have left, those of a machine too:
"switchyard machine drain" holds a machine, "switchyard pools drain" a pool.`,
    )
    .action(async (_options: unknown, command: Command) => {
      // "worker" has a --pool of its own, which takes it wherever it stands.
      await drain(context.terminal, command.optsWithGlobals<Options>(), globalOptions(command));
    });
}

async function drain(terminal: Terminal, options: Options, global: GlobalOptions): Promise<void> {
  const { pool, pid, all, grace, wait } = options;
  if (pool === undefined && pid === undefined && !all)
    throw usageError('which workers?', 'Say --pool POOL, --pid PID, or --all. "switchyard workers" lists them.');
  const found = await workersHere(terminal, global);
  const wanted = found.filter(
    (one) => (pool === undefined || one.pool === pool) && (pid === undefined || one.pid === pid),
  );
  if (wanted.length === 0) {
    const here = found.map((one) => `${one.pool} (${one.pid})`).join(', ') || 'none';
    throw new CliError(EXIT.notFound, 'no such worker process runs on this machine', { hint: `Here: ${here}.` });
  }
  const query = grace === undefined ? '' : `?grace=${grace}s`;
  const answers = await Promise.all(wanted.map(({ url }) => ask(url, query)));
  if (global.json) sayJson(terminal, { workers: answers });
  else for (const answer of answers) tell(terminal, answer);
  if (!wait) return;
  await Promise.all(wanted.map(({ url }) => untilGone(url)));
  if (!global.json) note(terminal, `${count(wanted.length, 'worker')} left.`);
}

/** What a worker says of its leaving. */
interface Answer {
  identity: string;
  active_jobs: number;
  until?: string;
}

function tell(terminal: Terminal, { identity, active_jobs: jobs, until }: Answer): void {
  const left =
    jobs === 0 ? 'leaves' : `leaves when ${count(jobs, 'job')} are done${until ? `, at ${until} at the latest` : ''}`;
  say(terminal, `${identity} takes no more jobs and ${left}`);
}

async function ask(url: string, query: string): Promise<Answer> {
  const response = await fetch(`${url}/drain${query}`, { method: 'POST', signal: AbortSignal.timeout(ANSWER_MS) });
  const answer = (await response.json()) as Answer & { detail?: string };
  if (!response.ok) throw new CliError(EXIT.error, `${url} does not drain: ${answer.detail ?? response.status}`);
  return answer;
}

/** Those of the stack, and what listens where workers do. */
async function workersHere(terminal: Terminal, { dataDir }: GlobalOptions): Promise<Found[]> {
  const { env, cwd } = terminal;
  const stack = runningStack(candidateDataDirs(dataDir, env, cwd));
  const first = stackConfig(env, dataDir).healthPort;
  const ports = first === 0 ? [] : Array.from({ length: PORTS }, (_, index) => `http://127.0.0.1:${first + index}`);
  const urls = new Set([...(stack?.processes ?? []).flatMap(({ health_url: url }) => url ?? []), ...ports]);
  const looked = await Promise.all([...urls].map(look));
  return looked.flat();
}

async function look(url: string): Promise<Found[]> {
  try {
    const response = await fetch(`${url}/status`, { signal: AbortSignal.timeout(ANSWER_MS) });
    const { role, pool, identity } = (await response.json()) as { role?: string; pool: string; identity: string };
    if (role !== 'pool-worker') return [];
    return [{ url, pool, identity, pid: Number(identity.slice(identity.lastIndexOf('#') + 1)) }];
  } catch {
    return [];
  }
}

async function untilGone(url: string): Promise<void> {
  while ((await look(url)).length > 0) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
}
