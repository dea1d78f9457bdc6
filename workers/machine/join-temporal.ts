import type { CommandHandlers } from '../../activities/machine/machine-command.ts';
import { createMachineCommand } from '../../activities/machine/machine-command.ts';
import { createPresence } from '../../activities/machine/presence.ts';
import type { ServerClock } from '../../activities/machine/server-clock.ts';
import type { MachineFacts } from '../../contract/machine-facts.ts';
import type { MachineBoot, PresenceEnd } from '../../contract/machine-presence.ts';
import { createClient } from '../../platform/temporal/connection.ts';
import type { Logger } from '../../platform/logging/logger.ts';
import { processIdentity } from '../process/identity.ts';
import type { ProcessBase } from '../process/load-process.ts';
import { connectPatiently, installTemporalRuntime } from '../process/temporal-runtime.ts';
import { Announcer } from './announcer.ts';
import type { CardSource } from './card-source.ts';
import { createMachineWorker } from './machine-worker.ts';
import type { StartUp } from './start-up.ts';
import { refuseTwin } from './twin.ts';

export interface JoinTemporalOptions {
  up: StartUp;
  base: ProcessBase;
  logger: Logger;
  machineId: string;
  boot: MachineBoot;
  facts: MachineFacts;
  card: CardSource;
  /** May be filled until the machine is announced. */
  handlers: CommandHandlers;
  clock: ServerClock;
  /** Settles when the machine leaves. */
  leaving: Promise<Omit<PresenceEnd, 'card'>>;
  /** Ends the waiting for a Temporal that is away. */
  stop: Promise<unknown>;
  signal: AbortSignal;
  say: (line: string) => void;
  onReplaced: (by: MachineBoot) => void;
  onFailed: (why: string) => void;
}

/** For a Temporal that is away when the machine leaves. Milliseconds. */
const LAST_WORDS_MS = 6_000;
/** How long the start-up waits for the orchestrator to take note. Milliseconds. */
const NOTICED_MS = 5_000;
const TELL_AFTER_MS = 2_000;

let runtimeInstalled = false;

/** Reaches Temporal and makes ready what is present there; it is announced later. */
export async function joinTemporal(options: JoinTemporalOptions): Promise<{ announce(): Promise<void> }> {
  const { up, base, logger, machineId, boot, facts, card, clock, handlers, leaving, signal, say } = options;
  const { config } = base;
  if (!runtimeInstalled) installTemporalRuntime(config, logger);
  runtimeInstalled = true;
  const address = config.temporalAddress ?? 'the default address';
  const connection = await up.step('Temporal reached', 'Check TEMPORAL_ADDRESS', async () => {
    const timer = setTimeout(() => say(`Waiting for Temporal at ${address} (TEMPORAL_ADDRESS)`), TELL_AFTER_MS);
    const found = await connectPatiently(config, logger, options.stop).finally(() => clearTimeout(timer));
    if (!found) throw new Error('The machine was asked to leave before Temporal was there');
    up.onEnd(() => found.close());
    const client = createClient(found, config.temporalNamespace);
    const wait = (other: string) => say(`Machine ${machineId} was seen on ${other} just now: looking whether it lives`);
    await refuseTwin(client, machineId, facts, wait, signal);
    return [found, `${address}, namespace ${config.temporalNamespace}`];
  });
  const client = createClient(connection, config.temporalNamespace);
  const announcer = new Announcer({ client, machineId, boot, logger, onReplaced: options.onReplaced });
  let goodbye!: (end: Omit<PresenceEnd, 'card'>) => void;
  const gone = new Promise<Omit<PresenceEnd, 'card'>>((resolve) => {
    goodbye = resolve;
  });
  let worker: { shutdown(): void; getState(): string } | undefined;
  let run = Promise.resolve();
  // Everything else has stopped by then: the card shows it until the last.
  up.onEnd(async () => {
    announcer.stop();
    goodbye(await leaving);
    if (worker?.getState() === 'RUNNING') worker.shutdown();
    await Promise.race([run, new Promise((resolve) => setTimeout(resolve, LAST_WORDS_MS).unref())]);
  });
  const activities = {
    presence: createPresence({
      bootId: boot.boot_id,
      card: () => card.card(),
      onChange: (listener) => card.onChange(listener),
      leaving: gone,
      began(task) {
        logger.info({ generation: task.generation }, 'present');
        announcer.began(task);
      },
      ended: (task) => announcer.ended(task),
      foreign: () => announcer.foreign(),
    }),
    machineCommand: createMachineCommand({ bootId: boot.boot_id, handlers, clock, logger }),
  };

  return {
    announce: () =>
      up.step('presence announced', 'Temporal has to take it: look at its log', async () => {
        const identity = processIdentity(`machine/${machineId}`);
        const own = await createMachineWorker({ connection, config, machineId, identity, activities });
        worker = own;
        run = own.run().catch((error: unknown) => {
          logger.error({ err: error }, 'the worker of the machine failed');
          options.onFailed(`its own worker failed: ${(error as Error).message}`);
        });
        await announcer.announce();
        const noticed = await Promise.race([
          announcer.firstPresence.then(() => true),
          new Promise<false>((resolve) => setTimeout(() => resolve(false), NOTICED_MS)),
        ]);
        const result = noticed
          ? `machine/${machineId}, boot ${boot.boot_id}`
          : 'no orchestrator has taken note yet: it will when one is there';
        return [undefined, result];
      }),
  };
}
