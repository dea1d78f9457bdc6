import type { Command } from 'commander';
import type { CommandContext } from './context.ts';
import { addScaleRun } from './processes.ts';
import { addScaleSimulate } from './scale-simulate.ts';
import { addScaleStatus } from './scale-status.ts';
import { addScaleTrace } from './scale-trace.ts';

/** `switchyard scale`: pools that grow and shrink with the work. */
export function addScale(parent: Command, context: CommandContext): void {
  const scale = parent.command('scale').description('Pools that grow and shrink with the work');
  for (const add of [addScaleStatus, addScaleSimulate, addScaleTrace, addScaleRun]) add(scale, context);
}
