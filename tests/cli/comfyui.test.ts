import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { ComfyDouble } from '../doubles/comfyui/comfy-double.ts';
import { managerDouble } from '../doubles/comfyui/manager-double.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { runCommand } from './run-command.ts';

const COMMAND = ['comfyui', 'install-nodes'];

describe('switchyard comfyui install-nodes', () => {
  test('installs a list, tells of each, and one that fails makes the exit code', async () => {
    const { cwd, repository } = place();
    writeFileSync(
      join(cwd, 'nodes.txt'),
      `# ours\n${repository('node-a')}\n${repository('node-b')}@main other\n${repository('node-a')}-missing\n`,
    );
    const { code, stdout, stderr } = await runCommand([...COMMAND, '--list', 'nodes.txt', '--path', 'comfy'], { cwd });
    expect(stderr).toMatch(/installed {2}node-a {2}[0-9a-f]{10}/);
    expect(stderr).toMatch(/installed {2}other {2}[0-9a-f]{10}/);
    expect(stderr).toMatch(/failed {5}node-a-missing {2}git fetch ended with/);
    expect(stderr).toMatch(/1 node of 3 failed/);
    expect(stdout).toBe('');
    expect(code).toBe(1);
    expect(readdirSync(join(cwd, 'comfy', 'custom_nodes')).toSorted()).toEqual(['node-a', 'other']);
    const again = await runCommand([...COMMAND, repository('node-a'), '--json'], {
      cwd,
      env: { COMFYUI_DIR: join(cwd, 'comfy') },
    });
    expect(again.code).toBe(0);
    expect(JSON.parse(again.stdout)).toMatchObject({ nodes: [{ name: 'node-a', status: 'unchanged' }] });
  });

  test('on a server elsewhere, by its ComfyUI-Manager, from standard input', async () => {
    const { cwd } = place();
    const double = await managerDouble();
    const { code, stderr } = await runCommand([...COMMAND, '--list', '-', '--server', double.url], {
      cwd,
      stdin: '["https://git.example.org/a/nodes-a@v1"]',
    });
    await double.stop();
    expect(stderr).toMatch(/installed {2}nodes-a {2}v1/);
    expect(code).toBe(0);
    expect(double.asked).toEqual(['https://git.example.org/a/nodes-a@v1']);
  });

  test.each([
    [[], 'No nodes are named'],
    [['https://git.example.org/a/b'], 'Nobody says where ComfyUI is'],
    [['just-a-word', '--path', 'comfy'], 'Line 1 of the list is no node'],
    [['https://git.example.org/a/b', '--path', 'nowhere'], 'is no folder'],
    [['--list', 'no-such.txt', '--path', 'comfy'], 'The list cannot be read'],
    [['https://a.example/x', 'https://b.example/x', '--path', 'comfy'], 'Two custom nodes are called "x"'],
  ])('%p: %s', async (args, message) => {
    const { cwd } = place();
    const { code, stderr } = await runCommand([...COMMAND, ...args], { cwd });
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });
});

describe('switchyard comfyui free', () => {
  test('frees the memory of a server, and says when there is none', async () => {
    const double = await ComfyDouble.start();
    const cwd = temporaryFolder();
    const free = (...args: string[]) =>
      runCommand(['comfyui', 'free', ...args], { cwd, env: { COMFYUI_URL: double.url } });
    expect((await free()).code).toBe(0);
    expect((await free('--models-only')).code).toBe(0);
    expect(double.ledger.frees).toEqual([
      { unload_models: true, free_memory: true },
      { unload_models: true, free_memory: false },
    ]);
    await double.stop();
    const away = await free();
    expect(away.code).toBe(1);
    expect(away.stderr).toContain(double.url);
    expect((await runCommand(['comfyui', 'free'], { cwd })).code).toBe(2);
  });
});

function place() {
  const cwd = temporaryFolder();
  mkdirSync(join(cwd, 'comfy'));
  const git = (name: string, ...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args], {
      cwd: join(cwd, name),
      stdio: 'pipe',
    });
  const made = new Set<string>();
  const repository = (name: string) => {
    if (!made.has(name)) {
      mkdirSync(join(cwd, name));
      git(name, 'init', '--quiet', '--initial-branch', 'main');
      writeFileSync(join(cwd, name, '__init__.py'), '');
      git(name, 'add', '.');
      git(name, 'commit', '--quiet', '-m', 'first');
      made.add(name);
    }
    return pathToFileURL(join(cwd, name)).href;
  };
  return { cwd, repository };
}
