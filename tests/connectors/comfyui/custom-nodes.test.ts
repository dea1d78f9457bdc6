import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { ComfyUILocalConnector } from '../../../connectors/comfyui/connector.ts';
import { type CommandRunner, installCustomNodes, runCommand } from '../../../connectors/comfyui/custom-nodes.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';

describe('installing custom nodes', () => {
  test('many at a time, one result each, and one that fails stops nobody', async () => {
    const { comfy, repository } = place();
    const [a, b] = [repository('node-a'), repository('node-b', { 'requirements.txt': 'left-pad\n' })];
    const { run, calls } = recorder();
    const results = await installCustomNodes(
      comfy,
      [a, { url: b, name: 'renamed' }, `${a}-missing`, 'ftp://example.org/x', { url: a, name: '../out' }],
      { run, parallel: 3, python: 'py' },
    );
    expect(results).toMatchObject([
      { name: 'node-a', status: 'installed', commit: expect.stringMatching(/^[0-9a-f]{40}$/) },
      { name: 'renamed', status: 'installed' },
      { name: 'node-a-missing', status: 'failed', error: expect.stringMatching(/git fetch ended with/) },
      { name: 'x', status: 'failed', error: expect.stringMatching(/no https/) },
      { name: '../out', status: 'failed', error: expect.stringMatching(/no folder name/) },
    ]);
    expect(readdirSync(join(comfy, 'custom_nodes')).toSorted()).toEqual(['node-a', 'renamed']);
    expect(readFileSync(join(comfy, 'custom_nodes', 'node-a', '__init__.py'), 'utf8')).toBe('VERSION = 1\n');
    expect(calls.filter(([program]) => program === 'py')).toEqual([
      ['py', '-m', 'pip', 'install', '--no-input', '--disable-pip-version-check', '-r', 'requirements.txt'],
    ]);
  });

  test('again: unchanged, updated, or at a branch that was asked for', async () => {
    const { comfy, repository, commit } = place();
    const url = repository('node-a');
    const install = async (ref?: string) => (await installCustomNodes(comfy, [{ url, ref }]))[0]!.status;
    expect(await install()).toBe('installed');
    expect(await install()).toBe('unchanged');
    commit('node-a', { '__init__.py': 'VERSION = 2\n' });
    expect(await install()).toBe('updated');
    expect(readFileSync(join(comfy, 'custom_nodes', 'node-a', '__init__.py'), 'utf8')).toBe('VERSION = 2\n');
    expect(await install('first')).toBe('updated');
    expect(readFileSync(join(comfy, 'custom_nodes', 'node-a', '__init__.py'), 'utf8')).toBe('VERSION = 1\n');
    expect(await install('--upload-pack=touch x')).toBe('failed');
  });

  test('a node whose packages do not install is not half there', async () => {
    const { comfy, repository } = place();
    const url = repository('node-a', { 'requirements.txt': 'x\n' });
    const run: CommandRunner = (program, args, cwd, signal) =>
      program === 'python3'
        ? Promise.resolve({ code: 1, output: 'No matching distribution' })
        : runCommand(program, args, cwd, signal);
    const [result] = await installCustomNodes(comfy, [url], { run });
    expect(result).toMatchObject({ status: 'failed', error: 'pip install ended with 1: No matching distribution' });
    expect(readdirSync(join(comfy, 'custom_nodes'))).toEqual([]);
  });

  test('never more at a time than allowed, packages one after another', async () => {
    const { comfy } = place();
    let now = 0;
    let most = 0;
    const run: CommandRunner = async (_, args) => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setImmediate(resolve));
      now -= 1;
      return { code: 0, output: args[0] === 'rev-parse' ? 'abc' : '' };
    };
    const list = Array.from({ length: 64 }, (_, index) => `https://example.org/node-${index}`);
    const results = await installCustomNodes(comfy, list, { run, parallel: 8 });
    expect(results.every(({ status }) => status === 'installed')).toBe(true);
    expect(most).toBe(8);
  });

  test('through the connector of a local server, which wants to know the folder', async () => {
    const { comfy, repository } = place();
    const settings = { base_url: 'http://127.0.0.1:9', health_check_interval_seconds: 0 };
    await expect(new ComfyUILocalConnector('a', settings).installCustomNodes([])).rejects.toMatchObject({
      message: expect.stringMatching(/COMFYUI_DIR/),
    });
    const local = new ComfyUILocalConnector('b', { ...settings, dir: comfy });
    expect(await local.installCustomNodes([repository('node-a')])).toMatchObject([{ status: 'installed' }]);
    expect(existsSync(join(comfy, 'custom_nodes', 'node-a'))).toBe(true);
    await local.cleanup();
  });
});

/** A ComfyUI folder, and real repositories beside it. */
function place() {
  const folder = temporaryFolder();
  const comfy = join(folder, 'comfy');
  mkdirSync(comfy);
  const git = (name: string, ...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args], {
      cwd: join(folder, name),
      stdio: 'pipe',
    });
  const commit = (name: string, files: Record<string, string>) => {
    for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, name, file), text);
    git(name, 'add', '.');
    git(name, 'commit', '--quiet', '-m', 'change');
  };
  const repository = (name: string, files: Record<string, string> = {}) => {
    mkdirSync(join(folder, name));
    git(name, 'init', '--quiet');
    commit(name, { '__init__.py': 'VERSION = 1\n', ...files });
    git(name, 'branch', 'first');
    return pathToFileURL(join(folder, name)).href;
  };
  return { comfy, repository, commit };
}

/** Runs git, and only notes the rest. */
function recorder() {
  const calls: string[][] = [];
  const run: CommandRunner = async (program, args, cwd, signal) => {
    calls.push([program, ...args]);
    return program === 'git' ? runCommand(program, args, cwd, signal) : { code: 0, output: '' };
  };
  return { run, calls };
}
