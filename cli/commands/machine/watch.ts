import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { readSse } from '../../../connectors/http/sse-stream.ts';
import type { MachineEvent, MachineView } from '../../../contract/machine-view.ts';
import { isPassing } from '../../api-client/errors.ts';
import { machineApi } from '../../api-client/machines.ts';
import { clock } from '../../output/format.ts';
import type { Session } from '../../session.ts';
import { note, say, sayJson } from '../../terminal.ts';
import { apiAction, type CommandContext } from '../context.ts';
import { jobsOf, stateOf, whyOf } from './show.ts';

const RECONNECT_MS = 2_000;

export function addWatchMachine(parent: Command, context: CommandContext): void {
  parent
    .command('watch')
    .description('Tell what changes on a machine, until Ctrl-C')
    .argument('<id>', 'id of the machine')
    .action(apiAction(context, watchMachine));
}

async function watchMachine(session: Session, id: string): Promise<void> {
  const { terminal } = session;
  const machines = machineApi(session.api);
  // One that is not known is told at once.
  await machines.get(id);
  const stop = new AbortController();
  const release = terminal.onInterrupt(() => stop.abort());
  let last = '';
  const tell = (view: MachineView) => {
    if (session.json) return sayJson(terminal, view, 'line');
    const line = lineOf(view);
    if (line !== last) say(terminal, `${terminal.style.dim(clock(new Date()))} ${line}`);
    last = line;
  };
  try {
    while (!stop.signal.aborted) {
      try {
        const { body } = await machines.events(id, stop.signal);
        for await (const { data } of readSse(Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]))) {
          const event = JSON.parse(data) as MachineEvent;
          if (event.type === 'machines') for (const view of event.machines) tell(view);
          else if (event.type === 'machine') tell(event.machine);
          else return note(terminal, `Nothing is known of machine ${id} any longer.`);
        }
      } catch (error) {
        if (stop.signal.aborted) return;
        if (!isPassing(error) && (error as Error).name !== 'TypeError') throw error;
        note(terminal, 'The API is away; trying again');
      }
      await sleep(RECONNECT_MS, undefined, { signal: stop.signal }).catch(() => {});
    }
  } finally {
    release();
  }
}

/** What somebody who watches wants to know at a glance; numbers that change all the time are left to `get`. */
function lineOf(view: MachineView): string {
  const { card } = view;
  const sick = [...(card?.services ?? []), ...(card?.workers ?? [])]
    .filter(({ state }) => state !== 'running')
    .map(({ name, state, reason }) => `${name} ${state}${reason ? ` (${reason})` : ''}`);
  return [stateOf(view), whyOf(view), card && view.presence === 'alive' ? `jobs ${jobsOf(card)}` : '', ...sick]
    .filter(Boolean)
    .join(' · ');
}
