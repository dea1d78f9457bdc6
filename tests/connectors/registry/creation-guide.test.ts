import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import ts from 'typescript';
import type { ProgressUpdate } from '../../../connectors/contract/connector.ts';
import { discoverConnectors } from '../../../connectors/registry/discover-connectors.ts';
import { contextFor, jobOf } from '../harness.ts';

/**
 * The connector of the creation guide, word for word but for its imports and its one Redis line
 * (`await this.trackServiceJob(jobData.id, serviceJobId)` here), dropped into a folder.
 */
const root = fileURLToPath(new URL('../../..', import.meta.url));
let folder: string;
let file: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'switchyard-guide-'));
  file = join(folder, 'my-service-connector.ts');
  const text = await readFile(join(root, 'tests/connectors/fixtures/my-service-connector.ts.txt'), 'utf8');
  await writeFile(file, text.replaceAll('__CONNECTORS__', join(root, 'connectors/index.ts')));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('type-checks with strict settings', () => {
  const program = ts.createProgram([file], {
    target: ts.ScriptTarget.ES2023,
    // The guide's author had the browser's `fetch` types, whose `json()` is not `unknown`.
    lib: ['lib.es2023.d.ts', 'lib.dom.d.ts'],
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    strict: true,
    // `catch (error) { … error.message }` is how the guide writes it.
    useUnknownInCatchVariables: false,
    allowImportingTsExtensions: true,
    noEmit: true,
    skipLibCheck: true,
    types: ['node'],
    typeRoots: [join(root, 'node_modules/@types')],
  });
  const [source] = program.getSourceFiles().filter((each) => each.fileName === file);
  const faults = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
  expect(source).toBeDefined();
  expect(faults.map((fault) => ts.flattenDiagnosticMessageText(fault.messageText, '\n'))).toEqual([]);
});

test('is found in its folder, starts, does a job on a real service, and tracks it', async () => {
  const asked: string[] = [];
  const service = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.authorization}`);
    const answers: Record<string, unknown> = {
      '/health': {},
      '/process': { job_id: 'theirs-1' },
      '/jobs/theirs-1': { status: 'completed', result: { output: 'done', metadata: { n: 1 } }, progress: 100 },
    };
    const answer = answers[request.url ?? ''];
    request.resume().on('end', () => response.writeHead(answer ? 200 : 404).end(JSON.stringify(answer ?? {})));
  });
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  process.env['MY_SERVICE_BASE_URL'] = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
  process.env['MY_SERVICE_API_KEY'] = 'k';
  try {
    const { connectors, manifests, problems } = await discoverConnectors([folder], pino({ level: 'silent' }));
    expect(problems).toEqual([]);
    expect(manifests).toMatchObject([{ service: 'my-service', connectors: ['MyServiceConnector'] }]);
    const MyServiceConnector = await connectors.get('MyServiceConnector')!.load();
    expect(MyServiceConnector.getRequiredEnvVars?.()['MY_SERVICE_TIMEOUT']).toBe('${MY_SERVICE_TIMEOUT:-30000}');
    const connector = new MyServiceConnector();
    await connector.initialize();
    expect(connector.getStatus()).toBe('idle');
    expect(await connector.canProcessJob(jobOf({ input: 'i' }))).toBe(false);

    const context = contextFor();
    const reports: ProgressUpdate[] = [];
    const report = (update: ProgressUpdate) => void reports.push(update);
    const result = await connector.processJob(jobOf({ input: 'i', model: 'm' }), report, context);
    expect(result).toMatchObject({
      job_id: 'job1',
      status: 'completed',
      result: { output: 'done', service: 'my-service' },
      service_info: { connector_id: 'my-service-api', service_job_id: 'theirs-1' },
    });
    expect(context.tracked).toEqual([{ serviceJobId: 'theirs-1', instance: undefined }]);
    expect(reports.map((update) => update.progress)).toEqual([10, 30, 100]);
    expect(await connector.queryJobStatus('theirs-1')).toMatchObject({ status: 'completed', progress: 100 });
    expect(asked.filter((line) => line.startsWith('POST'))).toEqual(['POST /process Bearer k']);
    await connector.cleanup();
    expect(connector.getStatus()).toBe('offline');
  } finally {
    delete process.env['MY_SERVICE_BASE_URL'];
    delete process.env['MY_SERVICE_API_KEY'];
    service.close();
    service.closeAllConnections();
  }
});
