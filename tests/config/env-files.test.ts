import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { envFolder, readEnvFiles, strayEnvFiles } from '../../platform/config/env-files.ts';
import { loadSite } from '../../platform/config/load-site.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});
const write = (name: string, text: string) => writeFileSync(join(folder, name), text);

describe('.env files', () => {
  test('environment, then the family, then what all share; .local first', () => {
    const all = ['ENV', 'FAMILY_LOCAL', 'FAMILY', 'LOCAL', 'COMMON'];
    const lines = (names: string[], value: string) => names.map((name) => `${name}=${value}`).join('\n');
    write('.env', lines(all, 'from .env'));
    write('.env.local', lines(all.slice(0, 4), 'from .env.local'));
    write('.env.openai', lines(all.slice(0, 3), 'from .env.openai'));
    write('.env.openai.local', lines(all.slice(0, 2), 'from .env.openai.local'));
    const { env, read, origins } = readEnvFiles(folder, { ENV: 'given' }, ['comfyui', 'openai']);
    expect(env).toEqual({
      ENV: 'given',
      FAMILY_LOCAL: 'from .env.openai.local',
      FAMILY: 'from .env.openai',
      LOCAL: 'from .env.local',
      COMMON: 'from .env',
    });
    expect(read).toEqual(['.env', '.env.local', '.env.openai', '.env.openai.local']);
    expect(Object.fromEntries(origins)).toEqual({
      FAMILY_LOCAL: '.env.openai.local',
      FAMILY: '.env.openai',
      LOCAL: '.env.local',
      COMMON: '.env',
    });
  });

  test('an empty variable of the environment switches a value off; files of other families are not read', () => {
    write('.env', 'A=1\nB=1');
    write('.env.comfyui', 'B=2');
    expect(readEnvFiles(folder, { A: '' }, ['openai']).env).toEqual({ A: '', B: '1' });
  });

  test('quotes, comments, export, several lines', () => {
    write('.env', '# a comment\n\nexport A="one two" # more\nB=\'x#y\'\nC="first\nsecond = third"\r\nD = 4\n');
    expect(readEnvFiles(folder, {}).env).toEqual({ A: 'one two', B: 'x#y', C: 'first\nsecond = third', D: '4' });
  });

  test('a line without "=" is named by its number, its text is not shown', () => {
    write('.env', 'A="1\n2"\nOPENAI_API_KEY sk-secret\n');
    const read = () => readEnvFiles(folder, {});
    expect(read).toThrow(/\.env, line 3: has no "="/);
    expect(read).not.toThrow(/sk-secret/);
  });

  test('two families that want different values cannot share a process', () => {
    write('.env.a', 'PROXY=http://secret-one');
    write('.env.b', 'PROXY=http://secret-two\nOTHER=1');
    const both = () => readEnvFiles(folder, {}, ['a', 'b']);
    expect(both).toThrow(/PROXY \(\.env\.b\): has another value in \.env\.a.*\n.*CONNECTORS=a and CONNECTORS=b/);
    expect(both).not.toThrow(/secret/);
    expect(readEnvFiles(folder, {}, ['b']).env['PROXY']).toBe('http://secret-two');
    expect(readEnvFiles(folder, { PROXY: 'mine' }, ['a', 'b']).env).toEqual({ PROXY: 'mine', OTHER: '1' });
    write('.env.b', 'PROXY=http://secret-one');
    expect(readEnvFiles(folder, {}, ['a', 'b']).env['PROXY']).toBe('http://secret-one');
  });

  test('files of no family are found, examples aside', () => {
    for (const name of ['.env', '.env.local', '.env.comfyui', '.env.comfyui.example', '.env.comfy', '.env.comfy.local'])
      write(name, '');
    expect(strayEnvFiles(folder, ['comfyui'])).toEqual(['.env.comfy', '.env.comfy.local']);
    expect(strayEnvFiles(join(folder, 'nowhere'), [])).toEqual([]);
  });

  // Root reads everything.
  (process.getuid?.() === 0 ? test.skip : test)('a file that cannot be read is named', () => {
    write('.env', 'A=1');
    chmodSync(join(folder, '.env'), 0);
    expect(() => readEnvFiles(folder, {})).toThrow(/\.env: cannot be read: EACCES/);
  });

  test('settings come from them too; SWITCHYARD_ENV_DIR says where they are', () => {
    write('.env', 'SWITCHYARD_PORT=8411\nWORKERS=upscale:2, simulation\n');
    const site = loadSite({ SWITCHYARD_HOME: folder });
    expect([site.config.port, site.config.workers, site.origins.port]).toEqual([
      8411,
      ['upscale:2', 'simulation'],
      'environment',
    ]);
    const elsewhere = { SWITCHYARD_HOME: folder, SWITCHYARD_ENV_DIR: join(folder, 'nowhere') };
    expect(envFolder(elsewhere, folder)).toBe(join(folder, 'nowhere'));
    expect(loadSite(elsewhere).config.port).toBe(8400);
  });
});
