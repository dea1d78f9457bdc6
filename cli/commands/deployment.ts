import type { Command } from 'commander';
import { ORCHESTRATOR_DEPLOYMENT } from '../../platform/temporal/deployments/version.ts';
import type { CurrentOptions, MoveOptions } from '../temporal/deployment-actions.ts';
import { examples, globalOptions, type CommandContext } from './context.ts';

export function addDeployment(parent: Command, context: CommandContext): void {
  const deployment = parent
    .command('deployment')
    .description('Builds of the orchestrator: which there are, which one has the new jobs')
    .addHelpText(
      'after',
      '\nThey work on Temporal itself, without the API. docs/operations.md tells how an upgrade goes.',
    );
  deployment
    .command('list')
    .description('List the builds: their jobs, their workers')
    .addHelpText('after', examples(['switchyard deployment list', '']))
    .action(async (_options, command: Command) => (await actions()).list(context, globalOptions(command)));
  deployment
    .command('current')
    .description('Show or set the build that new jobs go to')
    .option('--set <build>', 'send new jobs to this build; those under way end where they began')
    .option('--unset', 'send new jobs to orchestrators without a build id, as under npm start')
    .option('--deployment <name>', `default: the only one there is, else ${ORCHESTRATOR_DEPLOYMENT}`)
    .addHelpText(
      'after',
      examples(
        ['switchyard deployment current', 'prints the build id alone'],
        ['switchyard deployment current --set 1.4.0', ''],
        ['switchyard deployment current --unset', 'before npm start takes over'],
      ),
    )
    .action(async (options: CurrentOptions, command: Command) =>
      (await actions()).current(context, globalOptions(command), options),
    );
  deployment
    .command('move')
    .description('Let unfinished jobs of a build go on with the one that has the new jobs')
    .option('--build <build>', 'of this build; default: of all builds that nobody runs any more')
    .option('--deployment <name>', `default: ${ORCHESTRATOR_DEPLOYMENT}`)
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      examples(['switchyard deployment move', ''], ['switchyard deployment move --build 1.3.0', '']),
    )
    .action(async (options: MoveOptions, command: Command) =>
      (await actions()).move(context, globalOptions(command), options),
    );
}

/** Loaded when needed: Temporal's client is large. */
function actions() {
  return import('../temporal/deployment-actions.ts');
}
