import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { ComfyUILocalConnector } from '../../../connectors/comfyui/connector.ts';
import { readNodeList } from '../../../connectors/comfyui/nodes/custom-node.ts';
import { installCustomNodes } from '../../../connectors/comfyui/nodes/install-nodes.ts';
import { type CommandRunner, runCommand } from '../../../connectors/comfyui/nodes/run-command.ts';
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

  test('a pinned commit, whole or shortened, also one that no branch ends in', async () => {
    const { comfy, repository, commit, head } = place();
    const url = repository('node-a');
    const first = head('node-a');
    for (const version of [2, 3]) commit('node-a', { '__init__.py': `VERSION = ${version}\n` });
    const install = async (ref: string) => (await installCustomNodes(comfy, [{ url, ref }]))[0]!;
    const source = () => readFileSync(join(comfy, 'custom_nodes', 'node-a', '__init__.py'), 'utf8');
    expect(await install(first)).toMatchObject({ status: 'installed', commit: first });
    expect(source()).toBe('VERSION = 1\n');
    const third = head('node-a');
    expect(await install(third.slice(0, 9))).toMatchObject({ status: 'updated', commit: third });
    expect(source()).toBe('VERSION = 3\n');
    // Nothing is asked of anybody for a commit that is there.
    rmSync(new URL(url), { recursive: true });
    expect(await install(third)).toMatchObject({ status: 'unchanged', commit: third });
    expect(await install('0123456789abcdef0123456789abcdef01234567')).toMatchObject({ status: 'failed' });
  });

  test('an update whose packages failed is not taken for done the next time', async () => {
    const { comfy, repository, commit } = place();
    const url = repository('node-a');
    const { run, calls } = recorder();
    await installCustomNodes(comfy, [url], { run });
    commit('node-a', { 'requirements.txt': 'left-pad\n' });
    const broken: CommandRunner = async (program, ...rest) =>
      program === 'git' ? runCommand(program, ...rest) : { code: 1, output: 'no network' };
    expect(await installCustomNodes(comfy, [url], { run: broken })).toMatchObject([{ status: 'failed' }]);
    expect(await installCustomNodes(comfy, [url], { run, python: 'py' })).toMatchObject([{ status: 'updated' }]);
    expect(calls.filter(([program]) => program === 'py')).toHaveLength(1);
    expect(await installCustomNodes(comfy, [url], { run, python: 'py' })).toMatchObject([{ status: 'unchanged' }]);
    expect(calls.filter(([program]) => program === 'py')).toHaveLength(1);
  });

  test('goes on after a kill, keeps what was fetched, and tells what each command said', async () => {
    const { comfy, repository } = place();
    const url = repository('node-a', { 'requirements.txt': 'left-pad\n' });
    const stop = new AbortController();
    const killed: CommandRunner = async (program, ...rest) => {
      if (program === 'git') return runCommand(program, ...rest);
      stop.abort(new Error('killed'));
      return { code: 1, output: '' };
    };
    await expect(installCustomNodes(comfy, [url], { run: killed, signal: stop.signal })).rejects.toThrow('killed');
    expect(readdirSync(join(comfy, 'custom_nodes')).filter((name) => !name.startsWith('.'))).toEqual([]);
    const { run } = recorder();
    expect(await installCustomNodes(comfy, [url], { run, python: 'py' })).toMatchObject([{ status: 'installed' }]);
    expect(readdirSync(join(comfy, 'custom_nodes'))).toEqual(['node-a']);
    const log = readFileSync(join(comfy, '.switchyard', 'nodes', 'node-a.log'), 'utf8');
    expect(log).toMatch(/git .*fetch[^\n]* -> 0\n/);
    expect(log).toMatch(/py -m pip install [^\n]* -> 0\n/);
  });

  test('two processes take turns in one folder', async () => {
    const { comfy, repository } = place();
    const url = repository('node-a');
    const [a, b] = await Promise.all([installCustomNodes(comfy, [url]), installCustomNodes(comfy, [url])]);
    expect([a[0]!.status, b[0]!.status].toSorted()).toEqual(['installed', 'unchanged']);
  });

  test('links lead nowhere, scripts of a node run only when asked for, and its own Python is found', async () => {
    const { comfy, repository, commit, folder } = place();
    mkdirSync(join(folder, 'elsewhere'));
    mkdirSync(join(comfy, 'custom_nodes'));
    symlinkSync(join(folder, 'elsewhere'), join(comfy, 'custom_nodes', 'node-a'));
    mkdirSync(join(comfy, 'venv', 'bin'), { recursive: true });
    const python = join(comfy, 'venv', 'bin', 'python');
    writeFileSync(python, '');
    const linked = repository('node-b');
    symlinkSync('/etc/hostname', join(folder, 'node-b', 'requirements.txt'));
    commit('node-b', {});
    const script = repository('node-c', { 'install.py': 'print(1)\n' });
    const { run, calls } = recorder();
    const results = await installCustomNodes(comfy, [repository('node-a'), linked, script], { run });
    expect(results).toMatchObject([
      { status: 'failed', error: expect.stringMatching(/is a link or a file/) },
      { status: 'failed', error: expect.stringMatching(/is not followed/) },
      { status: 'installed', note: 'has an install.py of its own, which was not run' },
    ]);
    expect(readdirSync(join(folder, 'elsewhere'))).toEqual([]);
    expect(calls.filter(([program]) => program !== 'git')).toEqual([]);
    rmSync(join(comfy, 'custom_nodes', 'node-c'), { recursive: true });
    await installCustomNodes(comfy, [script], { run, installScripts: true });
    expect(calls.filter(([program]) => program !== 'git')).toEqual([[python, 'install.py']]);
  });

  test('reads lists of lines and of JSON, and names what it cannot read', () => {
    const url = 'https://github.com/owner/nodes.git';
    const lines = `# mine\n${url}@v1.2 short # why\n\n${url}\nhttps://u:p@git.example.org/a/b@feature/x\n`;
    expect(readNodeList(lines)).toEqual([
      { url, ref: 'v1.2', name: 'short' },
      { url },
      { url: 'https://u:p@git.example.org/a/b', ref: 'feature/x' },
    ]);
    expect(readNodeList(JSON.stringify([url, `${url}@main`, { url, ref: 'v1', name: 'x' }]))).toEqual([
      { url },
      { url, ref: 'main' },
      { url, ref: 'v1', name: 'x' },
    ]);
    expect(() => readNodeList(`${url}\njust words`)).toThrow('Line 2 of the list is no node: "just words"');
    expect(() => readNodeList('[{"ref": "x"}]')).toThrow(/Entry 0 of the list is no address/);
    expect(() => readNodeList(`[{"url": "${url}", "branch": "x"}]`)).toThrow(/Entry 0 of the list has branch/);
    expect(() => readNodeList('[{]')).toThrow(/is not JSON/);
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
    let open: () => void = () => {};
    const eightAtOnce = new Promise<void>((resolve) => {
      open = resolve;
    });
    const run: CommandRunner = async (_, args, cwd) => {
      most = Math.max(most, ++now);
      if (now === 8) open();
      const [verb] = args.filter((each, index) => each !== '-c' && args[index - 1] !== '-c');
      if (verb === 'init') {
        mkdirSync(join(cwd, '.git'));
        await eightAtOnce;
      }
      now -= 1;
      return { code: 0, output: verb === 'rev-parse' ? 'a'.repeat(40) : '' };
    };
    const list = Array.from({ length: 64 }, (_, index) => `https://example.org/node-${index}`);
    const results = await installCustomNodes(comfy, list, { run, parallel: 8 });
    expect(results.every(({ status }) => status === 'installed')).toBe(true);
    expect(most).toBe(8);
  });

  test('through the connector of a local server', async () => {
    const { comfy, repository } = place();
    const local = new ComfyUILocalConnector('b', { base_url: 'http://127.0.0.1:9', dir: comfy });
    expect(await local.installCustomNodes([repository('node-a')])).toMatchObject([{ status: 'installed' }]);
    expect(existsSync(join(comfy, 'custom_nodes', 'node-a'))).toBe(true);
    await expect(local.installCustomNodes(['https://a.example/x', 'https://b.example/X.git'])).rejects.toMatchObject({
      code: 'validation',
      message: 'Two custom nodes are called "X"; give one of them a name',
    });
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
  const head = (name: string) => git(name, 'rev-parse', 'HEAD').toString().trim();
  return { folder, comfy, repository, commit, head };
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
