import type { Command } from 'commander';
import { examples, type CommandContext } from '../context.ts';
import { addCreateInstance, addInstanceVerbs, addUpdateInstance, addUseInstance } from './change.ts';
import { addGetInstance, addInstanceHealth, addInstanceHistory, addListInstances } from './show.ts';
import { addExportInstances, addImportInstances, addMigrateInstances } from './transfer.ts';

/** `switchyard instances …`: the ComfyUI servers that machines look after. */
export function addInstances(parent: Command, context: CommandContext): void {
  const instances = parent
    .command('instances')
    .description('List the ComfyUI instances of the machines, make some, steer them')
    .usage('[command] [options]')
    .addHelpText(
      'after',
      `${examples(
        ['switchyard instances', 'lists them'],
        ['switchyard instances create Portraits --gpu auto --start', ''],
        ['switchyard instances pause instance_001', ''],
        ['switchyard instances start --all --machine box1', 'many are one command'],
        ['switchyard instances export --out instances.json', ''],
      )}

What is asked goes to the machine through Temporal: it works from anywhere. docs/instances.md tells more.`,
    );
  addListInstances(instances, context);
  addGetInstance(instances, context);
  addCreateInstance(instances, context);
  addUpdateInstance(instances, context);
  addInstanceVerbs(instances, context);
  addUseInstance(instances, context);
  addInstanceHealth(instances, context);
  addInstanceHistory(instances, context);
  addExportInstances(instances, context);
  addImportInstances(instances, context);
  addMigrateInstances(instances, context);
}
