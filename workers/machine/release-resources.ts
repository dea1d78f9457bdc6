import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { CommandHandlers } from '../../activities/machine/machine-command.ts';
import { sweepWorkDirs } from '../../activities/process-job/work-dir.ts';
import type { MachineCommand } from '../../contract/machine-command.ts';
import type { Logger } from '../../platform/logging/logger.ts';
import type { Exhaustion } from '../../platform/machine/exhaustion.ts';
import type { InstancePlan } from './services/service-plan.ts';

export interface ReleaseOptions {
  dataDir: string;
  logsDir: string;
  servicesDir: string;
  plans: readonly InstancePlan[];
  handlers: CommandHandlers;
  logger: Logger;
}

/** A job's folder that nobody has touched for so long, on a full disk. Milliseconds. */
const STALE_WORK_MS = 3_600_000;
/** Logs that were put aside. */
const PUT_ASIDE = /\.log\.\d+$/;

/** Gives free what a machine can do without: models in the memory of ComfyUI, temporary files, old logs. */
export function releaseResources(options: ReleaseOptions): (found: readonly Exhaustion[]) => Promise<void> {
  return async (found) => {
    const wants = (what: Exhaustion['what']) => found.some((one) => one.what === what);
    const work: Promise<unknown>[] = [];
    if (wants('disk')) work.push(clearTemporary(options));
    // What is kept in the machine's memory goes with what is kept on a device.
    if (wants('memory') || wants('vram')) work.push(freeModels(options, found));
    const failed = (await Promise.allSettled(work)).filter((one) => one.status === 'rejected');
    for (const { reason } of failed)
      options.logger.warn({ err: reason as unknown }, 'something could not be given free');
  };
}

async function freeModels({ handlers, plans }: ReleaseOptions, found: readonly Exhaustion[]): Promise<void> {
  const free = handlers['vram.free'];
  if (!free || !plans.some(({ workerEnv }) => workerEnv['COMFYUI_URL'] !== undefined)) return;
  const all = found.some(({ what }) => what === 'memory');
  const args = all ? [{}] : found.flatMap(({ gpu }) => (gpu === undefined ? [] : [{ gpu }]));
  const command: MachineCommand = { id: 'release', kind: 'vram.free', args: {}, expires_at: 0 };
  await Promise.all(args.map((one) => free(one, { command, signal: AbortSignal.timeout(30_000) })));
}

async function clearTemporary({ dataDir, logsDir, servicesDir, plans }: ReleaseOptions): Promise<void> {
  await sweepWorkDirs(join(dataDir, 'work'), Date.now(), { staleMs: STALE_WORK_MS });
  for (const name of await readdir(logsDir).catch(() => [] as string[]))
    if (PUT_ASIDE.test(name)) await rm(join(logsDir, name), { force: true });
  for (const { name } of plans) await rm(join(servicesDir, 'data', name, 'temp'), { recursive: true, force: true });
}
