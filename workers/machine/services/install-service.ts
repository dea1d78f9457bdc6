import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { withFileLock } from '../../../platform/processes/file-lock.ts';
import { readJsonFile, writeJsonFile } from '../../../platform/processes/json-file.ts';
import type { ProcessIdentity } from '../../../platform/processes/process-identity.ts';
import { openRotatingLog, type RotatingLog } from '../../../platform/processes/rotating-log.ts';
import type { InstallStep } from './definition.schema.ts';
import { runInstallStep, stepName } from './install-steps.ts';
import { ServiceError } from './service-error.ts';
import type { InstallPlan } from './service-plan.ts';

export interface InstallOptions {
  /** `install-<service>.log` is written there. */
  logsDir: string;
  /** Our own environment, of which an allow-list is handed on. */
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  /** A step begins, was found done, or ended. */
  onStep?: (step: InstallProgress) => void;
  /** Somebody else installs this service; told once. */
  onWait?: (holder: ProcessIdentity) => void;
}

export interface InstallProgress {
  service: string;
  step: string;
  /** From 1. */
  number: number;
  of: number;
  state: 'started' | 'done' | 'skipped' | 'failed';
  seconds?: number;
}

export interface InstallResult {
  /** Names of the steps that were run; empty when all was there. */
  ran: string[];
  skipped: string[];
  log_file: string;
}

/** Beside the service's files, so that who removes the folder removes what says that it is installed. */
const MARKS = '.switchyard';

interface StepMark {
  step: string;
  hash: string;
  finished_at: string;
}

/**
 * Brings a service's files into place. Each step leaves a mark when it is done: what is marked is not done again, an
 * interrupted installation goes on where it stopped, and a step that was changed is done anew with all that follow.
 * Of several that install the same, one works and the others wait and find it done.
 * @throws ServiceError `service_unavailable` with the step, its last words and its log; the signal's reason
 */
export async function installService(plan: InstallPlan, options: InstallOptions): Promise<InstallResult> {
  options.signal.throwIfAborted();
  mkdirSync(join(plan.dir, MARKS), { recursive: true });
  return withFileLock(
    join(plan.dir, MARKS, 'install.lock'),
    (holder) => options.onWait?.(holder),
    () => installNow(plan, options),
    options.signal,
  );
}

async function installNow(plan: InstallPlan, options: InstallOptions): Promise<InstallResult> {
  const logFile = join(options.logsDir, `install-${plan.service}.log`);
  const log = openRotatingLog(logFile);
  const timeout = AbortSignal.timeout(plan.timeoutMs);
  const signal = AbortSignal.any([options.signal, timeout]);
  const result: InstallResult = { ran: [], skipped: [], log_file: logFile };
  let hash = '';
  try {
    for (const [index, step] of plan.steps.entries()) {
      const name = stepName(step, index);
      hash = digest(hash, step);
      const mark = join(plan.dir, MARKS, `step-${index + 1}.json`);
      const tell = (state: InstallProgress['state'], seconds?: number) =>
        options.onStep?.({
          service: plan.service,
          step: name,
          number: index + 1,
          of: plan.steps.length,
          state,
          seconds,
        });
      if (readJsonFile<StepMark>(mark)?.hash === hash) {
        result.skipped.push(name);
        tell('skipped');
        continue;
      }
      tell('started');
      const from = performance.now();
      note(log, plan.service, `step ${index + 1} of ${plan.steps.length}: ${name}`);
      try {
        await runInstallStep(step, { plan, env: options.env, log, signal });
      } catch (error) {
        tell('failed', (performance.now() - from) / 1_000);
        options.signal.throwIfAborted();
        throw explain(plan, name, timeout.aborted ? timedOut(plan) : (error as Error), logFile);
      }
      writeJsonFile(mark, { step: name, hash, finished_at: new Date().toISOString() } satisfies StepMark);
      result.ran.push(name);
      tell('done', (performance.now() - from) / 1_000);
    }
    return result;
  } finally {
    log.close();
  }
}

/** A step's hash holds those before it: a change of one makes all that follow be done anew. */
function digest(before: string, step: InstallStep): string {
  return createHash('sha256').update(before).update(JSON.stringify(step)).digest('hex');
}

function note(log: RotatingLog, name: string, msg: string): void {
  log.write(JSON.stringify({ level: 'info', time: new Date().toISOString(), name, msg }));
}

function timedOut({ timeoutMs }: InstallPlan): Error {
  return new Error(`install_timeout (${timeoutMs / 1_000} s) is over`);
}

function explain({ service }: InstallPlan, step: string, error: Error, logFile: string): ServiceError {
  return new ServiceError(
    'service_unavailable',
    `${service} could not be installed: step "${step}": ${error.message}. Its log: ${logFile}. The next try goes on with this step`,
    { cause: error },
  );
}
