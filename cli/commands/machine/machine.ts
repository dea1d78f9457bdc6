import type { Command } from 'commander';
import { examples, type CommandContext } from '../context.ts';
import { addMachineCommand, addMachineVerbs } from './give-command.ts';
import { addMachineLogs } from './logs.ts';
import { addGetMachine, addListMachines, addMachineServices } from './show.ts';
import { addStartMachine } from './start.ts';
import { addWatchMachine } from './watch.ts';

/** `switchyard machines` */
export function addMachines(parent: Command, context: CommandContext): void {
  addListMachines(parent, context);
}

/** `switchyard machine …` */
export function addMachine(parent: Command, context: CommandContext): void {
  const machine = parent
    .command('machine')
    .description('Run this box as a machine, or look at and steer one')
    .addHelpText(
      'after',
      examples(
        ['switchyard machine start --workers comfyui-local:auto,upscale:2', ''],
        ['switchyard machine get box1', ''],
        ['switchyard machine drain box1', ''],
      ),
    );
  addStartMachine(machine, context);
  addGetMachine(machine, context);
  addWatchMachine(machine, context);
  addMachineVerbs(machine, context);
  addMachineCommand(machine, context);
  addMachineServices(machine, context);
  addMachineLogs(machine, context);
}
