import { randomUUID } from 'node:crypto';
import type { MachineCommandKind, MachineOperation } from '../../contract/machine-command.ts';
import type { MachineView } from '../../contract/machine-view.ts';
import { sendCommand } from '../../platform/machines/send-command.ts';
import type { ApiContext } from '../context.ts';
import { HttpProblem } from '../http/http-problem.ts';

/** What a client says with a command. */
interface CommandGiven {
  args: Record<string, unknown>;
  /** The same id again is the same command. Default: a new one. */
  id?: string | undefined;
  issued_by?: string | undefined;
  detached?: boolean | undefined;
  /** Longest wait for the result, seconds. Default: 30. */
  wait?: number | undefined;
}

const WAIT_S = 30;

/**
 * Gives a command to a machine.
 * @returns the operation: ended, or still running when it is detached or takes longer than `wait`
 * @throws HttpProblem service_unavailable for a machine that is away; as `sendCommand`
 */
export async function commandMachine(
  api: ApiContext,
  machine: MachineView,
  kind: MachineCommandKind,
  { args, issued_by: issuedBy, detached, wait = WAIT_S, id = randomUUID() }: CommandGiven,
): Promise<MachineOperation> {
  if (machine.presence === 'away' || machine.presence === 'left') {
    // The cache may be a second behind a machine that has just come back.
    const now = await api.machines.look(machine.id);
    if (now?.presence === 'away' || now?.presence === 'left')
      throw new HttpProblem('service_unavailable', awayText(now.id, now.reason, now.away_since));
  }
  const command = {
    id,
    kind,
    args,
    ...(issuedBy === undefined ? {} : { issued_by: issuedBy }),
    ...(detached === undefined ? {} : { detached }),
  };
  const operation = await sendCommand(api.client, machine.id, command, wait * 1_000);
  api.logger.info({ machine_id: machine.id, command: kind, command_id: id, state: operation.state }, 'command');
  return operation;
}

function awayText(id: string, reason: string | undefined, since: string | undefined): string {
  const details = [since && `since ${since}`, reason].filter(Boolean).join(': ');
  return `Machine ${id} is away${details ? ` ${details}` : ''}; the command was not given`;
}
