import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { workerEntrySchema } from '../../platform/catalog/service-mapping.schema.ts';
import { detectMachine } from '../../platform/machine/detect-machine.ts';
import { freePort, isPortFree } from '../../platform/processes/free-port.ts';
import { identify } from '../../platform/processes/process-identity.ts';
import { planServices } from '../../workers/machine/services/plan-services.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { waitUntil } from '../harness/wait-until.ts';
import { supervise } from './bench.ts';

/** A folder with ComfyUI in `src`, its Python environment in `venv`, and any page in `front`. */
const COMFYUI = process.env['SWITCHYARD_TEST_COMFYUI_DIR'];
const withComfyUI = COMFYUI === undefined ? test.skip : test;

withComfyUI(
  'a real ComfyUI on the CPU is started, watched, restarted and stopped, in a folder of its own',
  async () => {
    const home = resolve(COMFYUI as string);
    const servicesDir = temporaryFolder();
    mkdirSync(join(servicesDir, 'comfyui'));
    symlinkSync(join(home, 'src'), join(servicesDir, 'comfyui', 'source'));
    symlinkSync(join(home, 'venv'), join(servicesDir, 'comfyui', 'venv'));
    const { gpus } = await detectMachine({ dataDir: servicesDir, mockGpus: 1 });
    const port = await freePort();
    const entry = workerEntrySchema.parse({
      service: [{ capability: 'comfyui', connector: 'ComfyUILocalConnector', type: 'internal' }],
      installer: 'comfyui',
      resource_binding: 'gpu',
      ports: [port],
      installer_config: {
        args: ['--front-end-root', join(home, 'front'), '--disable-api-nodes'],
        alive: { http: '/system_stats', interval: '1s', timeout: '10s', failures: 2 },
      },
    });
    const worker = {
      workerId: 'comfyui',
      name: 'comfyui',
      instance: 0,
      queues: [],
      binding: 'gpu',
      buildStage: 'comfyui',
    };
    const planned = [{ ...worker, device: { binding: 'gpu', index: 0 }, ports: [port], env: {} }];
    const entries = new Map([['comfyui', entry]]);
    const plan = planServices({ planned, entries, gpus, paths: { servicesDir, roots: [home] } });
    const { supervisor, seen, events } = supervise({ usageIntervalMs: 1_000 });

    const first = await supervisor.start(plan.instances[0]!);
    expect(first).toMatchObject({ name: 'comfyui-gpu0', state: 'ready', gpu: 0, restarts: 0 });
    const stats = (await (await fetch(`http://127.0.0.1:${port}/system_stats`)).json()) as {
      devices: { type: string }[];
    };
    expect(stats.devices.map(({ type }) => type)).toEqual(['cpu']);
    const usage = await waitUntil(() => supervisor.get('comfyui-gpu0').usage);
    expect(usage.memory_bytes).toBeGreaterThan(100e6);

    process.kill(first.pid!, 'SIGKILL');
    expect((await seen('gone')).reason).toMatch(/^was ended by SIGKILL/);
    await waitUntil(() => events.filter(({ type }) => type === 'ready').length === 2, 300_000);

    process.kill(supervisor.get('comfyui-gpu0').pid!, 'SIGSTOP');
    expect((await waitUntil(() => events.filter(({ type }) => type === 'gone')[1], 120_000)).type).toBe('gone');
    await waitUntil(() => events.filter(({ type }) => type === 'ready').length === 3, 300_000);

    const third = await supervisor.restart('comfyui-gpu0');
    expect(third.state).toBe('ready');
    expect(existsSync(join(servicesDir, 'data', 'comfyui-gpu0', 'user'))).toBe(true);
    await supervisor.stop('comfyui-gpu0');
    expect(identify(third.pid!)).toBeUndefined();
    expect(await isPortFree('127.0.0.1', port)).toBe(true);
  },
  900_000,
);
