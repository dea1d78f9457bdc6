import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildEnvironment } from '../../../platform/machine/service-environment.ts';
import { followOutput } from '../../../platform/processes/child-output.ts';
import { eachLine } from '../../../platform/processes/each-line.ts';
import type { LiveProcess, ProcessExit } from '../../../platform/processes/keep-running.ts';
import { identify } from '../../../platform/processes/process-identity.ts';
import { MARK_VARIABLE, watchTree, type ProcessTree } from '../../../platform/processes/process-tree.ts';
import type { RotatingLog } from '../../../platform/processes/rotating-log.ts';
import { cannotStart, checkPortsFree } from './examine-instance.ts';
import { ask } from './probe.ts';
import type { InstancePlan } from './service-plan.ts';
import type { ServiceRecord, ServiceRecords } from './service-records.ts';

export interface LaunchDeps {
  records: ServiceRecords;
  log: RotatingLog;
  /** Gets what its log lines say of errors, short. */
  show: (line: string) => void;
  /** Our own environment, of which a little is handed on. */
  env: NodeJS.ProcessEnv;
}

/** One life of an instance. */
export interface InstanceLife extends LiveProcess {
  tree: ProcessTree;
  /** Ends it, with everything it started, for a reason that becomes the reason of its end. */
  end(why: string): void;
}

const PROBE_PAUSE_MS = 100;
const MAX_PROBE_PAUSE_MS = 1_000;
const PROBE_TIMEOUT_MS = 5_000;
/** A program without any probe counts as ready when it has lived so long. */
const STARTED_MS = 1_000;
/** What a leader leaves behind gets so long to leave by itself, or `stopTimeoutMs` when that is less. */
const ORPHAN_GRACE_MS = 2_000;
/** For the last lines, when something that cannot be killed keeps the pipe open. */
const CLOSE_MS = 1_000;

/**
 * Starts an instance in a process group of its own, with a marked environment, and watches until it is ready.
 * @throws ServiceError `conflict` when one of its ports is taken, `service_unavailable` when it cannot be started
 */
export async function launchInstance(plan: InstancePlan, deps: LaunchDeps): Promise<InstanceLife> {
  await checkPortsFree(plan);
  for (const folder of plan.folders) mkdirSync(folder, { recursive: true });
  const mark = deps.records.newMark(plan.name);
  const env: Record<string, string> = { ...buildEnvironment(plan, plan.pathPrepend, deps.env), [MARK_VARIABLE]: mark };
  const [program, ...args] = plan.command;
  const child = spawn(program, args, {
    cwd: plan.cwd,
    env,
    detached: true,
    windowsHide: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // Later ones (a signal that could not be sent) are seen by what does not end.
  child.on('error', () => {});
  const output = followOutput(plan.name, [child.stdout, child.stderr], deps.log, deps.show);
  const matched = watchForLine(plan, child);
  const exit = new Promise<ProcessExit>((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (error: NodeJS.ErrnoException) => reject(cannotStart(plan, error, env['PATH'])));
  });
  const pid = child.pid as number;
  const identity = identify(pid) ?? { pid, started: '' };
  const tree = watchTree(identity, mark);
  noteDown({ ...identity, name: plan.name, mark }, deps);
  let why: string | undefined;
  const life = new AbortController();
  const end = (reason: string) => {
    why ??= reason;
    void tree.kill();
  };
  // It is over when nothing of it is left: its port must be free for the next life.
  const exited = exit.then(async (status) => {
    life.abort();
    if (!(await tree.gone(0))) {
      tree.signal('SIGTERM');
      const left = (await tree.gone(Math.min(ORPHAN_GRACE_MS, plan.stopTimeoutMs))) ? [] : await tree.kill();
      if (left.length > 0) why = `${why ?? inWords(status)}; processes ${left.join(', ')} cannot be killed`;
    }
    await Promise.race([closed, sleep(CLOSE_MS, undefined, { ref: false })]);
    deps.records.remove(plan.name);
    return { ...status, why: why ?? inWords(status) };
  });
  const ready = becomesReady(plan, matched, life.signal).then((problem) => {
    if (problem === undefined) return {};
    if (!life.signal.aborted) end(`was not ready within ${plan.readyTimeoutMs / 1_000} s: it ${problem}`);
    return new Promise<Record<string, unknown>>(() => {});
  });
  return {
    pid,
    tree,
    end,
    ready,
    exited,
    askToStop: () => tree.signal(plan.stopSignal),
    kill: () => void tree.kill(),
    lastWords: output.lastWords,
  };
}

/** On a full disk it runs without a pid file; a later life then finds it by its mark. */
function noteDown(record: ServiceRecord, { records, log }: LaunchDeps): void {
  try {
    records.write(record);
  } catch (error) {
    const msg = `its pid file could not be written: ${(error as Error).message}`;
    log.write(JSON.stringify({ level: 'warn', time: new Date().toISOString(), name: record.name, msg }));
  }
}

/** Settles with the first line that matches, for a program that tells in its output that it is ready. */
function watchForLine({ ready }: InstancePlan, child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (ready.kind !== 'log') return;
    const pattern = new RegExp(ready.pattern);
    for (const stream of [child.stdout, child.stderr])
      if (stream) eachLine(stream, (line) => pattern.test(line) && resolve());
  });
}

/** @returns undefined when it is ready, else what was wrong until the last */
async function becomesReady(
  plan: InstancePlan,
  matched: Promise<void>,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { ready, host, readyTimeoutMs } = plan;
  const pause = (ms: number) => sleep(ms, undefined, { signal }).catch(() => {});
  if (ready.kind === 'started') {
    await pause(STARTED_MS);
    return signal.aborted ? 'ended' : undefined;
  }
  if (ready.kind === 'log') {
    const inTime = await Promise.race([matched.then(() => true), pause(readyTimeoutMs).then(() => false)]);
    return inTime ? undefined : `wrote no line that matches ${ready.pattern}`;
  }
  const deadline = performance.now() + readyTimeoutMs;
  for (let wait = PROBE_PAUSE_MS; ; wait = Math.min(wait * 1.5, MAX_PROBE_PAUSE_MS)) {
    const left = deadline - performance.now();
    const problem = await ask(ready, host, Math.max(1, Math.min(PROBE_TIMEOUT_MS, left)));
    if (signal.aborted) return 'ended';
    if (problem === undefined || performance.now() >= deadline) return problem;
    await pause(Math.min(wait, Math.max(1, deadline - performance.now())));
    if (signal.aborted) return 'ended';
  }
}

function inWords({ code, signal }: ProcessExit): string {
  if (signal === 'SIGKILL') return 'was ended by SIGKILL: by hand, or by the system for want of memory';
  return signal ? `was ended by ${signal}` : `ended with status ${code}`;
}
