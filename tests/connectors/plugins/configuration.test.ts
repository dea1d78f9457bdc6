import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { loadPlugins } from '../../../connectors/plugins/load-plugins.ts';
import { PluginHost } from '../../../connectors/plugins/plugin-host.ts';
import { SimulationConnector } from '../../../connectors/simulation/connector.ts';
import { createLogger } from '../../../platform/logging/create-logger.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { waitUntil } from '../../harness/wait-until.ts';
import { configure, pluginSource } from './plugin-bench.ts';

const silent = createLogger({ level: 'silent', name: 'test' });

describe('plugins.json', () => {
  test('is not needed', async () => {
    await expect(loadPlugins({ configDir: temporaryFolder(), dirs: [], env: {} })).resolves.toEqual([]);
  });

  test('that is wrong is refused with everything that is wrong with it', async () => {
    const broken = configure(
      temporaryFolder(),
      [
        { plugin: 'no-such' },
        { plugin: 'prompt-guard', services: ['openai-txt'], options: { words: ['x'] } },
        { plugin: 'prompt-guard', name: 'second', options: { patterns: ['('], colour: 'red' } },
        { plugin: 'prompt-guard', name: 'second', options: {} },
        { plugin: 'picture-stamp', options: { watermark: { image: '/no/such/file.png', opacity: 7 } } },
        { plugin: 'plain', options: { a: 1 } },
        { plugin: 'broken' },
        { plugin: 'empty' },
      ],
      {
        plain: pluginSource('').replace(/static options.*/, ''),
        broken: 'export class BrokenPlugin {',
        empty: 'export const nothing = 1;',
      },
    );
    const error = await broken.catch((thrown: unknown) => thrown as Error);
    const { message } = error as Error;
    for (const part of [
      'plugins.0.plugin: there is no plugin "no-such"',
      'found: cost-recorder, picture-stamp, prompt-guard, broken, empty, plain; looked in ',
      'SWITCHYARD_PLUGIN_DIRS',
      'plugins.1.services.0: there is no service "openai-txt"',
      'there are: scripted, openai-text',
      'plugins.2.options.patterns.0: ',
      'plugins.2.options: Unrecognized key: "colour" (plugin "prompt-guard")',
      'plugins.3: there are two plugins "second"',
      'plugins.3.options: must have words or patterns (plugin "prompt-guard")',
      'plugins.4.options.watermark.image: names a file that does not exist',
      'plugins.4.options.watermark.opacity: must be 0–1',
      'plugins.5.options: the plugin takes no options',
      'plugins.6.plugin: the plugin "broken" cannot be used: ',
      'plugins.7.plugin: the plugin "empty" cannot be used: ',
      'exports no class whose name ends in Plugin',
    ]) {
      expect(message).toContain(part);
    }
  });

  test.each([
    [{ plugin: 'plain', on_failure: 'ignore' }, 'plugins.0.on_failure: must be fail or warn'],
    [{ plugin: 'plain', timeout: 'soon' }, 'plugins.0.timeout: must be a number of seconds'],
    [{ plugin: 'plain', timeout: '2h' }, 'at most 10m'],
    [{ plugin: 'plain', order: 3 }, 'plugins.0.order: '],
    [{}, 'plugins.0.plugin: '],
  ])('%j is refused', async (entry, problem) => {
    await expect(configure(temporaryFolder(), [entry], { plain: pluginSource('') })).rejects.toThrow(problem);
  });

  test('takes values from the environment', async () => {
    const folder = temporaryFolder();
    const entry = { plugin: 'plain', enabled: '${USE_IT:-false}', timeout: '${LIMIT:-3s}' };
    await configure(folder, [], { plain: pluginSource('') });
    writeFileSync(join(folder, 'plugins.json'), JSON.stringify({ plugins: [entry] }));
    const load = (env: NodeJS.ProcessEnv) => loadPlugins({ configDir: folder, dirs: [join(folder, 'plugins')], env });
    await expect(load({})).resolves.toEqual([]);
    const [plugin] = await load({ USE_IT: 'true', LIMIT: '5s' });
    expect(plugin).toMatchObject({ name: 'plain', timeoutMs: 5_000, onFailure: 'fail' });
  });

  test('finds a plugin that is a folder', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'plugins', 'own'), { recursive: true });
    writeFileSync(join(folder, 'plugins', 'own', 'plugin.mjs'), pluginSource(''));
    await expect(configure(folder, [{ plugin: 'own' }])).resolves.toMatchObject([{ name: 'own' }]);
  });
});

/** Health as a test sets it, by way of the process the plugin runs in. */
const world = globalThis as { pluginHealth?: unknown; pluginStarts?: boolean };

describe('a plugin and its connector', () => {
  test('its health check takes part in the scheduled ones', async () => {
    const source = pluginSource(`
      async onHealthCheck() {
        if (globalThis.pluginHealth === 'throws') throw new Error('cannot tell');
        return globalThis.pluginHealth;
      }`);
    const folder = temporaryFolder();
    const host = new PluginHost(await configure(folder, [{ plugin: 'health' }], { health: source }), folder, silent);
    const connector = new SimulationConnector('health-test', {
      health_check_interval_seconds: 0.01,
      health_check_failures: 1,
      health_check_timeout_seconds: 60,
    });
    try {
      world.pluginHealth = { healthy: true };
      await connector.initialize();
      await host.attach('SimulationConnector', connector);
      expect(connector.getStatus()).toBe('idle');
      for (const ill of [{ healthy: false, message: 'no disk' }, 'throws', undefined]) {
        world.pluginHealth = ill;
        await waitUntil(() => connector.getStatus() === 'error');
        world.pluginHealth = { healthy: true };
        await waitUntil(() => connector.getStatus() === 'idle');
      }
    } finally {
      await connector.cleanup();
      await host.cleanup();
    }
  });

  test('one that cannot start keeps the connector from starting, unless it only warns; the next try may succeed', async () => {
    const source = pluginSource(
      `async initialize(connector, { name, dataDir }) { if (!globalThis.pluginStarts) throw new Error(name + ' not now'); }`,
    );
    const folder = temporaryFolder();
    const sources = { late: source };
    const connector = new SimulationConnector('start-test');
    const strict = new PluginHost(await configure(folder, [{ plugin: 'late' }], sources), folder, silent);
    const mild = new PluginHost(
      await configure(folder, [{ plugin: 'late', on_failure: 'warn' }], sources),
      folder,
      silent,
    );
    world.pluginStarts = false;
    await expect(strict.attach('SimulationConnector', connector)).rejects.toThrow(
      'The plugin "late" failed in initialize: late not now',
    );
    await mild.attach('SimulationConnector', connector);
    world.pluginStarts = true;
    await strict.attach('SimulationConnector', connector);
    await connector.cleanup();
  });
});
