import type { Command } from 'commander';
import { candidateDataDirs, runningStack, stackConfig } from '../api-client/data-dir.ts';
import { usageError } from '../cli-error.ts';
import { EXIT } from '../exit-codes.ts';
import { note } from '../terminal.ts';
import { examples, globalOptions, type CommandContext } from './context.ts';
import { addDrainWorker } from './drain-worker.ts';
import { collectList, wholeNumber } from './option-values.ts';

const END_OF_PROCESS = 'A signal (Ctrl-C, SIGTERM) stops it in order; a second one at once.';
const END_OF_WORKER =
  'A signal (Ctrl-C, SIGTERM) lets its jobs go on for SWITCHYARD_SHUTDOWN_GRACE, then they go elsewhere with their checkpoints; a second one hands them over at once.';

export function addUp(parent: Command, context: CommandContext): void {
  parent
    .command('up')
    .description('Run everything: Temporal, the API, one worker per pool')
    .addHelpText('after', `\nThe same as "npm start", without installing and building first.\n${END_OF_PROCESS}`)
    .action(async (_options, command: Command) => {
      const startedAt = Date.now();
      outliveOutput();
      const env = processEnvironment(context, command, { joinStack: false });
      const [{ runStack }, { loadSite }] = await Promise.all([
        import('../stack/run-stack.ts'),
        import('../../platform/config/load-site.ts'),
      ]);
      const code = await runStack(loadSite(env), { env, startedAt });
      context.exitCode = code === EXIT.ok || code === EXIT.interrupted ? code : EXIT.error;
    });
}

export function addWorker(parent: Command, context: CommandContext): void {
  const worker = parent
    .command('worker')
    .description('Run a worker process for a pool, or for workers of the service mapping')
    .option('--pool <pool>', 'the pool it works for')
    .option(
      '--workers <list>',
      'workers of the service mapping, e.g. openai-api:2,upscale; default: WORKERS',
      collectList,
    )
    .option(
      '--capabilities <list>',
      'only these services, set apart by commas; all of the pool unless given',
      collectList,
    )
    .option('--max-concurrent <n>', 'jobs at a time and service', wholeNumber(1, 1_000))
    .option('--health-port <port>', 'first port to try for /health, /status and /metrics', wholeNumber(0, 65_535))
    .addHelpText(
      'after',
      `${examples(
        ['switchyard worker --pool heavy', 'joins the stack that runs on this machine'],
        ['TEMPORAL_ADDRESS=temporal:7233 switchyard worker --pool standard --capabilities upscale', ''],
        ['switchyard worker --workers comfyui-remote,openai-api:2', 'in all their pools; twice the jobs of the second'],
      )}\n\n${END_OF_WORKER}`,
    )
    .action(
      async (
        options: {
          pool?: string;
          workers?: string[];
          capabilities?: string[];
          maxConcurrent?: number;
          healthPort?: number;
        },
        command: Command,
      ) => {
        processEnvironment(context, command, { joinStack: true });
        const { runPoolWorkerProcess } = await import('../../workers/pool-main.ts');
        await runAsProcess(() => runPoolWorkerProcess(options));
      },
    );
  addDrainWorker(worker, context);
}

export function addOrchestrator(parent: Command, context: CommandContext): void {
  parent
    .command('orchestrator')
    .description('Run the workflows as a process of its own')
    .option('--build-id <id>', 'its build: jobs that begin on it end on it (docs/operations.md)')
    .option('--deployment <name>', 'the deployment the build belongs to; default: switchyard-orchestrator')
    .addHelpText(
      'after',
      `${examples(
        ['switchyard orchestrator', ''],
        ['switchyard orchestrator --build-id 1.4.0', 'gets jobs after: switchyard deployment current --set 1.4.0'],
      )}\n\n${END_OF_PROCESS}`,
    )
    .action(async (options: { buildId?: string; deployment?: string }, command: Command) => {
      if (options.deployment !== undefined && options.buildId === undefined)
        throw usageError('--deployment needs --build-id', 'e.g. --build-id 1.4.0');
      processEnvironment(context, command, { joinStack: true });
      const { runOrchestratorProcess } = await import('../../workers/orchestrator-main.ts');
      await runAsProcess(() => runOrchestratorProcess(options));
    });
}

export function addApi(parent: Command, context: CommandContext): void {
  parent
    .command('api')
    .description('Run the HTTP API as a process of its own')
    .addHelpText(
      'after',
      `${examples(['SWITCHYARD_PORT=8500 switchyard api', 'a second API beside the running stack'])}\n\n${END_OF_PROCESS}`,
    )
    .action(async (_options, command: Command) => {
      processEnvironment(context, command, { joinStack: true });
      const { runApiProcess } = await import('../../workers/api-main.ts');
      await runAsProcess(runApiProcess);
    });
}

export function addScaleRun(parent: Command, context: CommandContext): void {
  parent
    .command('run')
    .description('Run the scaler as a process of its own')
    .addHelpText(
      'after',
      `${examples(['switchyard scale run', 'joins the stack that runs on this machine'])}

It starts and stops workers of the pools that have "scaling". Of several scalers one is active; the others stand by.
${END_OF_PROCESS}`,
    )
    .action(async (_options, command: Command) => {
      processEnvironment(context, command, { joinStack: true });
      const { runScalerProcess } = await import('../../workers/scaler-main.ts');
      await runAsProcess(runScalerProcess);
    });
}

/**
 * The processes read their environment themselves. `--data-dir` goes into it, and the address of the Temporal of a
 * stack that runs there, so that a further worker joins it without being told a port.
 */
export function processEnvironment(
  { terminal }: CommandContext,
  command: Command,
  { joinStack }: { joinStack: boolean },
): NodeJS.ProcessEnv {
  const { env, cwd } = terminal;
  const { dataDir } = globalOptions(command);
  if (dataDir !== undefined) env['SWITCHYARD_DATA_DIR'] = candidateDataDirs(dataDir, env, cwd)[0];
  if (!joinStack || stackConfig(env).temporalAddress !== undefined) return env;
  const stack = runningStack(candidateDataDirs(dataDir, env, cwd));
  if (!stack) return env;
  note(terminal, `Joining the stack running in ${stack.data_dir} (Temporal at ${stack.temporal_address}).`);
  env['SWITCHYARD_DATA_DIR'] = stack.data_dir;
  env['TEMPORAL_ADDRESS'] = stack.temporal_address;
  env['TEMPORAL_NAMESPACE'] = stack.namespace;
  if (stack.temporal_ui_url) env['SWITCHYARD_TEMPORAL_UI_URL'] = stack.temporal_ui_url;
  return env;
}

/** Hands this process over. */
export async function runAsProcess(main: () => Promise<number>): Promise<void> {
  outliveOutput();
  const { runMain } = await import('../../workers/process/lifecycle.ts');
  await runMain(main);
}

/** A process that serves does not end because nobody reads what it writes any more, as other commands do. */
function outliveOutput(): void {
  for (const stream of [process.stdout, process.stderr]) stream.removeAllListeners('error').on('error', () => {});
}
