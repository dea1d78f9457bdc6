import { afterEach } from '@jest/globals';
import { pino } from 'pino';
import { InstanceManager } from '../../../../connectors/comfyui/instances/instance-manager.ts';
import type { InstanceManagerOptions } from '../../../../connectors/comfyui/instances/manager-options.ts';
import { ComfyDouble, type ComfyDoubleOptions } from '../../../doubles/comfyui/comfy-double.ts';

const managers: InstanceManager[] = [];
const doubles: ComfyDouble[] = [];

afterEach(async () => {
  for (const manager of managers.splice(0)) await manager.close();
  for (const double of doubles.splice(0)) await double.stop();
});

/** A manager that is not loaded yet; closed after the test. */
export function newManager(folder: string, options: Partial<InstanceManagerOptions> = {}): InstanceManager {
  const manager = new InstanceManager({ folder, logger: pino({ level: 'silent' }), ...options });
  managers.push(manager);
  return manager;
}

export async function loadedManager(
  folder: string,
  options: Partial<InstanceManagerOptions> = {},
): Promise<InstanceManager> {
  const manager = newManager(folder, options);
  await manager.loadInstances();
  return manager;
}

/** A ComfyUI that runs by itself. */
export async function comfy(options: ComfyDoubleOptions = {}): Promise<ComfyDouble> {
  const double = await ComfyDouble.start(options);
  doubles.push(double);
  return double;
}

/** A promise that a test settles. */
export function gate(): { passed: Promise<void>; open: () => void } {
  let open = () => {};
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open };
}
