import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Child } from '../../bench/child.ts';
import type { MachineOperation } from '../../contract/machine-command.ts';
import type { MachineView } from '../../contract/machine-view.ts';
import { freePort, isPortFree } from '../../platform/processes/free-port.ts';
import { ROOT } from '../house/repository.ts';
import { ProcessStack } from '../harness/process-stack.ts';
import { waitUntil } from '../harness/wait-until.ts';

/** Answers on a port, is sick while a file says so, and dies when it is told to. */
const SERVER = `
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
const [port, sick] = process.argv.slice(2);
console.log('serving on ' + port);
createServer((request, response) => {
  if (request.url === '/die') process.exit(9);
  response.writeHead(existsSync(sick) ? 503 : 200).end('{}');
}).listen(Number(port), '127.0.0.1');
`;

interface MappedWorker {
  service: { capability: string; connector: string; type: string }[];
  [key: string]: unknown;
}

/** API and orchestrator, and a configuration whose machine has a program on each GPU with a worker beside it. */
export class MachineSite {
  readonly stack: ProcessStack;
  readonly env: NodeJS.ProcessEnv;
  readonly port: number;
  readonly #machines: Child[] = [];

  readonly #workers: Record<string, MappedWorker>;

  private constructor(
    stack: ProcessStack,
    env: NodeJS.ProcessEnv,
    port: number,
    workers: Record<string, MappedWorker>,
  ) {
    this.stack = stack;
    this.env = env;
    this.port = port;
    this.#workers = workers;
  }

  /** @param workers more of them for the service mapping */
  static async start(more: NodeJS.ProcessEnv = {}, workers: Record<string, MappedWorker> = {}): Promise<MachineSite> {
    const port = await twoPorts();
    // Every process of a machine loads its connectors: the others would only cost time.
    const env: NodeJS.ProcessEnv = { SIMULATION_STEP_MS: '20', CONNECTORS: 'simulation', ...more };
    const stack = await ProcessStack.start(env);
    const config = join(stack.dataDir, 'config');
    const services = join(stack.dataDir, 'services');
    mkdirSync(join(services, 'painter'), { recursive: true });
    writeFileSync(join(services, 'painter', 'server.mjs'), SERVER);
    configure(config, port, workers);
    Object.assign(stack.env, { SWITCHYARD_CONFIG_DIR: config, SWITCHYARD_SERVICES_DIR: services });
    await stack.server();
    return new MachineSite(stack, env, port, workers);
  }

  /** Writes the configuration of a box of its own, whose first port is this one or the one after it. */
  configure(folder: string, port: number): void {
    configure(folder, port, this.#workers);
  }

  /** @param through see `startChild` */
  async machine(
    id: string,
    env: NodeJS.ProcessEnv = {},
    workers = 'painter:auto',
    { gpus = 2, through = [] }: { gpus?: number; through?: readonly string[] } = {},
  ): Promise<Child> {
    const args = ['--id', id, '--workers', workers, '--mock-gpus', String(gpus)];
    const machine = await this.stack.machine(args, env, through);
    this.#machines.push(machine);
    return machine;
  }

  /** In order, so that their programs go too. */
  async stopMachines(): Promise<void> {
    await Promise.all(this.#machines.splice(0).map((machine) => machine.stop()));
  }

  /** Makes the program on a device sick, or well again. */
  sick(gpu: number, sick: boolean): void {
    const file = join(this.stack.dataDir, 'services', 'painter', `sick-${gpu}`);
    if (sick) writeFileSync(file, '');
    else rmSync(file, { force: true });
  }

  /** Ends the program on the first device, if it is there. */
  async die(): Promise<void> {
    await fetch(`http://127.0.0.1:${this.port}/die`).catch(() => {});
  }

  async view(id: string): Promise<MachineView> {
    const response = await fetch(`${this.stack.api}/api/machines/${id}`);
    if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
    return (await response.json()) as MachineView;
  }

  async until(id: string, wanted: (view: MachineView) => boolean): Promise<MachineView> {
    let last: MachineView | undefined;
    try {
      return await waitUntil(async () => {
        last = await this.view(id);
        return wanted(last) && last;
      }, 90_000);
    } catch (error) {
      throw new Error(`machine ${id} did not get there; it is ${JSON.stringify(last)}`, { cause: error });
    }
  }

  async command(id: string, kind: string, args: object = {}): Promise<MachineOperation> {
    const response = await fetch(`${this.stack.api}/api/machines/${id}/commands`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ kind, args }),
    });
    return (await response.json()) as MachineOperation;
  }

  stop(): Promise<void> {
    return this.stack.stop();
  }
}

function configure(folder: string, port: number, workers: Record<string, MappedWorker>): void {
  mkdirSync(folder);
  writeFileSync(join(folder, 'pools.json'), readFileSync(join(ROOT, 'config/pools.json')));
  writeFileSync(join(folder, 'service-mapping.json'), JSON.stringify(mapping(port, workers)));
}

function mapping(port: number, more: Record<string, MappedWorker>) {
  return {
    connectors: Object.fromEntries(
      [
        'SimulationConnector',
        ...Object.values(more).flatMap(({ service }) => service.map(({ connector }) => connector)),
      ].map((name) => [name, {}]),
    ),
    workers: {
      ...more,
      painter: {
        service: [{ capability: 'simulation', connector: 'SimulationConnector', type: 'internal' }],
        pools: ['standard'],
        installer: 'http',
        resource_binding: 'gpu',
        build_stage: 'base',
        ports: [port],
        max_concurrent_jobs: 1,
        installer_config: {
          command: ['node', 'server.mjs', '{port}', 'sick-{gpu}'],
          worker_env: { PAINTER_URL: 'http://{host}:{port}' },
          alive: { http: '/health', interval: '500ms', timeout: '5s', failures: 1000 },
          restart: { max: 3, delay: '200ms' },
          stop_timeout: '3s',
        },
      },
      broken: {
        service: [{ capability: 'simulation', connector: 'SimulationConnector', type: 'internal' }],
        pools: ['heavy'],
        installer: 'http',
        resource_binding: 'shared',
        build_stage: 'base',
        ports: [port + 1],
        installer_config: {
          dir: 'painter',
          command: ['node', '-e', 'console.error("no model found"); process.exit(3)'],
          restart: { max: 0 },
        },
      },
    },
  };
}

async function twoPorts(): Promise<number> {
  for (;;) {
    const port = await freePort();
    if (port < 65_000 && (await isPortFree('127.0.0.1', port + 1))) return port;
  }
}
