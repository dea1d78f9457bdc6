import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { statfs, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { freePort } from '../../platform/processes/free-port.ts';
import { type Running, runCommand, startCommand } from '../cli/run-command.ts';
import { compileProgram } from '../harness/compile-program.ts';
import { waitUntil } from '../harness/wait-until.ts';
import { type Box, canMount, openBox } from './box.ts';
import { MachineSite } from './machine-site.ts';

/** Small enough to fill; 2 % of it is what counts as full. */
const DISK = 96 * 2 ** 20;

let site: MachineSite;
let rented: Box;
let own: Box;
let health: string;

beforeAll(async () => {
  const double = compileProgram('tests/doubles/comfyui/program.ts');
  const comfyui = {
    service: [{ capability: 'comfyui', connector: 'ComfyUILocalConnector', type: 'internal' }],
    pools: ['heavy'],
    installer: 'comfyui',
    resource_binding: 'cpu',
    build_stage: 'base',
    ports: [await freePort()],
    installer_config: { install: [], cwd: 'source', command: ['node', double, '--port', '{port}'] },
  };
  site = await MachineSite.start(
    { CONNECTORS: 'simulation,comfyui', SWITCHYARD_SERVICE_ROOTS: dirname(double) },
    { comfyui },
  );
  rented = await openBox(site, 1, canMount ? DISK : undefined);
  own = await openBox(site, 2);
  mkdirSync(join(own.servicesDir, 'comfyui', 'source', 'custom_nodes'), { recursive: true });
  const [first] = await Promise.all([
    site.machine('rented', rented.env, 'painter:auto', { gpus: 1, through: rented.through }),
    site.machine('own', own.env, 'painter:auto,comfyui', { gpus: 1, through: own.through }),
  ]);
  health = String(first.ready['health_url']);
}, 180_000);
afterAll(async () => {
  await site?.stopMachines();
  await rented?.remove();
  await own?.remove();
  await site?.stop();
});

const options = () => ({ cwd: site.stack.dataDir, env: { ...site.stack.env, SWITCHYARD_URL: site.stack.api } });
const command = (...args: string[]) => runCommand(args, options());
const job = (payload: object) => ({ service: 'simulation', pool: 'standard', payload });

async function interrupted(running: Running) {
  running.child.kill('SIGINT');
  return running.ended;
}

describe('two machines with homes of their own, which nothing can connect to', () => {
  test('each takes jobs, keeps its results where all find them, and is steered', async () => {
    for (const id of ['rented', 'own']) await site.until(id, ({ card }) => card?.state === 'ready');
    if (rented.address !== undefined) {
      // It is in another network: neither its loopback nor its address leads there.
      for (const host of ['127.0.0.1', rented.address])
        await expect(fetch(`http://${host}:${new URL(health).port}/health`)).rejects.toThrow('fetch failed');
    }
    const watching = startCommand(['machine', 'watch', 'rented'], options());
    await waitUntil(() => watching.stdout().includes('ready'));
    for (const [drained, works] of [
      ['rented', 'own'],
      ['own', 'rented'],
    ] as const) {
      expect((await command('machine', 'drain', drained, '--wait')).code).toBe(0);
      const { id } = await site.stack.submit(job({ steps: 1, artifacts: [{ name: 'made.bin', bytes: 1_000 }] }));
      const done = await site.stack.ended(id);
      expect(done).toMatchObject({ status: 'completed', attempt: 1 });
      const { card } = await site.view(works);
      expect(card?.workers.map(({ pid }) => `#${pid}`)).toContain(/#\d+/.exec(done.worker ?? '')?.[0]);
      const made = await fetch(`${site.stack.api}/api/jobs/${id}/artifacts/made.bin`);
      expect((await made.arrayBuffer()).byteLength).toBe(1_000);
      expect((await command('machine', 'resume', drained)).stderr).toContain('takes jobs again');
      await site.until(drained, ({ card: now }) => now?.state === 'ready' && now.workers[0]?.state === 'running');
    }
    await waitUntil(() => /drained[\s\S]*ready/.test(watching.stdout()));
    const { stdout } = await interrupted(watching);
    expect(stdout).toMatch(/ready · jobs 0\/1\n.*drain[\s\S]*painter paused \(the machine is being drained\)/);
  });

  test('a log is followed over a restart of its service, which any command line may ask for', async () => {
    const following = startCommand(['machine', 'logs', 'rented', 'painter-gpu0', '--follow'], options());
    const said = () => following.stdout().split('serving on').length - 1;
    await waitUntil(() => said() === 1);
    const restarted = await command('machine', 'command', 'rented', 'service.restart', '--set', 'name=painter-gpu0');
    expect(restarted).toMatchObject({ code: 0, stderr: '' });
    await waitUntil(() => said() === 2);
    expect(await interrupted(following)).toMatchObject({ code: 0, stderr: '' });
    const unknown = await command('machine', 'command', 'rented', 'explode');
    expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining('service.restart') });
  });

  test('memory of devices is given free and custom nodes are installed from the command line', async () => {
    const freed = await command('machine', 'command', 'own', 'vram.free');
    expect(JSON.parse(freed.stdout)).toEqual({ freed: ['comfyui'] });
    const none = await command('machine', 'command', 'rented', 'vram.free');
    expect(none).toMatchObject({ code: 6, stderr: expect.stringContaining('no such ComfyUI') });

    const repository = join(site.stack.dataDir, 'some-node');
    mkdirSync(repository);
    writeFileSync(join(repository, '__init__.py'), 'VERSION = 1\n');
    const git = (...args: string[]) =>
      execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args], { cwd: repository });
    git('init', '--quiet');
    git('add', '.');
    git('commit', '--quiet', '-m', 'first');
    const nodes = `nodes[]=${pathToFileURL(repository).href}`;
    const installed = await command('machine', 'command', 'own', 'nodes.install', '--set', nodes);
    expect(JSON.parse(installed.stdout)).toMatchObject({
      services: [{ service: 'comfyui', nodes: [{ name: 'some-node', status: 'installed' }] }],
    });
    expect(existsSync(join(own.servicesDir, 'comfyui', 'source', 'custom_nodes', 'some-node', '__init__.py'))).toBe(
      true,
    );
  });
});

test('a machine whose line breaks for longer than the time-out: its job goes on elsewhere, and it comes back by itself', async () => {
  expect((await command('machine', 'drain', 'own', '--wait')).code).toBe(0);
  const { id } = await site.stack.submit(job({ duration: 20_000, steps: 50, service_job: true }));
  await site.stack.until(id, (view) => view.service_job_id !== undefined && view.status === 'running');
  await command('machine', 'resume', 'own');
  await rented.cut();
  await site.until('rented', ({ presence }) => presence === 'away');
  await site.stack.until(id, (view) => view.attempt === 2 && view.status === 'running');
  const told = await command('machine', 'drain', 'rented');
  expect(told.code).not.toBe(0);
  expect(told.stderr).toContain('rented');
  await rented.mend();
  await site.until('rented', ({ presence, card }) => presence === 'alive' && card?.state === 'ready');
  expect(await site.stack.ended(id)).toMatchObject({ status: 'completed', result: { reattached: true } });
  expect(await site.stack.submissions(id)).toBe(1);
  expect((await command('machine', 'drain', 'own', '--wait')).code).toBe(0);
  const next = await site.stack.submit(job({ steps: 1 }));
  expect(await site.stack.ended(next.id)).toMatchObject({ status: 'completed' });
  await command('machine', 'resume', 'own');
});

(canMount ? test : test.skip)(
  'a machine whose disk is full takes no jobs, clears away what it can do without, and comes back',
  async () => {
    const aside = join(rented.dataDir, 'logs', 'painter-gpu0.log.1');
    const leftOver = join(rented.dataDir, 'work', 'left-over');
    const filler = join(rented.dataDir, 'filler');
    writeFileSync(aside, 'old');
    mkdirSync(leftOver);
    const longAgo = Date.now() / 1_000 - 7_200;
    await utimes(leftOver, longAgo, longAgo);
    const { bavail, bsize } = await statfs(rented.dataDir);
    await writeFile(filler, Buffer.alloc(bavail * bsize - 400_000));

    const full = await site.until('rented', ({ card }) => card?.state === 'exhausted');
    expect(full.card?.state_reason).toMatch(/are left on the disk of/);
    await site.until('rented', ({ card }) => card?.workers[0]?.state === 'paused');
    await waitUntil(() => !existsSync(aside) && !existsSync(leftOver));
    expect((await command('machines')).stdout).toMatch(/rented +exhausted/);
    expect((await command('machine', 'drain', 'own', '--wait')).code).toBe(0);
    const { id } = await site.stack.submit(job({ steps: 1 }));
    expect((await site.stack.get(id)).status).toBe('queued');

    await writeFile(filler, '');
    await site.until('rented', ({ card }) => card?.state === 'ready');
    expect(await site.stack.ended(id)).toMatchObject({ status: 'completed', attempt: 1 });
  },
);
