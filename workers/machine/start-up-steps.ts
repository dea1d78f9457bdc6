import { createHash } from 'node:crypto';
import { accessSync, constants, mkdirSync, statfsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DestinationStream } from 'pino';
import { sweepWorkDirs } from '../../activities/process-job/work-dir.ts';
import type { MachineFacts } from '../../contract/machine-facts.ts';
import { prepareDataDir } from '../../platform/config/data-dir.ts';
import { loadSite } from '../../platform/config/load-site.ts';
import { SETTINGS } from '../../platform/config/settings.ts';
import { detectMachine } from '../../platform/machine/detect-machine.ts';
import { tryLock } from '../../platform/processes/file-lock.ts';
import { launchNode } from '../../platform/processes/node-process.ts';
import { openRotatingLog } from '../../platform/processes/rotating-log.ts';
import { loadProcess, type ProcessBase } from '../process/load-process.ts';
import { findMissingEnv, missingProblems } from '../pool/required-env.ts';
import { ConfigError } from '../../platform/config/config-error.ts';
import { defaultWorkers } from './default-workers.ts';
import { KeptWorker } from './kept-worker.ts';
import { folderOfInstances } from './instances/start-instances.ts';
import { type MachinePlan, planMachineProcesses, type WorkerProcess } from './plan-machine-processes.ts';
import { installService } from './services/install-service.ts';
import { openServiceRecords, type ServiceRecords } from './services/service-records.ts';
import { createServiceSupervisor, type ServiceSupervisor } from './services/supervisor.ts';
import type { StartUp } from './start-up.ts';

/** On top of the grace that workers give their jobs. Milliseconds. */
const LEAVE_MS = 6_000;

export function loadConfiguration(
  up: StartUp,
  env: NodeJS.ProcessEnv,
  log: DestinationStream | undefined,
): Promise<ProcessBase> {
  return up.step(
    'configuration loaded',
    '"switchyard config show --origin" tells where each value is from',
    async () => {
      const base = await loadProcess('machine', env, log);
      prepareDataDir(base.config.dataDir);
      const { origins, file } = loadSite(env);
      const count = (origin: string) => Object.values(origins).filter((one) => one === origin).length;
      const parts = [
        `${Object.keys(SETTINGS).length} settings`,
        `${count('environment')} from the environment`,
        ...(file ? [`${count('file')} from ${file}`] : []),
        `data in ${base.config.dataDir}`,
      ];
      return [base, parts.join(', ')];
    },
  );
}

export function detect(up: StartUp, base: ProcessBase): Promise<{ facts: MachineFacts; plan: MachinePlan }> {
  return up.step('machine type detected', '', async () => {
    const { config } = base;
    const facts = await detectMachine({ dataDir: config.dataDir, mockGpus: config.mockGpus });
    const chosen = config.workers.length > 0 ? undefined : defaultWorkers(base, facts.gpus.length);
    const planned = chosen
      ? await planMachineProcesses({ config, catalog: chosen.catalog }, chosen.entries, {
          servicesDir: config.servicesDir,
          roots: [...config.serviceRoots, ...chosen.roots],
        })
      : await planMachineProcesses(base, config.workers);
    const plan = { ...planned, workers: planned.workers.map((worker) => withInstances(worker, base)) };
    const routes = plan.workers.flatMap(({ workerId }) =>
      [...base.catalog.services.values()].flatMap(({ routes: all }) => all.filter((one) => one.worker_id === workerId)),
    );
    // What a service of the machine tells its worker need not be in the environment.
    const told = Object.assign({}, ...plan.workers.map((worker) => worker.env)) as Record<string, string>;
    const sources = { discovered: base.discovered, env: { ...base.env, ...told }, folder: base.envFiles.folder };
    const { missing } = await findMissingEnv(routes, sources);
    if (missing.length > 0)
      throw new ConfigError('WORKERS asks for workers that cannot start', missingProblems(missing, sources.folder));
    for (const problem of facts.gpu_problems) base.logger.warn({ problem }, 'a GPU cannot be used');
    const gpus = facts.gpus.map(({ name }) => name);
    const devices = gpus.length > 0 ? `${gpus.length} × ${[...new Set(gpus)].join(', ')}` : 'no GPU';
    const memory = `${Math.round(facts.memory.total_bytes / 1e9)} GB memory`;
    const runs = [...plan.services.instances, ...plan.workers].map(({ name }) => name).join(', ');
    return [
      { facts, plan },
      `${devices}, ${facts.cpu.usable} cores, ${memory}; runs ${runs}${chosen ? ' (WORKERS is not set)' : ''}`,
    ];
  });
}

/** A worker that sends its jobs to the machine's instances is told where they are kept. */
function withInstances(worker: WorkerProcess, base: ProcessBase): WorkerProcess {
  const name = 'SWITCHYARD_INSTANCES_DIR';
  if (!worker.requiredEnv.includes(name)) return worker;
  return { ...worker, env: { ...worker.env, [name]: folderOfInstances(base) } };
}

export function cleanLeftOvers(
  up: StartUp,
  { config, env, logger }: ProcessBase,
  plan: MachinePlan,
  machineId: string,
): Promise<{ supervisor: ServiceSupervisor; records: ServiceRecords }> {
  return up.step(
    'left-overs cleaned',
    'Stop them by hand, or start the machine with another data directory',
    async () => {
      const runDir = join(config.dataDir, 'run', `machine-${machineId}`);
      const lock = tryLock(join(runDir, 'machine.lock'));
      if ('pid' in lock) throw new Error(`Machine ${machineId} runs already on ${config.dataDir}: process ${lock.pid}`);
      up.onEnd(async () => lock.release());
      // Two machines of one name on a box, each with its own data, must not take each other for a left-over.
      const scope = `${machineId}.${createHash('sha256').update(config.dataDir).digest('hex').slice(0, 8)}`;
      const supervisor = createServiceSupervisor({ runDir, logsDir: plan.logsDir, scope, env, logger });
      up.onEnd(() => supervisor.close());
      const records = openServiceRecords(join(runDir, 'workers'), `${scope}.workers`);
      const left = [...(await records.cleanUp()), ...(await supervisor.cleanUpLeftOvers())];
      return [{ supervisor, records }, left.length > 0 ? `stopped ${left.join(', ')} of an earlier life` : 'none'];
    },
  );
}

export function prepareFolders(up: StartUp, { config }: ProcessBase, plan: MachinePlan): Promise<void> {
  const hint = 'SWITCHYARD_DATA_DIR and SWITCHYARD_SERVICES_DIR say where they are';
  return up.step('folders prepared', hint, async () => {
    const work = join(config.dataDir, 'work');
    const folders = [config.dataDir, plan.logsDir, work, join(config.dataDir, 'artifacts'), config.servicesDir];
    for (const folder of folders) {
      mkdirSync(folder, { recursive: true });
      accessSync(folder, constants.W_OK);
    }
    await sweepWorkDirs(work, Date.now());
    const { bavail, bsize } = statfsSync(config.dataDir);
    return [undefined, `${Math.round((bavail * bsize) / 1e9)} GB free in ${config.dataDir}`];
  });
}

export function installServices(
  up: StartUp,
  { env, logger }: ProcessBase,
  plan: MachinePlan,
  signal: AbortSignal,
  say: (line: string) => void,
): Promise<void> {
  return up.step('services installed', 'The machine can be started again: it goes on where it stopped', async () => {
    let ran = 0;
    for (const install of plan.services.installs) {
      const result = await installService(install, {
        logsDir: plan.logsDir,
        env,
        signal,
        onStep: (step) => {
          logger.info(step, 'installing');
          if (step.state === 'started')
            say(`  installing ${step.service}: ${step.step} (${step.number} of ${step.of})`);
        },
        onWait: (holder) => say(`  process ${holder.pid} installs ${install.service}; waiting for it`),
      });
      ran += result.ran.length;
    }
    const { length } = plan.services.installs;
    return [undefined, length === 0 ? 'none to install' : `${length}, ${ran} steps that were not done before`];
  });
}

export function startServices(up: StartUp, supervisor: ServiceSupervisor, plan: MachinePlan): Promise<void> {
  return up.step('services started', '', async () => {
    const { instances } = plan.services;
    await Promise.all(instances.map((instance) => supervisor.start(instance)));
    const what = instances.map(({ name, ports }) => (ports[0] === undefined ? name : `${name} on port ${ports[0]}`));
    return [undefined, what.join(', ') || 'none'];
  });
}

export interface StartWorkersOptions {
  base: ProcessBase;
  plan: MachinePlan;
  records: ServiceRecords;
  /** The environment that the machine was started with. */
  env: NodeJS.ProcessEnv;
  machineId: string;
  tell: (line: string) => void;
  /** Told before any of them is started. */
  onWorkers: (workers: readonly KeptWorker[]) => void;
  onChange: () => void;
  onFailed: (name: string, why: string) => void;
}

export function startWorkers(up: StartUp, options: StartWorkersOptions): Promise<readonly KeptWorker[]> {
  return up.step('workers started', '', async () => {
    const { base, plan, records, machineId, tell } = options;
    const { config, logger } = base;
    const module = join(dirname(fileURLToPath(import.meta.url)), '../pool-main.js');
    const env: NodeJS.ProcessEnv = {
      ...options.env,
      MACHINE_ID: machineId,
      SWITCHYARD_DATA_DIR: config.dataDir,
      SWITCHYARD_CONFIG_DIR: config.configDir,
      TEMPORAL_NAMESPACE: config.temporalNamespace,
      ...(config.temporalAddress === undefined ? {} : { TEMPORAL_ADDRESS: config.temporalAddress }),
      // The machine's own health server has the first port.
      SWITCHYARD_HEALTH_PORT: String(config.healthPort === 0 ? 0 : config.healthPort + 1),
    };
    const workers = plan.workers.map((worker) => {
      const log = openRotatingLog(join(plan.logsDir, `worker-${worker.name}.log`));
      up.onEnd(async () => log.close());
      const name = `worker ${worker.name}`;
      return new KeptWorker({
        plan: worker,
        records,
        launch: (args, own) =>
          launchNode({
            ...{ name: worker.name, module, args, cwd: process.cwd(), log },
            env: { ...env, ...own },
            show: (line) => tell(`${name}: ${line}`),
          }),
        graceMs: config.shutdownGrace + LEAVE_MS,
        onChange: options.onChange,
        onFailed: (why) => options.onFailed(worker.name, why),
        tell: (line) => logger.warn({ worker: worker.name }, line),
      });
    });
    options.onWorkers(workers);
    up.onEnd(async () => {
      await Promise.all(workers.map((worker) => worker.stop()));
    });
    await Promise.all(
      workers.map((worker) =>
        worker.start().catch((error: unknown) => {
          const log = join(plan.logsDir, `worker-${worker.plan.name}.log`);
          throw new Error(
            `worker ${worker.plan.name} could not be started: it ${(error as Error).message}. Its log: ${log}`,
            {
              cause: error,
            },
          );
        }),
      ),
    );
    return [workers, workers.map(({ plan: one }) => `${one.name} (${one.taskQueues.join(', ')})`).join('; ')];
  });
}
