import type { Command } from 'commander';
import type { MachineView } from '../../../contract/machine-view.ts';
import { machineApi } from '../../api-client/machines.ts';
import { CliError, usageError } from '../../cli-error.ts';
import { EXIT } from '../../exit-codes.ts';
import type { Session } from '../../session.ts';

export interface MachineOption {
  machine?: string;
}

export function machineOption(command: Command): Command {
  return command.option('--machine <id>', 'the machine that is meant; may be left out where only one can be');
}

/**
 * The machine whose instances are meant: the one that is named, else the only one that has these instances, else the
 * only one that has any, else the only one.
 * @param ids instances that it must have
 * @throws CliError that names the machines when several could be meant
 */
export async function chooseMachine(
  { api }: Session,
  { machine }: MachineOption,
  ids: readonly string[] = [],
): Promise<string> {
  if (machine !== undefined) return machine;
  const { machines } = await machineApi(api).list();
  const alive = machines.filter(({ presence }) => presence === 'alive' || presence === 'starting');
  // Of one that is away the API says so.
  const there = alive.length > 0 ? alive : machines;
  if (there.length === 0)
    throw new CliError(EXIT.notFound, 'No machine is known', {
      hint: 'Start one: switchyard machine start --workers comfyui-instances',
    });
  const withAny = there.filter((one) => idsOf(one).length > 0);
  const holders = ids.length === 0 ? [] : withAny.filter((one) => ids.every((id) => idsOf(one).includes(id)));
  for (const choice of [holders, withAny, there]) {
    const [first, ...others] = choice;
    if (first && others.length === 0) return first.id;
    if (choice === withAny && ids.length > 0 && holders.length === 0 && first)
      throw new CliError(EXIT.notFound, `No machine has ${ids.join(' and ')}: looked on ${namesOf(choice)}`, {
        hint: '"switchyard instances" lists them; one that was made a moment ago is found with --machine.',
      });
    if (first)
      throw usageError(
        `Which machine? ${choice === there ? 'There are' : 'These have'}${ids.length > 0 ? ` ${ids.join(', ')}` : choice === there ? '' : ' instances'}: ${namesOf(choice)}`,
        `Say --machine ${first.id}, for example`,
      );
  }
  throw new Error('unreachable');
}

function idsOf({ card }: MachineView): string[] {
  return (card?.instances ?? []).map(({ id }) => id);
}

function namesOf(machines: readonly MachineView[]): string {
  return machines.map(({ id }) => id).join(', ');
}
