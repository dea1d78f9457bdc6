import { describe, expect, test } from '@jest/globals';
import { join } from 'node:path';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { ROOT } from '../house/repository.ts';
import { defaultWorkers } from '../../workers/machine/default-workers.ts';
import { planMachineProcesses } from '../../workers/machine/plan-machine-processes.ts';
import { loadProcess } from '../../workers/process/load-process.ts';

const base = (more: NodeJS.ProcessEnv = {}) =>
  loadProcess('test', {
    SWITCHYARD_HOME: temporaryFolder(),
    SWITCHYARD_CONFIG_DIR: join(ROOT, 'config'),
    SWITCHYARD_LOG_LEVEL: 'silent',
    ...more,
  });

describe('the shipped service mapping', () => {
  test('brings ComfyUI to each GPU when that is asked for', async () => {
    const { services, workers } = await planMachineProcesses(await base({ SWITCHYARD_MOCK_GPUS: '2' }), [
      'comfyui-local:1',
      'upscale:2',
    ]);
    expect(services.instances.map(({ name, ports }) => [name, ...ports])).toEqual([['comfyui-local-gpu0', 8188]]);
    expect(workers.map(({ name, env, requiredEnv }) => [name, env['COMFYUI_URL'], ...requiredEnv])).toEqual([
      ['comfyui-local', 'http://127.0.0.1:8188'],
      ['upscale-1', undefined],
      ['upscale-2', undefined],
    ]);
    const both = await planMachineProcesses(await base({ SWITCHYARD_MOCK_GPUS: '2' }), ['comfyui-local:auto']);
    expect(both.services.instances.map(({ ports }) => ports[0])).toEqual([8188, 8189]);
  });

  test('installs nothing that nobody has asked for', async () => {
    for (const more of [{}, { COMFYUI_URL: 'http://127.0.0.1:8188' }]) {
      const { entries } = defaultWorkers(await base(more), 2);
      expect(entries.join()).not.toMatch(/comfyui-local|comfyui-instances/);
      expect(entries.includes('comfyui-remote')).toBe('COMFYUI_URL' in more);
      expect(entries).toContain('upscale');
    }
  });
});
