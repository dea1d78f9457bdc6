import { Command, Option } from 'commander';
import { addApi, addOrchestrator, addUp, addWorker } from './commands/processes.ts';
import { addArtifacts } from './commands/artifacts.ts';
import { addAttempts } from './commands/attempts.ts';
import { addCancel } from './commands/cancel.ts';
import { addComfyUI } from './commands/comfyui.ts';
import { addCompletion } from './commands/completion.ts';
import { addConfig } from './commands/config.ts';
import { examples, type CommandContext } from './commands/context.ts';
import { addConnector } from './commands/connector.ts';
import { addCreate } from './commands/create.ts';
import { addDeployment } from './commands/deployment.ts';
import { addDoctor } from './commands/doctor.ts';
import { addGenerate } from './commands/generate/generate.ts';
import { addGetJob } from './commands/get-job.ts';
import { addHelp } from './commands/help.ts';
import { addInstances } from './commands/instances/instances.ts';
import { addListJobs } from './commands/list-jobs.ts';
import { addLogs } from './commands/logs.ts';
import { addMachine, addMachines } from './commands/machine/machine.ts';
import { addPools } from './commands/pools.ts';
import { addRetry } from './commands/retry.ts';
import { addScale } from './commands/scale.ts';
import { addServices } from './commands/services.ts';
import { addStatus } from './commands/status.ts';
import { addSubmit } from './commands/submit.ts';
import { addUpdate } from './commands/update.ts';
import { addWatch } from './commands/watch.ts';
import { addWorkers } from './commands/workers.ts';

type Add = (parent: Command, context: CommandContext) => void;

/** What can be done with one job: under `jobs`, and in short at the top. */
const ONE_JOB: readonly Add[] = [
  addGetJob,
  addWatch,
  addCancel,
  addRetry,
  addUpdate,
  addArtifacts,
  addAttempts,
  addLogs,
];

/** Said with every line that is not understood. */
export const USAGE_HINT = '"switchyard help" lists the commands; COMMAND --help explains one.';

/** The whole command line, without having read any of it. */
export function buildProgram(context: CommandContext, version: string): Command {
  const { terminal } = context;
  const program = new Command('switchyard')
    .description('Durable orchestration of AI jobs: submit, watch, cancel, survive.')
    .version(version, '-V, --version')
    .exitOverride()
    .helpCommand(false)
    .showSuggestionAfterError()
    .configureHelp({ showGlobalOptions: true, helpWidth: terminal.stdout.columns ?? 100 })
    .configureOutput({
      writeOut: (text) => void terminal.stdout.write(text),
      // With --json every error is one line of JSON, which is written where the command ends.
      writeErr: (text) => void (context.json || terminal.stderr.write(text)),
      outputError: (text, write) => write(terminal.errorStyle.bad(text)),
    })
    .addOption(new Option('--url <url>', 'address of the API (SWITCHYARD_URL); else the running stack is found'))
    .addOption(new Option('--data-dir <dir>', 'data directory of the stack that is meant (SWITCHYARD_DATA_DIR)'))
    .addOption(new Option('--json', 'answer with JSON on standard output'))
    .showHelpAfterError(USAGE_HINT)
    .addHelpText(
      'after',
      `${examples(
        ['switchyard submit upscale -i image=@examples/harbour.png --set scale=4 --watch', ''],
        ['switchyard jobs --status running,queued', ''],
        ['switchyard doctor', ''],
      )}

"switchyard help exit-codes" and "switchyard help environment" say more.`,
    );
  group(program, context, 'Jobs:', [addSubmit, addJobs, ...ONE_JOB]);
  group(program, context, 'Looking around:', [
    addServices,
    addPools,
    addWorkers,
    addMachines,
    addInstances,
    addStatus,
    addConfig,
    addDoctor,
  ]);
  group(program, context, 'Running Switchyard:', [
    addUp,
    addWorker,
    addMachine,
    addOrchestrator,
    addApi,
    addScale,
    addDeployment,
    addComfyUI,
    addGenerate,
  ]);
  group(program, context, 'Connectors:', [addCreate, addConnector]);
  group(program, context, 'Help:', [addCompletion, addHelp]);
  return program;
}

function group(program: Command, context: CommandContext, heading: string, adders: readonly Add[]): void {
  program.commandsGroup(heading);
  for (const add of adders) add(program, context);
}

function addJobs(program: Command, context: CommandContext): void {
  const jobs = program.command('jobs').description('List jobs, or do something with one').usage('[command] [options]');
  for (const add of [addListJobs, ...ONE_JOB]) add(jobs, context);
}
