import type { Command } from 'commander';
import { usageError } from '../../cli-error.ts';
import { MACHINE_ID } from '../../../contract/machine-card.ts';
import { say } from '../../terminal.ts';
import { examples, type CommandContext } from '../context.ts';
import { collectList, wholeNumber } from '../option-values.ts';
import { processEnvironment, runAsProcess } from '../processes.ts';

interface StartOptions {
  id?: string;
  workers?: string[];
  mockGpus?: number;
}

/** `switchyard machine start`: this process is the machine until it is stopped. */
export function addStartMachine(parent: Command, context: CommandContext): void {
  parent
    .command('start')
    .description('Run this box as a machine: its services, its workers, its presence')
    .option('--id <id>', 'its name; default: MACHINE_ID, else the host name')
    .option('--workers <list>', 'what runs on it, e.g. comfyui-local:auto,upscale:2 (WORKERS)', collectList)
    .option('--mock-gpus <n>', 'pretend so many GPUs instead of looking for real ones', wholeNumber(0, 64))
    .addHelpText(
      'after',
      `${examples(
        ['switchyard machine start --workers upscale', 'joins the stack that runs here'],
        ['TEMPORAL_ADDRESS=temporal:7233 switchyard machine start --id box1 --workers comfyui-local:auto', ''],
      )}

It stays in the foreground; its log is logs/machine.log in the data directory. A signal (Ctrl-C, SIGTERM) stops it in
order: jobs get their grace time and go on elsewhere. A second one ends it at once. It ends with 1 when a service or
worker has spent its restarts, and with 2 when its configuration is wrong: let your init system start it again on 1.
docs/machines.md tells more.`,
    )
    .action(async ({ id, workers, mockGpus }: StartOptions, command: Command) => {
      const { terminal } = context;
      if (id !== undefined && !MACHINE_ID.test(id))
        throw usageError(`--id ${id}: is no name of a machine`, 'Take 1-63 lower-case letters, digits, "-" or "_"');
      processEnvironment(context, command, { joinStack: true });
      const { runMachineProcess } = await import('../../../workers/machine/run-machine.ts');
      await runAsProcess(() =>
        runMachineProcess({
          ...(id === undefined ? {} : { id }),
          ...(workers === undefined ? {} : { workers }),
          ...(mockGpus === undefined ? {} : { mockGpus }),
          tell: (line) => say(terminal, line),
        }),
      );
    });
}
