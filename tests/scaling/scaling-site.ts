import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Child, startChild } from '../../bench/child.ts';
import type { ScalingView } from '../../contract/scaling.ts';
import { projectRoot } from '../../platform/project-root.ts';
import { ProcessStack } from '../harness/process-stack.ts';

/** A site of one pool, `elastic`, that runs simulated jobs and scales. */
export class ScalingSite {
  readonly stack: ProcessStack;

  private constructor(stack: ProcessStack) {
    this.stack = stack;
  }

  /** @param scaling the pool's policy @param pool more of the pool */
  static async start(scaling: object, pool: object = {}): Promise<ScalingSite> {
    const stack = await ProcessStack.start({ CONNECTORS: 'simulation', SWITCHYARD_SCALING_INTERVAL: '500ms' });
    const configDir = join(stack.dataDir, 'config');
    await mkdir(configDir);
    const pools = { elastic: { max_concurrent_jobs: 2, ...pool, scaling } };
    await writeFile(join(configDir, 'pools.json'), JSON.stringify({ pools }));
    await writeFile(join(configDir, 'service-mapping.json'), JSON.stringify(MAPPING));
    stack.env['SWITCHYARD_CONFIG_DIR'] = configDir;
    const site = new ScalingSite(stack);
    await stack.server();
    return site;
  }

  async startScaler(env: NodeJS.ProcessEnv = {}): Promise<Child> {
    const module = pathToFileURL(join(projectRoot(), 'dist', 'workers', 'scaler-main.js'));
    const child = await startChild(module, [], { ...this.stack.env, ...env });
    this.stack.children.add(child);
    void child.exited.then(() => this.stack.children.delete(child));
    return child;
  }

  /** `GET /api/scaling` */
  async view(): Promise<ScalingView> {
    const response = await fetch(`${this.stack.api}/api/scaling`);
    if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
    return (await response.json()) as ScalingView;
  }

  /** What is known of the pool. */
  async pool() {
    const view = await this.view();
    return { active: view.active, ...view.pools[0]! };
  }
}

const MAPPING = {
  connectors: { SimulationConnector: {} },
  workers: {
    simulation: {
      service: [{ capability: 'simulation', connector: 'SimulationConnector', type: 'internal' }],
      pools: ['elastic'],
      resource_binding: 'shared',
      build_stage: 'simulation',
    },
  },
};
