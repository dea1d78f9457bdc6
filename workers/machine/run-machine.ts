import { join } from 'node:path';
import { loadSite } from '../../platform/config/load-site.ts';
import { ServerClock } from '../../activities/machine/server-clock.ts';
import { untilAskedToStop } from '../process/lifecycle.ts';
import type { StartExtension } from './extension.ts';
import { startInstances } from './instances/start-instances.ts';
import { machineLog } from './machine-log.ts';
import { MachineLifeTime } from './machine-life.ts';
import { StartUpError } from './start-up.ts';

export interface MachineOptions {
  /** Default: the setting, else the host name. */
  id?: string;
  /** Entries of WORKERS. Default: the setting. */
  workers?: readonly string[];
  /** Default: the setting. */
  mockGpus?: number;
  /** A line for people; with it the log goes to a file. Without it the log, on standard output, tells everything. */
  tell?: (line: string) => void;
  /** Parts with commands of their own. Default: the ComfyUI instances. */
  extensions?: readonly StartExtension[];
}

/** The configuration is wrong: starting again does not help. */
const EXIT_CONFIG = 2;

/**
 * A machine as a process: finds out what it has, starts its services and workers, watches them, shows itself and takes
 * commands, until it is asked to leave.
 * @returns the exit code: 0 after an ordered stop, 1 when its restarts are spent or it could not be started, 2 when its
 *   configuration is wrong
 */
export async function runMachineProcess(options: MachineOptions): Promise<number> {
  const stop = untilAskedToStop();
  const clock = new ServerClock();
  const env = environmentOf(options);
  for (;;) {
    const { config } = loadSite(env);
    const log = options.tell ? machineLog(join(config.dataDir, 'logs', 'machine.log'), options.tell) : undefined;
    const life = new MachineLifeTime({
      env,
      stop,
      clock,
      tell: options.tell,
      log,
      extensions: options.extensions ?? [startInstances],
    });
    try {
      const end = await life.run();
      if (end.reason === 'restarting') {
        options.tell?.('Starting anew');
        continue;
      }
      return end.reason === 'stopped' ? 0 : 1;
    } catch (error) {
      if (!(error instanceof StartUpError)) throw error;
      process.stderr.write(`${error.message}\n`);
      return (error.cause as Error | undefined)?.name === 'ConfigError' ? EXIT_CONFIG : 1;
    } finally {
      log?.close();
    }
  }
}

function environmentOf({ id, workers, mockGpus }: MachineOptions): NodeJS.ProcessEnv {
  return {
    ...process.env,
    ...(id === undefined ? {} : { MACHINE_ID: id }),
    ...(workers === undefined ? {} : { WORKERS: workers.join(',') }),
    ...(mockGpus === undefined ? {} : { SWITCHYARD_MOCK_GPUS: String(mockGpus) }),
  };
}
