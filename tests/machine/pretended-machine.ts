import { Context } from '@temporalio/activity';
import { NativeConnection } from '@temporalio/worker';
import { pino } from 'pino';
import { createMachineCommand, type CommandHandlers } from '../../activities/machine/machine-command.ts';
import { createPresence } from '../../activities/machine/presence.ts';
import type { MachineActivities } from '../../activities/activities.ts';
import { ServerClock } from '../../activities/machine/server-clock.ts';
import type { InstanceCard, MachineCard } from '../../contract/machine-card.ts';
import type { MachineBoot, PresenceBeat, PresenceEnd } from '../../contract/machine-presence.ts';
import { createClient } from '../../platform/temporal/connection.ts';
import { Announcer } from '../../workers/machine/announcer.ts';
import { createMachineWorker } from '../../workers/machine/machine-worker.ts';

export function cardOf(machineId: string, bootId: string, seq = 1): MachineCard {
  return {
    v: 1,
    machine_id: machineId,
    boot_id: bootId,
    seq,
    at: Date.now(),
    started_at: Date.now(),
    state: 'ready',
    version: '0',
    facts: {
      type: 'api',
      hostname: 'here',
      platform: 'linux',
      arch: 'x64',
      gpus: [],
      gpu_problems: [],
      cpu: { model: 'x', cores: 2, usable: 2 },
      memory: { total_bytes: 1, available_bytes: 1, limited: false },
      disk: { path: '/', total_bytes: 1, free_bytes: 1 },
    },
    cpu_percent: 0,
    services: [],
    instances: [],
    workers: [],
  };
}

/** The presence and commands of a machine without the machine, in this process, on a real Temporal. */
export async function pretendMachine(options: {
  address: string;
  id: string;
  boot: MachineBoot;
  handlers?: CommandHandlers;
  /** What its card says of its instances. */
  instances?: InstanceCard[];
  /** Beats once and never again, as when its network is gone. */
  falling?: boolean;
}) {
  const { address, id, boot, handlers = {}, instances = [] } = options;
  const connection = await NativeConnection.connect({ address });
  const client = createClient(connection, 'default');
  const logger = pino({ level: 'silent' });
  const replaced: MachineBoot[] = [];
  const announcer = new Announcer({
    client,
    machineId: id,
    boot,
    logger,
    onReplaced: (by) => void replaced.push(by),
  });
  let seq = 0;
  let leave!: (end: Omit<PresenceEnd, 'card'>) => void;
  const leaving = new Promise<Omit<PresenceEnd, 'card'>>((resolve) => {
    leave = resolve;
  });
  const fallSilent: MachineActivities['presence'] = async (task) => {
    const context = Context.current();
    context.heartbeat({ v: 1, generation: task.generation, card: cardOf(id, boot.boot_id) } satisfies PresenceBeat);
    announcer.began(task);
    announcer.stop();
    return context.cancelled;
  };
  const presence = createPresence({
    bootId: boot.boot_id,
    card: () => ({ ...cardOf(id, boot.boot_id, ++seq), instances }),
    onChange: () => () => {},
    leaving,
    began: (task) => announcer.began(task),
    ended: (task) => announcer.ended(task),
    foreign: () => announcer.foreign(),
  });
  const worker = await createMachineWorker({
    connection,
    config: { temporalNamespace: 'default' },
    machineId: id,
    identity: `${id}/${boot.boot_id}`,
    activities: {
      presence: options.falling ? fallSilent : presence,
      machineCommand: createMachineCommand({ bootId: boot.boot_id, handlers, clock: new ServerClock(), logger }),
    },
  });
  const run = worker.run();
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= (async () => {
      announcer.stop();
      if (worker.getState() === 'RUNNING') worker.shutdown();
      await run;
      await connection.close();
    })();
    return stopped;
  };
  return {
    announcer,
    replaced,
    /** In order. */
    async leave(reason: PresenceEnd['reason'] = 'stopped') {
      leave({ reason });
      await stop();
    },
    stop,
  };
}
