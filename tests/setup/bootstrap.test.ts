import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { projectRoot } from '../../platform/project-root.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';

const run = promisify(execFile);

/** A checkout of another project with our scripts in it: one dependency, which lies beside it. */
async function checkout(): Promise<string> {
  const folder = temporaryFolder();
  cpSync(join(projectRoot(), 'scripts'), join(folder, 'scripts'), { recursive: true });
  for (const version of ['1.0.0', '2.0.0']) {
    const source = join(folder, `dep-${version}`);
    mkdirSync(source);
    writeFileSync(join(source, 'package.json'), JSON.stringify({ name: 'dep', version }));
    await npm(folder, 'pack', `./dep-${version}`);
  }
  await depend(folder, '1.0.0');
  return folder;
}

async function depend(folder: string, version: string): Promise<void> {
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'other', version: '0.0.0', devDependencies: { dep: `file:dep-${version}.tgz` } }),
  );
  await npm(folder, 'install', '--package-lock-only');
}

function npm(folder: string, ...args: string[]) {
  return run('npm', [...args, '--offline', '--no-audit', '--no-fund'], { cwd: folder });
}

/** @returns what it said */
async function bootstrap(folder: string, env: NodeJS.ProcessEnv = {}, nodeArgs: string[] = []): Promise<string> {
  const { stderr } = await run(process.execPath, [...nodeArgs, join(folder, 'scripts/bootstrap.mjs')], {
    cwd: folder,
    env: { ...process.env, npm_config_offline: 'true', NODE_OPTIONS: '', ...env },
  });
  return stderr;
}

function installedVersion(folder: string): string {
  return JSON.parse(readFileSync(join(folder, 'node_modules/dep/package.json'), 'utf8')).version;
}

describe('bootstrap', () => {
  test('installs once, and again when the lock file changed', async () => {
    const folder = await checkout();
    expect(await bootstrap(folder)).toMatch(/Installing the packages \(npm ci\) - .* \.\.\.\n {2}done in \d+ s/);
    expect(installedVersion(folder)).toBe('1.0.0');
    expect(await bootstrap(folder)).toBe('The packages are installed\n');

    await depend(folder, '2.0.0');
    expect(await bootstrap(folder)).toMatch(/Installing/);
    expect(installedVersion(folder)).toBe('2.0.0');
  });

  test('leaves alone what somebody installed before', async () => {
    const folder = await checkout();
    await npm(folder, 'ci');
    expect(await bootstrap(folder)).toBe('The packages are installed\n');
    expect(existsSync(join(folder, 'node_modules/.switchyard/installed'))).toBe(true);
  });

  test('installs development packages whatever npm and NODE_ENV say', async () => {
    const folder = await checkout();
    await bootstrap(folder, { NODE_ENV: 'production', npm_config_omit: 'dev', npm_config_prefix: '/nowhere' });
    expect(installedVersion(folder)).toBe('1.0.0');
  });

  test('lets one of several processes do it', async () => {
    const folder = await checkout();
    const said = await Promise.all([bootstrap(folder), bootstrap(folder), bootstrap(folder)]);
    expect(said.filter((text) => text.includes('Installing'))).toHaveLength(1);
    expect(said.filter((text) => text.includes('The packages are installed'))).toHaveLength(2);
  });

  test('says what npm said when that fails, shortly', async () => {
    const folder = await checkout();
    writeFileSync(join(folder, 'package-lock.json'), '{"lockfileVersion": 3, "packages": {}}');
    await expect(bootstrap(folder)).rejects.toThrow(
      /npm ci failed \(status 1\)[\s\S]*Is the package registry reachable/,
    );
  });

  test('names the Node it needs', async () => {
    const folder = await checkout();
    const older = 'Object.defineProperty(process, "versions", {value: {...process.versions, node: "18.20.4"}})';
    await expect(bootstrap(folder, {}, ['--import', `data:text/javascript,${older}`])).rejects.toThrow(
      /needs Node\.js 20\.19 or newer; this is 18\.20\.4/,
    );
  });
});
