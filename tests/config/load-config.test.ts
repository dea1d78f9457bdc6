import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ConfigError } from '../../platform/config/config-error.ts';
import { loadConfig } from '../../platform/config/load-config.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'switchyard-config-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('configuration', () => {
  test('defaults, with absolute paths', () => {
    const { config, origins } = loadConfig({}, folder);
    expect(config).toMatchObject({
      port: 8400,
      host: '127.0.0.1',
      heartbeatTimeout: 10_000,
      dataDir: join(folder, '.switchyard'),
      inputRoots: [join(folder, 'examples')],
      connectorDirs: [],
    });
    expect(origins.port).toBe('default');
  });

  test('environment over file over defaults', async () => {
    await writeFile(
      join(folder, 'switchyard.config.json'),
      JSON.stringify({ port: 1234, host: '0.0.0.0', connectorDirs: ['mine'] }),
    );
    const { config, origins } = loadConfig({ SWITCHYARD_PORT: '4321' }, folder);
    expect([config.port, config.host, config.logLevel, config.connectorDirs]).toEqual([
      4321,
      '0.0.0.0',
      'info',
      [join(folder, 'mine')],
    ]);
    expect([origins.port, origins.host, origins.logLevel]).toEqual(['environment', 'file', 'default']);
  });

  test('an empty variable counts as unset', () => {
    expect(loadConfig({ SWITCHYARD_PORT: '' }, folder).config.port).toBe(8400);
  });

  test.each(['127.0.0.1:7233', 'temporal', 'temporal.example.com:443', '[::1]:7233'])(
    'a Temporal is named by host and port: %s',
    (address) => {
      expect(loadConfig({ TEMPORAL_ADDRESS: address }, folder).config.temporalAddress).toBe(address);
    },
  );

  test.each(['http://127.0.0.1:7233', '127.0.0.1:7233/', '127.0.0.1:99999', 'user@temporal:7233', 'two words', '::1'])(
    'a Temporal is not named by %s',
    (address) => {
      expect(() => loadConfig({ TEMPORAL_ADDRESS: address }, folder)).toThrow(
        /TEMPORAL_ADDRESS: must be host:port without a scheme in front/,
      );
    },
  );

  test.each([true, null, ' ', [8400], {}, '84OO'])('%j is no port', async (port) => {
    await writeFile(join(folder, 'switchyard.config.json'), JSON.stringify({ port }));
    expect(() => loadConfig({}, folder)).toThrow(/port \(.*\): must be a number/);
  });

  test('everything wrong is named at once', async () => {
    await writeFile(join(folder, 'switchyard.config.json'), JSON.stringify({ shutdownGrace: 'soon', prot: 1 }));
    const error = await Promise.resolve()
      .then(() => loadConfig({ SWITCHYARD_PORT: 'many', SWITCHYARD_LOG_LEVEL: 'loud' }, folder))
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ConfigError);
    const names = (error as ConfigError).problems.map((p) => p.name.split(' ')[0]);
    expect(names.sort((a, b) => (a! < b! ? -1 : 1))).toEqual([
      'SWITCHYARD_LOG_LEVEL',
      'SWITCHYARD_PORT',
      'prot',
      'shutdownGrace',
    ]);
  });

  test.each([
    ['no JSON', '{', /is not JSON/],
    ['no object', '[]', /not a JSON object/],
  ])('a file that is %s', async (_, text, message) => {
    await writeFile(join(folder, 'switchyard.config.json'), text);
    expect(() => loadConfig({}, folder)).toThrow(message);
  });

  test('a named file that is missing', () => {
    expect(() => loadConfig({ SWITCHYARD_CONFIG: 'other.json' }, folder)).toThrow(/there is no file/);
  });
});
