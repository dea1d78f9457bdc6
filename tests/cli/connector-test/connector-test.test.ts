import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mayCost } from '../../../cli/connector-test/cost.ts';
import type { ContractReport } from '../../../cli/connector-test/report.ts';
import { runCli } from '../../../cli/run-cli.ts';
import { asyncService, syncService } from '../../connectors/rest/services.ts';
import { REST_DOUBLE_KEY, type RestDouble, startRestDouble } from '../../doubles/rest/rest-double.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { ROOT } from '../../house/repository.ts';
import { recordedTerminal } from '../terminal-double.ts';

let site: string;
let double: RestDouble;
let environment: NodeJS.ProcessEnv;

beforeEach(async () => {
  site = temporaryFolder();
  mkdirSync(join(site, 'config/rest'), { recursive: true });
  mkdirSync(join(site, 'mine'));
  cpSync(join(ROOT, 'config/pools.json'), join(site, 'config/pools.json'));
  writeFileSync(join(site, 'config/service-mapping.json'), '{"connectors": {}, "workers": {}}');
  for (const service of [syncService, asyncService]) {
    writeFileSync(join(site, `config/rest/${service.service}.json`), JSON.stringify(service));
  }
  double = await startRestDouble();
  environment = { ...process.env };
});
afterEach(async () => {
  await double.stop();
  for (const name of Object.keys(process.env)) if (!(name in environment)) delete process.env[name];
  Object.assign(process.env, environment);
});

async function check(...args: string[]) {
  const env = {
    SWITCHYARD_CONFIG_DIR: join(site, 'config'),
    SWITCHYARD_ENV_DIR: site,
    SWITCHYARD_CONNECTOR_DIRS: join(site, 'mine'),
    REST_DOUBLE_KEY,
  };
  const terminal = recordedTerminal({ env, cwd: site });
  const code = await runCli(['connector', 'test', ...args], terminal, '0.0.0');
  return { code, out: terminal.out(), err: terminal.err() };
}

async function report(
  ...args: string[]
): Promise<{ code: number; report: ContractReport; status: Record<string, string> }> {
  const { code, out } = await check(...args, '--json');
  const told = JSON.parse(out) as ContractReport;
  return { code, report: told, status: Object.fromEntries(told.checks.map(({ id, status }) => [id, status])) };
}

const PASSED = ['settings', 'start', 'health', 'payload', 'runs', 'progress', 'underway', 'apart', 'cancel', 'leave'];

describe('connector test', () => {
  test('holds a service that is asked how a job is to all there is to ask', async () => {
    double.hold('running');
    // Each job is at work for half a second at least: time enough to be cancelled or handed on.
    let before = 0;
    const letGo = setInterval(() => {
      const now = double.held('running').length;
      if (before > 0 && now > 0) double.release('none');
      before = now;
    }, 500);
    try {
      const { code, report: told, status } = await report('double-async', '--url', double.url);
      expect(status).toMatchObject(Object.fromEntries(PASSED.map((id) => [id, 'passed'])));
      expect(status).toMatchObject({ handover: 'passed', 'status-query': 'passed', 'rate-limit': 'not_applicable' });
      expect([code, told.passed, told.may_cost, told.url]).toEqual([0, true, false, `${double.url}/v1`]);
      expect(told.jobs_submitted).toBe(6);
      expect(double.taken()).toHaveLength(6);
    } finally {
      clearInterval(letGo);
    }
  });

  test('says of each check what was seen, or why it does not apply', async () => {
    const { code, out } = await check('double-sync', '--url', double.url);
    expect(code).toBe(0);
    expect(out).toMatch(/ok {4}runs +a job runs once/);
    expect(out).toMatch(/n\/a {3}handover.*\n.*supportsJobStatusQuery is false/);
    expect(out).toMatch(/\d+ passed, 0 failed, \d+ not applicable; \d jobs submitted\./);
  });

  test('says what is wrong and what to do, and does not go on in vain', async () => {
    const { code, out } = await check('double-async', '--url', 'http://127.0.0.1:9');
    expect(code).toBe(1);
    expect(out).toMatch(/FAIL {2}health/);
    expect(out).toMatch(/→ Is the service running/);
    expect(out).toMatch(/FAIL {2}runs[^]*cannot be\s+reached/);
    expect(out).toMatch(/- {5}progress/);
  });

  test('names all variables that are missing', async () => {
    const { status, report: told } = await report('double-sync');
    expect(status['settings']).toBe('failed');
    expect(told.checks[0]).toMatchObject({ seen: expect.stringContaining('REST_DOUBLE_URL') });
    expect(told.jobs_submitted).toBe(0);
  });

  test('submits nothing to a public address without --yes', async () => {
    const {
      code,
      status,
      report: told,
    } = await report('double-sync', '--url', 'https://8.8.8.8', '--only', 'settings,runs');
    expect([code, told.may_cost, told.jobs_submitted]).toEqual([2, true, 0]);
    expect(status).toEqual({ settings: 'passed', runs: 'not_run' });
  });

  test('takes the job of a file, whole or as a payload alone', async () => {
    writeFileSync(join(site, 'job.json'), '{"service": "double-sync", "payload": {"text": "from a file"}}');
    expect(await check('double-sync', '--url', double.url, '--job', 'job.json', '--only', 'runs')).toMatchObject({
      code: 0,
    });
    writeFileSync(join(site, 'payload.json'), '{"text": 7}');
    const { code, out } = await check('double-sync', '--url', double.url, '--job', 'payload.json', '--only', 'runs');
    expect([code, out]).toEqual([1, expect.stringMatching(/payload does not fit its schema: \/payload\/text/)]);
    expect(double.bodies).toEqual([{ prompt: 'from a file', size: 3, style: 'plain' }]);
  });

  test('refuses names, checks and addresses that are none', async () => {
    expect(await check('nobody')).toMatchObject({ code: 6, err: expect.stringContaining('double-async') });
    expect(await check('double-sync', '--only', 'magic')).toMatchObject({
      code: 2,
      err: expect.stringContaining('handover'),
    });
    expect(await check('double-sync', '--url', 'somewhere')).toMatchObject({ code: 2 });
  });
});

test('a connector that does everything wrong is told so, one check at a time', async () => {
  writeFileSync(
    join(site, 'mine/clumsy-connector.mjs'),
    `export class ClumsyConnector {
      service_type = 'clumsy'; version = '1'; connector_id = 'clumsy';
      async initialize() {} async cleanup() {}
      async checkHealth() { return false; }
      async getServiceInfo() { return { service_name: 'Clumsy', status: 'error', capabilities: {} }; }
      getHealthCheckCapabilities() { return { supportsJobStatusQuery: true }; }
      async queryJobStatus(serviceJobId) { return { serviceJobId, status: 'running' }; }
      getConfiguration() { return { service_type: 'clumsy', base_url: 'http://127.0.0.1:9' }; }
      async processJob(job, report, context) {
        await context.trackServiceJob('the-same');
        report({ job_id: job.id, progress: 60 });
        report({ job_id: job.id, progress: 40 });
        await new Promise((resolve) => setTimeout(resolve, 1500));
        return { job_id: job.id, status: 'completed', service_info: { service_job_id: 'the-same' } };
      }
    }`,
  );
  const { code, report: told } = await report('clumsy', '--only', 'health,status-query,progress,apart,cancel');
  expect(code).toBe(1);
  const seen = Object.fromEntries(
    told.checks.map(({ id, status, seen: text, advice }) => [id, [status, text, advice]]),
  );
  expect(seen).toEqual({
    health: ['failed', expect.stringContaining('says error'), expect.any(String)],
    'status-query': ['failed', expect.stringContaining('answers "running"'), expect.any(String)],
    progress: ['failed', expect.stringContaining('60, 40'), expect.any(String)],
    apart: ['failed', expect.stringContaining('share an id'), expect.any(String)],
    cancel: ['failed', expect.stringContaining('completed'), expect.stringContaining('signal')],
  });
});

test.each([
  ['http://127.0.0.1:8188', false, false],
  ['http://[::1]:8188', false, false],
  ['http://192.168.1.5', false, false],
  ['https://8.8.8.8', false, true],
  ['https://no-such-host.invalid', false, true],
  ['http://localhost:1234', false, false],
  [undefined, false, true],
  [undefined, true, false],
])('jobs to %s (internal: %s) may cost money: %s', async (address, internal, expected) => {
  expect(await mayCost(address, internal)).toBe(expected);
});
