import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { DestinationStream } from 'pino';
import type { CommandHandlers } from '../../activities/machine/machine-command.ts';
import type { ServerClock } from '../../activities/machine/server-clock.ts';
import type { PresenceEnd } from '../../contract/machine-presence.ts';
import type { Logger } from '../../platform/logging/logger.ts';
import { detectMachine } from '../../platform/machine/detect-machine.ts';
import { readProcessTable } from '../../platform/processes/process-table.ts';
import { projectRoot } from '../../platform/project-root.ts';
import { announceReady } from '../process/lifecycle.ts';
import type { ProcessBase } from '../process/load-process.ts';
import { startHealthServer } from '../process/health-server.ts';
import { CardSource } from './card-source.ts';
import { comfyUICommands } from './commands/comfyui-commands.ts';
import { machineCommands } from './commands/machine-commands.ts';
import { serviceCommands } from './commands/service-commands.ts';
import type { MachineExtension, StartExtension } from './extension.ts';
import type { KeptWorker } from './kept-worker.ts';
import { createMachineMetrics } from './machine-metrics.ts';
import { MachineStatus } from './machine-state.ts';
import { mindServices } from './mind-services.ts';
import { joinTemporal } from './join-temporal.ts';
import { releaseResources } from './release-resources.ts';
import { ResourceWatch } from './resource-watch.ts';
import type { ServiceSupervisor } from './services/supervisor.ts';
import {
  cleanLeftOvers,
  detect,
  installServices,
  loadConfiguration,
  prepareFolders,
  startServices,
  startWorkers,
} from './start-up-steps.ts';
import { StartUp, type StartUpStep } from './start-up.ts';

export interface MachineLifeOptions {
  env: NodeJS.ProcessEnv;
  /** Settles when the process is asked to leave. */
  stop: Promise<string>;
  clock: ServerClock;
  tell?: ((line: string) => void) | undefined;
  log?: DestinationStream | undefined;
  extensions: readonly StartExtension[];
}

/** Between two looks at what the machine has left. Milliseconds. */
const LOOK_MS = 5_000;
const EXHAUSTED = 'the machine has run out of something';

/** One life of a machine: from its start-up to its end. */
export class MachineLifeTime {
  readonly #options: MachineLifeOptions;
  readonly #bootId = randomUUID();
  readonly #startedAt = Date.now();
  readonly #leaving = new AbortController();
  readonly #startUp: StartUp;
  #logger: Logger | undefined;
  #workers: readonly KeptWorker[] = [];
  #supervisor: ServiceSupervisor | undefined;
  #extensions: MachineExtension[] = [];
  readonly #status = new MachineStatus(
    () => this.#workers.every(({ idle }) => idle),
    () => this.#card?.changed(),
  );
  #card: CardSource | undefined;
  #isUp = false;
  #early: string | undefined;
  #leave!: (end: Omit<PresenceEnd, 'card'>) => void;
  readonly #end = new Promise<Omit<PresenceEnd, 'card'>>((resolve) => {
    this.#leave = resolve;
  });

  constructor(options: MachineLifeOptions) {
    this.#options = options;
    this.#startUp = new StartUp((step) => this.#onStep(step));
  }

  /**
   * @returns why it ended, after everything it had started was stopped
   * @throws StartUpError when it could not be started; nothing of it is left
   */
  async run(): Promise<Omit<PresenceEnd, 'card'>> {
    void this.#options.stop.then((why) => this.#leave({ reason: 'stopped', message: why }));
    const emergency = () => this.#killNow();
    process.on('exit', emergency);
    const up = this.#bringUp();
    let end: Omit<PresenceEnd, 'card'>;
    try {
      const outcome = await Promise.race([up.then(() => undefined), this.#end]);
      end = outcome ?? (await this.#end);
    } catch (error) {
      this.#leave({ reason: 'failed' });
      await this.#takeDown({ reason: 'failed' });
      throw error;
    } finally {
      process.off('exit', emergency);
    }
    process.on('exit', emergency);
    // Bringing it up may still be going on; that it then fails is nobody's concern.
    up.catch(() => {});
    await this.#takeDown(end);
    process.off('exit', emergency);
    return end;
  }

  async #bringUp(): Promise<void> {
    const { env, log, tell, clock } = this.#options;
    const up = this.#startUp;
    const signal = this.#leaving.signal;
    const say = (line: string) => tell?.(line);
    const base = await loadConfiguration(up, env, log);
    this.#logger = base.logger;
    for (const step of up.steps) this.#log(step);
    const machineId = base.config.machineId ?? idOfHost();
    const logger = base.logger.child({ machine_id: machineId });
    this.#logger = logger;
    const { facts, plan } = await detect(up, base);
    const { supervisor, records } = await cleanLeftOvers(up, base, plan, machineId);
    this.#supervisor = supervisor;
    const version = versionOf();
    const boot = { boot_id: this.#bootId, hostname: hostname(), version };
    const card = new CardSource({
      ...{ machineId, bootId: this.#bootId, version, startedAt: this.#startedAt, status: this.#status, facts },
      services: () => supervisor.list().filter(({ name }) => plan.services.instances.some((one) => one.name === name)),
      instances: () => this.#extensions.flatMap((extension) => extension.instances()),
      workers: () => this.#workers.map((worker) => worker.card()),
    });
    this.#card = card;
    const handlers: CommandHandlers = {};
    const presence = await joinTemporal({
      ...{ up, base, logger, machineId, boot, facts, card, handlers, clock, signal, say },
      leaving: this.#end,
      stop: this.#end,
      onReplaced: (by) => this.#fail(`another process took the id ${machineId} over, on host ${by.hostname}`),
      onFailed: (why) => this.#fail(why),
    });
    signal.throwIfAborted();
    await prepareFolders(up, base, plan);
    await installServices(up, base, plan, signal, say);
    signal.throwIfAborted();
    await startServices(up, supervisor, plan);
    for (const start of this.#options.extensions) {
      const extension = await start({
        ...{ machineId, base, plan, supervisor, logger },
        facts: () => card.facts,
        changed: () => card.changed(),
      });
      this.#extensions.push(extension);
      up.onEnd(() => extension.close());
    }
    signal.throwIfAborted();
    await startWorkers(up, {
      ...{ base, plan, records, env, machineId },
      tell: say,
      onWorkers: (workers) => {
        this.#workers = workers;
        const unmind = mindServices({
          ...{ supervisor, logger, workers },
          onChange: () => card.changed(),
          onFailed: (name, why) => this.#fail(`service ${name} ${why}, and its restarts are spent`),
        });
        up.onEnd(async () => unmind());
      },
      onChange: () => card.changed(),
      onFailed: (name, why) => this.#fail(`worker ${name} ${why}, and its restarts are spent`),
    });
    Object.assign(
      handlers,
      machineCommands({
        status: this.#status,
        workers: this.#workers,
        leave: (reason, by) => this.#leave({ reason, message: by }),
      }),
      serviceCommands({
        supervisor,
        plans: plan.services.instances,
        logsDir: plan.logsDir,
        logs: () => [
          ...supervisor.list().map(({ name }) => name),
          ...plan.workers.map(({ name }) => `worker-${name}`),
          ...plan.services.installs.map(({ service }) => `install-${service}`),
        ],
      }),
      comfyUICommands(plan.services.instances, base.env),
      ...this.#extensions.map((extension) => extension.handlers),
    );
    this.#watch(base, plan.logsDir, plan.services.instances, handlers, card);
    const healthUrl = await this.#serveHealth(base, machineId, card);
    this.#status.become('ready');
    await presence.announce();
    this.#isUp = true;
    if (this.#early !== undefined) this.#fail(this.#early);
    logger.info({ health_url: healthUrl, boot_id: this.#bootId }, 'machine ready');
    const seconds = ((Date.now() - this.#startedAt) / 1_000).toFixed(1);
    say(
      `\nMachine ${machineId} is ready (${seconds} s). Its health: ${healthUrl}/status; to look at it: switchyard machine get ${machineId}\n`,
    );
    announceReady({ health_url: healthUrl, machine_id: machineId, boot_id: this.#bootId });
  }

  #watch(
    base: ProcessBase,
    logsDir: string,
    plans: Parameters<typeof releaseResources>[0]['plans'],
    handlers: CommandHandlers,
    card: CardSource,
  ): void {
    const { config } = base;
    const logger = this.#logger as Logger;
    const workersOn = (gpu: number) => this.#workers.filter(({ plan }) => plan.gpus.includes(gpu));
    const watch = new ResourceWatch({
      logger,
      idle: ({ index }) => workersOn(index).every(({ activeJobs }) => activeJobs === 0),
      onChange: (lacks, found) => {
        this.#status.setLacks(lacks);
        const all = found.some(({ what }) => what !== 'vram');
        const held = new Set(
          all ? this.#workers : found.flatMap(({ gpu }) => (gpu === undefined ? [] : workersOn(gpu))),
        );
        for (const worker of this.#workers) {
          if (held.has(worker)) worker.hold(EXHAUSTED);
          else worker.release(EXHAUSTED);
        }
      },
      release: releaseResources({
        ...{ dataDir: config.dataDir, logsDir, servicesDir: config.servicesDir, plans, handlers, logger },
      }),
    });
    let busy = false;
    const look = async () => {
      if (busy) return;
      busy = true;
      try {
        const table = readProcessTable();
        await Promise.all(this.#workers.map((worker) => worker.look(table)));
        const facts = await detectMachine({ dataDir: config.dataDir, mockGpus: config.mockGpus });
        card.setFacts(facts);
        watch.look(facts);
      } catch (error) {
        logger.warn({ err: error }, 'the machine could not be looked at');
      } finally {
        busy = false;
      }
    };
    const timer = setInterval(() => void look(), LOOK_MS);
    this.#startUp.onEnd(async () => clearInterval(timer));
  }

  #serveHealth(base: ProcessBase, machineId: string, card: CardSource): Promise<string> {
    const { config, logger } = base;
    const view = () => card.card();
    return this.#startUp.step(
      'health server started',
      'SWITCHYARD_HEALTH_PORT and SWITCHYARD_HEALTH_HOST say where it listens',
      async () => {
        const server = await startHealthServer({
          host: config.healthHost,
          port: config.healthPort,
          logger,
          metrics: createMachineMetrics(machineId, view),
          health: () => {
            const { state, state_reason: reason, services, workers } = view();
            const sick = [
              ...services.filter((one) => one.state !== 'running').map((one) => `service ${one.name}: ${one.state}`),
              ...workers.filter((one) => one.state === 'failed').map((one) => `worker ${one.name}: ${one.state}`),
            ];
            const healthy = ['ready', 'draining', 'drained'].includes(state) && sick.length === 0;
            return { healthy, status: state, ...(reason === undefined ? {} : { reason }), problems: sick };
          },
          status: () => ({
            role: 'machine',
            uptime_seconds: Math.round(process.uptime()),
            memory_bytes: process.memoryUsage.rss(),
            start_up: this.#startUp.steps,
            card: view(),
          }),
        });
        this.#startUp.onEnd(() => server.close());
        return [server.url, server.url];
      },
    );
  }

  #fail(message: string): void {
    if (!this.#isUp) {
      // The step that meets it tells it better; else it is told when all is up.
      this.#early ??= message;
      return;
    }
    this.#logger?.error({ reason: message }, 'the machine has failed and leaves; its jobs go elsewhere');
    this.#status.become('failed', message);
    this.#leave({ reason: 'failed', message });
  }

  async #takeDown({ reason, message }: Omit<PresenceEnd, 'card'>): Promise<void> {
    if (reason !== 'failed') this.#status.become('stopping', message);
    this.#options.tell?.(
      `Leaving (${message ?? reason}): workers get their grace time to bring their jobs to a good place`,
    );
    this.#logger?.info({ reason, message }, 'machine leaving');
    this.#leaving.abort(new Error('The machine leaves'));
    await this.#startUp.end((error) => this.#logger?.warn({ err: error }, 'something did not stop as it should'));
    this.#logger?.info({ reason }, 'machine stopped');
    this.#options.tell?.('Stopped');
  }

  #killNow(): void {
    for (const worker of this.#workers) worker.killNow();
    this.#supervisor?.killNow();
  }

  #onStep(step: StartUpStep): void {
    this.#options.tell?.(`${step.name.padEnd(28)} ${step.seconds.toFixed(2).padStart(7)} s  ${step.result}`);
    this.#log(step);
  }

  #log(step: StartUpStep): void {
    this.#logger?.info({ step: step.name, seconds: step.seconds, result: step.result }, 'start-up');
  }
}

function versionOf(): string {
  return (JSON.parse(readFileSync(join(projectRoot(), 'package.json'), 'utf8')) as { version: string }).version;
}

/** A host name as it may stand in a queue's name. */
function idOfHost(): string {
  const id = hostname()
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, '-')
    .replace(/^[^a-z0-9]+/, '')
    .slice(0, 63);
  return id || 'machine';
}
