import { existsSync, readFileSync, writeFileSync, mkdirSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { Client, Connection } from '@temporalio/client';
import { findStack, type StackState } from '../../cli/stack/find-stack.ts';
import { stackPaths } from '../../cli/stack/stack-paths.ts';
import { freePort, isPortFree } from '../../platform/processes/free-port.ts';
import { identify } from '../../platform/processes/process-identity.ts';
import { startTestTemporal } from '../harness/temporal-server.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { waitUntil } from '../harness/wait-until.ts';
import { livingProcesses, type StackProcess, stackEnvironment, startStack } from './stack-process.ts';

const started: StackProcess[] = [];

function start(...args: Parameters<typeof startStack>): StackProcess {
  const stack = startStack(...args);
  started.push(stack);
  return stack;
}

afterEach(async () => {
  await Promise.all(started.splice(0).map((stack) => stack.destroy()));
});

function pidOf(state: StackState, name: string): number {
  const found = state.processes.find((entry) => entry.name === name);
  if (!found) throw new Error(`there is no process ${name}: ${JSON.stringify(state.processes)}`);
  return found.pid;
}

async function withClient<T>(address: string, work: (client: Client) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address });
  try {
    return await work(new Client({ connection }));
  } finally {
    await connection.close();
  }
}

async function startWaitingWorkflow(address: string): Promise<void> {
  await withClient(address, (client) => client.workflow.start('waits', { taskQueue: 'nobody', workflowId: 'kept' }));
}

async function workflowStatus(address: string): Promise<string> {
  return withClient(address, async (client) => (await client.workflow.getHandle('kept').describe()).status.name);
}

function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    (response) => response.ok,
    () => false,
  );
}

describe('the stack', () => {
  test('comes up, is found, stands the death of its parts, leaves in order, and goes on with its data', async () => {
    const dataDir = temporaryFolder();
    const env = await stackEnvironment(dataDir);
    const first = start(env);
    const state = await first.ready();

    expect(state).toMatchObject({
      pid: first.child.pid,
      api_url: `http://127.0.0.1:${env['SWITCHYARD_PORT']}`,
      temporal_address: `127.0.0.1:${env['SWITCHYARD_TEMPORAL_PORT']}`,
      temporal_ui_url: `http://127.0.0.1:${env['SWITCHYARD_TEMPORAL_UI_PORT']}`,
      temporal_embedded: true,
      namespace: 'default',
      data_dir: dataDir,
      workers: ['fast-lane', 'standard', 'heavy'],
    });
    const names = ['supervisor', 'temporal', 'server', 'pool-fast-lane', 'pool-standard', 'pool-heavy'];
    expect(livingProcesses(state)).toEqual(names);
    for (const words of [
      state.api_url,
      `${state.api_url}/api/docs`,
      state.temporal_ui_url!,
      dataDir,
      'npx switchyard submit',
      'Ctrl-C',
    ]) {
      expect(first.output()).toContain(words);
    }
    await waitUntil(() => answers(`${state.api_url}/readyz`));
    expect(await answers(state.temporal_ui_url!)).toBe(true);
    for (const { log_file } of state.processes) expect(existsSync(log_file)).toBe(true);

    // A second start beside it says where the first one is.
    const second = start(env);
    expect(await second.exited).toEqual({ code: 0, signal: null });
    expect(second.output()).toContain(`already runs on this data directory (process ${state.pid})`);
    expect(second.output()).toContain(state.api_url);

    // A worker that dies comes back, and the state says so.
    process.kill(pidOf(state, 'pool-heavy'), 'SIGKILL');
    const restarted = await waitUntil(() => {
      const now = findStack(dataDir);
      const pid = now?.processes.find((entry) => entry.name === 'pool-heavy')?.pid;
      return (
        pid !== undefined &&
        pid !== pidOf(state, 'pool-heavy') &&
        first.output().includes('worker heavy is back') &&
        now
      );
    });
    expect(first.output()).toMatch(
      /worker heavy was ended by SIGKILL; starting it again in 1 s\. Its log: .*pool-heavy\.log/,
    );

    // Temporal comes back too, at the same address and with its data.
    await startWaitingWorkflow(state.temporal_address);
    process.kill(pidOf(restarted, 'temporal'), 'SIGKILL');
    await waitUntil(() => first.output().includes('Temporal is back'));
    expect(await workflowStatus(state.temporal_address)).toBe('RUNNING');
    const last = findStack(dataDir)!;

    first.child.kill('SIGINT');
    expect(await first.exited).toEqual({ code: 0, signal: null });
    expect(livingProcesses(last)).toEqual([]);
    expect(findStack(dataDir)).toBeUndefined();
    expect(existsSync(stackPaths(dataDir).processes)).toBe(false);
    for (const name of ['SWITCHYARD_PORT', 'SWITCHYARD_TEMPORAL_PORT'])
      expect(await isPortFree('127.0.0.1', Number(env[name]))).toBe(true);
    // Only the worker and Temporal that the test killed died against the supervisor's will.
    expect(first.output().match(/starting it again/g)).toHaveLength(2);

    const again = start(env);
    const resumed = await again.ready();
    expect(resumed.temporal_address).toBe(state.temporal_address);
    expect(await workflowStatus(resumed.temporal_address)).toBe('RUNNING');
    again.child.kill('SIGTERM');
    expect(await again.exited).toEqual({ code: 0, signal: null });
  });

  test('that was killed leaves no worker behind, and its Temporal is stopped by the next start', async () => {
    const env = await stackEnvironment(temporaryFolder());
    const first = start(env);
    const state = await first.ready();
    await startWaitingWorkflow(state.temporal_address);
    first.child.kill('SIGKILL');
    await first.exited;
    expect(findStack(env['SWITCHYARD_DATA_DIR']!)).toBeUndefined();
    await waitUntil(() => livingProcesses(state).every((name) => name === 'temporal'));

    const next = start(env);
    const now = await next.ready();
    expect(next.output()).toContain('Stopped what an earlier stack had left behind: temporal');
    expect(identify(pidOf(state, 'temporal'))).toBeUndefined();
    expect(now.temporal_address).toBe(state.temporal_address);
    expect(now.api_url).toBe(state.api_url);
    expect(await workflowStatus(now.temporal_address)).toBe('RUNNING');

    // Twice Ctrl-C: no waiting.
    next.child.kill('SIGINT');
    await waitUntil(() => next.output().includes('Stopping (SIGINT)'));
    next.child.kill('SIGINT');
    expect((await next.exited).code).toBe(130);
    expect(livingProcesses(now)).toEqual([]);
  });

  test('takes other ports when its own are taken, and says which and by whom', async () => {
    const env = await stackEnvironment(temporaryFolder());
    const holders = await Promise.all(
      ['SWITCHYARD_PORT', 'SWITCHYARD_TEMPORAL_PORT', 'SWITCHYARD_TEMPORAL_UI_PORT'].map(async (name) => {
        const server = createServer().listen(Number(env[name]), '127.0.0.1');
        await once(server, 'listening');
        return server;
      }),
    );
    try {
      const stack = start(env);
      const state = await stack.ready();
      for (const [name, what] of [
        ['SWITCHYARD_PORT', 'the API'],
        ['SWITCHYARD_TEMPORAL_PORT', 'Temporal'],
        ['SWITCHYARD_TEMPORAL_UI_PORT', 'the Temporal Web UI'],
      ]) {
        expect(stack.output()).toMatch(
          new RegExp(`Port ${env[name!]} is taken.*: ${what} uses \\d+, although ${name} asks for it`),
        );
      }
      if (process.platform === 'linux') expect(stack.output()).toContain(`(process ${process.pid})`);
      await waitUntil(() => answers(`${state.api_url}/livez`));
      expect(state.api_url).not.toContain(env['SWITCHYARD_PORT']);
      stack.child.kill('SIGINT');
      expect((await stack.exited).code).toBe(0);
    } finally {
      for (const server of holders) server.close();
    }
  });

  test.each(['SIGKILL', 'SIGTERM'] as const)('under npm start ends with npm (%s)', async (signal) => {
    const env = await stackEnvironment(temporaryFolder());
    const npm = start(env, ['npm', 'start']);
    const state = await npm.ready();
    expect(livingProcesses(state)).toContain('supervisor');
    npm.child.kill(signal);
    await waitUntil(() => livingProcesses(state).length === 0);
    expect(existsSync(stackPaths(env['SWITCHYARD_DATA_DIR']!).state)).toBe(false);
  });

  test('uses a Temporal that somebody else runs, and leaves it running', async () => {
    const temporal = await startTestTemporal();
    try {
      const stack = start({ ...(await stackEnvironment(temporaryFolder())), TEMPORAL_ADDRESS: temporal.address });
      const state = await stack.ready();
      expect(state).toMatchObject({ temporal_address: temporal.address, temporal_embedded: false });
      expect(state.processes.map((entry) => entry.name)).not.toContain('temporal');
      expect(stack.output()).toContain('Temporal: ended jobs are now kept for 7d (before: 1d)');
      stack.child.kill('SIGINT');
      expect((await stack.exited).code).toBe(0);
      expect(identify(temporal.pid)).toBeDefined();
    } finally {
      await temporal.stop();
    }
  });
});

describe('a stack that cannot come up', () => {
  test('says that the Temporal it was given does not answer', async () => {
    const TEMPORAL_ADDRESS = `127.0.0.1:${await freePort()}`;
    const stack = start({ ...(await stackEnvironment(temporaryFolder())), TEMPORAL_ADDRESS });
    expect((await stack.exited).code).toBe(1);
    expect(stack.output()).toContain(
      `Temporal at ${TEMPORAL_ADDRESS} does not answer (connection refused: nothing listens there)`,
    );
    expect(stack.output()).toContain('unset TEMPORAL_ADDRESS to run the embedded one');
  });

  test('says what keeps its data directory from being one, and starts nothing', async () => {
    const file = join(temporaryFolder(), 'file');
    writeFileSync(file, '');
    const stack = start(await stackEnvironment(file));
    expect((await stack.exited).code).toBe(2);
    expect(stack.output().trim().split('\n')).toEqual([
      'The data directory cannot be used:',
      `  SWITCHYARD_DATA_DIR: ${file} is a file, not a folder`,
      '      Set SWITCHYARD_DATA_DIR to another folder.',
    ]);
  });

  test('names every fault of its pools', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'config'));
    writeFileSync(
      join(folder, 'config/pools.json'),
      '{"pools": {"Fast Lane": {}, "heavy": {"max_concurrent_jobs": 0}}}',
    );
    const stack = start({ ...(await stackEnvironment(folder)), SWITCHYARD_CONFIG_DIR: join(folder, 'config') });
    expect((await stack.exited).code).toBe(2);
    expect(stack.output()).toMatch(/pools\.json is not valid/);
    expect(stack.output()).toMatch(/Fast Lane[\s\S]*heavy\.max_concurrent_jobs/);
  });

  test('says what a process that found its configuration wrong said, and stops the others', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'config'));
    writeFileSync(join(folder, 'config/pools.json'), readFileSync('config/pools.json'));
    const stack = start({ ...(await stackEnvironment(folder)), SWITCHYARD_CONFIG_DIR: join(folder, 'config') });
    expect((await stack.exited).code).toBe(1);
    expect(stack.output()).toContain('service-mapping.json');
    expect(stack.output()).toContain('could not be started: it ended with status 2');
    const processes = stackPaths(folder).processes;
    expect(existsSync(processes)).toBe(false);
  });
});
