import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { Client, Connection } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from '../../contract/search-attributes.ts';
import { freePort } from '../../platform/processes/free-port.ts';
import { identify } from '../../platform/processes/process-identity.ts';
import { startDevServer } from '../../platform/temporal/dev-server.ts';
import { NamespaceSetupError, prepareNamespace } from '../../platform/temporal/namespace-setup.ts';
import { startTestTemporal, temporalBinary } from '../harness/temporal-server.ts';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-temporal-'));
  undo.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function connectTo(address: string): Promise<Connection> {
  const connection = await Connection.connect({ address });
  undo.push(() => connection.close());
  return connection;
}

async function attributesOf(connection: Connection, namespace = 'default'): Promise<string[]> {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  return Object.keys(customAttributes ?? {});
}

describe('the embedded Temporal', () => {
  test('is ready when the promise settles, with our search attributes', async () => {
    const server = await startTestTemporal();
    undo.push(() => server.stop());
    const connection = await connectTo(server.address);
    expect(await attributesOf(connection)).toEqual(expect.arrayContaining(Object.keys(SEARCH_ATTRIBUTES)));
  });

  test('keeps what was accepted over kill -9, and takes up search attributes that came later', async () => {
    const server = await startTestTemporal({ dbFile: join(temporaryFolder(), 'temporal.db') });
    undo.push(() => server.kill());
    const before = await Connection.connect({ address: server.address });
    const handle = await new Client({ connection: before }).workflow.start('nobodyRunsThis', {
      taskQueue: 'nowhere',
      workflowId: 'survivor',
      memo: { note: 'written before the crash' },
    });
    await before.close();
    await server.kill();
    expect(identify(server.pid)).toBeUndefined();

    await server.restart();
    const after = await connectTo(server.address);
    const description = await new Client({ connection: after }).workflow.getHandle(handle.workflowId).describe();
    expect(description.status.name).toBe('RUNNING');
    expect(description.memo).toEqual({ note: 'written before the crash' });

    const added = { ...SEARCH_ATTRIBUTES, SwitchyardLater: 'Keyword' } as const;
    const report = await prepareNamespace(after, { namespace: 'default', searchAttributes: added });
    expect(report.changes).toEqual([
      'ended jobs are now kept for 7d (before: 1d)',
      'added the search attributes SwitchyardLater',
    ]);
    expect(await attributesOf(after)).toContain('SwitchyardLater');
    await expect(prepareNamespace(after, { namespace: 'default', searchAttributes: added })).resolves.toEqual({
      changes: [],
      warnings: [],
    });
  });

  test('says why it could not start', async () => {
    const dbFile = join(temporaryFolder(), 'no', 'such', 'folder', 'temporal.db');
    const start = startDevServer({ binary: temporalBinary(), port: await freePort(), dbFile });
    await expect(start).rejects.toThrow(/did not start .*exited with status 1[\s\S]*no such file or directory/);
  });

  test('says which program cannot be run', async () => {
    const start = startDevServer({ binary: '/nowhere/temporal', port: await freePort() });
    await expect(start).rejects.toThrow(/\/nowhere\/temporal cannot be run: .*ENOENT/);
  });
});

describe('prepareNamespace', () => {
  test('makes a namespace that is missing, fit for jobs at once', async () => {
    const server = await startTestTemporal();
    undo.push(() => server.stop());
    const connection = await connectTo(server.address);
    const report = await prepareNamespace(connection, { namespace: 'studio', retention: '3d' });
    expect(report.changes[0]).toBe('made the namespace studio, which keeps ended jobs for 3d');
    expect(await attributesOf(connection, 'studio')).toEqual(expect.arrayContaining(Object.keys(SEARCH_ATTRIBUTES)));
    const { count } = await new Client({ connection, namespace: 'studio' }).workflow.count('SwitchyardPool = "heavy"');
    expect(count).toBe(0);
  });

  test('names an attribute that has another type', async () => {
    const server = await startTestTemporal({ extraArgs: ['--search-attribute', 'Clash=Int'] });
    undo.push(() => server.stop());
    const connection = await connectTo(server.address);
    const setup = prepareNamespace(connection, { namespace: 'default', searchAttributes: { Clash: 'Keyword' } });
    await expect(setup).rejects.toThrow(NamespaceSetupError);
    await expect(setup).rejects.toThrow(/Clash is Int, needed is Keyword/);
  });

  test('hands over the commands when the server refuses new attributes', async () => {
    const server = await startTestTemporal();
    undo.push(() => server.stop());
    const connection = await connectTo(server.address);
    // SQL visibility holds three Int attributes, one of which is ours.
    const searchAttributes = { A: 'Int', B: 'Int', C: 'Int' } as const;
    await expect(prepareNamespace(connection, { namespace: 'default', searchAttributes })).rejects.toThrow(
      /temporal operator search-attribute create --namespace default --name A --type Int/,
    );
  });
});
