import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { parse, stringify } from 'yaml';
import type { MachineCard } from '../../contract/machine-card.ts';
import { detectMachine } from '../../platform/machine/detect-machine.ts';
import { createMachineMetrics } from '../../workers/machine/machine-metrics.ts';
import { type HealthServer, startHealthServer } from '../../workers/process/health-server.ts';
import { ROOT } from '../house/repository.ts';
import { findPrometheus, Prometheus, type Series } from '../harness/prometheus.ts';
import { waitUntil } from '../harness/wait-until.ts';
import { MachineSite } from '../machine/machine-site.ts';
import { choices, panelQueries, partsOf, ruleQueries, type Query } from './queries.ts';

const programs = await findPrometheus();
const unavailable = 'why' in programs ? programs.why : undefined;
const suite = unavailable === undefined ? describe : describe.skip;
const { prometheus: program, promtool } = 'why' in programs ? { prometheus: '', promtool: '' } : programs;

const run = promisify(execFile);

/** A card whose GPU tells all it can, as none on a test machine does. */
async function cardWithGpu(): Promise<MachineCard> {
  const facts = await detectMachine({ dataDir: tmpdir(), mockGpus: 1 });
  const gpu = { memory_used_bytes: 2 ** 33, utilization_percent: 87, temperature_celsius: 61 };
  const at = Date.now();
  return {
    ...{
      v: 1,
      machine_id: 'box2',
      boot_id: 'b',
      seq: 1,
      at,
      started_at: at,
      state: 'ready',
      version: '0',
      cpu_percent: 40,
    },
    ...{ services: [], instances: [], workers: [] },
    facts: { ...facts, gpus: facts.gpus.map((one) => ({ ...one, ...gpu })) },
  };
}

suite(`Prometheus on real processes${unavailable === undefined ? '' : `: skipped, ${unavailable}`}`, () => {
  let site: MachineSite;
  let server: Prometheus;
  let box2: HealthServer;
  let folder: string;
  const pages: Record<string, string> = {};

  beforeAll(async () => {
    site = await MachineSite.start();
    const { stack } = site;
    const steps = (payload: object) => ({ service: 'simulation', pool: 'standard', payload });
    const lost = await stack.worker('standard');
    const taken = await stack.submit(steps({ duration: 3_000, steps: 30, service_job: true }));
    await stack.until(taken.id, (job) => job.service_job_id !== undefined);
    await lost.kill();
    const worker = await stack.worker('standard');
    expect((await stack.ended(taken.id)).attempt).toBe(2);
    const short = { duration: 20, steps: 1 };
    const again = await stack.submit({ ...steps({ ...short, fail_attempts: 1 }), retry: { initial_interval: '10ms' } });
    const failing = await stack.submit({ ...steps({ ...short, fail_attempts: 9 }), retry: { max_attempts: 1 } });
    expect((await stack.ended(again.id)).status).toBe('completed');
    expect((await stack.ended(failing.id)).status).toBe('failed');
    for (const priority of [1, 5]) {
      await stack.submit({ service: 'simulation', pool: 'heavy', priority, payload: short });
    }
    await fetch(`${stack.api}/api/pools/fast-lane/pause`, { method: 'POST' });
    await fetch(`${stack.api}/api/jobs/none`);
    const machine = await site.machine('box1');

    const card = await cardWithGpu();
    box2 = await startHealthServer({
      ...{ host: '127.0.0.1', port: 0, health: () => ({ healthy: true }), status: () => ({}) },
      metrics: createMachineMetrics('box2', () => card),
      logger: pino({ level: 'silent' }),
    });
    const found = {
      'switchyard-api': [stack.api],
      'switchyard-worker': [String(worker.ready['health_url'])],
      'switchyard-machine': [String(machine.ready['health_url']), box2.url],
    };
    for (const url of Object.values(found).flat()) pages[url] = await (await fetch(`${url}/metrics`)).text();
    folder = await mkdtemp(join(tmpdir(), 'switchyard-prometheus-'));
    await cp(join(ROOT, 'deploy/prometheus'), folder, { recursive: true });
    await addressed(join(folder, 'prometheus.yml'), found);
    server = await Prometheus.start(program, folder);
  }, 240_000);

  afterAll(async () => {
    await server?.stop();
    await box2?.close();
    await site?.stopMachines();
    await site?.stop();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  test('the files are sound, and so are the metrics by the tool that knows the conventions', async () => {
    await run(promtool, ['check', 'config', join(ROOT, 'deploy/prometheus/prometheus.yml')]);
    await run(promtool, ['check', 'rules', join(ROOT, 'deploy/prometheus/rules.yml')]);
    for (const [url, page] of Object.entries(pages)) {
      const checked = run(promtool, ['check', 'metrics']);
      checked.child.stdin!.end(page);
      const said = await checked.then(
        ({ stdout, stderr }) => stdout + stderr,
        (error: { stdout: string; stderr: string }) => error.stdout + error.stderr,
      );
      // Node's own names are prom-client's to choose.
      expect({ url, said: said.split('\n').filter((line) => line.startsWith('switchyard')) }).toEqual({
        url,
        said: [],
      });
    }
  });

  test('everything is scraped, and every rule evaluates', async () => {
    await waitUntil(async () => {
      const targets = await server.targets();
      expect(targets.filter(({ health }) => health !== 'up')).toEqual([]);
      expect(targets).toHaveLength(4);
      return true;
    });
    const rules = await waitUntil(async () => {
      const all = await server.rules();
      return all.every(({ health }) => health !== 'unknown') && all;
    });
    expect(rules.filter(({ health }) => health !== 'ok')).toEqual([]);
    expect(rules).toHaveLength(ruleQueries().length);
  });

  test('the numbers are those of what happened', async () => {
    const value = async (query: string) => (await server.query(query))[0]?.value;
    const jobs = 'switchyard_job_duration_seconds_count{pool="standard",service="simulation"';
    await waitUntil(async () => (await value(`${jobs},outcome="completed"}`)) === 2);
    expect(await value(`${jobs},outcome="failed"}`)).toBe(1);
    expect(await value('sum(switchyard_attempt_failures_total{final="true"})')).toBe(1);
    expect(await value('sum(switchyard_attempt_failures_total{final="false"})')).toBe(1);
    expect(await value('sum(switchyard_job_retries_total)')).toBe(2);
    expect(await value('sum(switchyard_job_reattaches_total)')).toBe(1);
    await waitUntil(async () => (await value('switchyard_queue_jobs{pool="heavy",priority="1"}')) === 1);
    expect(await value('sum(switchyard_queue_jobs{pool="heavy"})')).toBe(2);
    expect(await value('switchyard_queue_oldest_job_age_seconds{pool="heavy",priority="5"}')).toBeGreaterThan(0);
    expect(await value('switchyard_pool_state{pool="fast-lane",state="paused"}')).toBe(1);
    expect(await value('switchyard_pool_state{pool="standard",state="active"}')).toBe(1);
    expect(await value('switchyard_gpu_temperature_celsius{machine="box2"}')).toBe(61);
    expect(await value('sum(switchyard_service_up{machine="box1"})')).toBe(2);
  });

  test('jobs that wait where nobody serves them would raise the alarm', async () => {
    const { expr } = ruleQueries().find(({ where }) => where === 'SwitchyardJobsWaitWithoutWorker')!;
    const [alarm, ...others] = await waitUntil(async () => {
      const found = await server.query(expr);
      return found.length > 0 && found;
    });
    expect(alarm).toMatchObject({ metric: { pool: 'heavy', capability: 'simulation' }, value: 2 });
    expect(others).toEqual([]);
  });

  test('every query of the dashboard has an answer, with the labels that its legend names', async () => {
    for (const { where, expr, labels } of panelQueries()) {
      const series = await answered(expr, where);
      const known = labelsOf(series);
      expect({ where, expr, unknown: labels.filter((label) => !known.has(label)) }).toEqual({
        where,
        expr,
        unknown: [],
      });
    }
  });

  test('every metric and label that rules and dashboard name is there', async () => {
    for (const { where, expr, labels } of [...ruleQueries(), ...panelQueries()] satisfies Query[]) {
      const { metrics, groups } = partsOf(expr);
      expect(metrics.length).toBeGreaterThan(0);
      const all = new Set<string>();
      for (const { name, labels: matched } of metrics) {
        const known = labelsOf(await answered(name, where));
        for (const label of known) all.add(label);
        const unknown = matched.filter((label) => !known.has(label));
        expect({ where, name, unknown }).toEqual({ where, name, unknown: [] });
      }
      const unknown = [...groups, ...labels].filter((label) => !all.has(label));
      expect({ where, expr, unknown }).toEqual({ where, expr, unknown: [] });
    }
  });

  function labelsOf(series: Series[]): Set<string> {
    return new Set(series.flatMap(({ metric }) => Object.keys(metric)));
  }

  /** What a query answers, once it does. */
  async function answered(query: string, where: string): Promise<Series[]> {
    try {
      return await waitUntil(async () => {
        const found = await server.query(query);
        return found.length > 0 && found;
      }, 30_000);
    } catch (error) {
      throw new Error(`${where} gets no answer to ${query}`, { cause: error });
    }
  }

  test('what can be chosen in the dashboard', async () => {
    expect(choices().map(({ label }) => label)).toEqual(['pool', 'machine']);
    for (const { metric, label } of choices()) {
      expect((await server.query(metric)).every((series) => label in series.metric)).toBe(true);
    }
  });

  test('a query for a metric or label that does not exist is found out', async () => {
    expect(partsOf('sum by (pool) (rate(a_b{colour="red"}[5m])) / on (pool) c_d > 0.5')).toEqual({
      metrics: [
        { name: 'a_b', labels: ['colour'] },
        { name: 'c_d', labels: [] },
      ],
      groups: ['pool', 'pool'],
    });
    expect(await server.query('switchyard_no_such_metric')).toEqual([]);
  });
});

/** The file in use, but for where things are and how often one looks. */
async function addressed(file: string, found: Record<string, string[]>): Promise<void> {
  const config = parse(await readFile(file, 'utf8')) as {
    global: Record<string, string>;
    scrape_configs: {
      job_name: string;
      dns_sd_configs?: unknown;
      file_sd_configs?: unknown;
      static_configs?: unknown;
    }[];
  };
  config.global = { scrape_interval: '1s', evaluation_interval: '1s' };
  expect(config.scrape_configs.map(({ job_name: name }) => name)).toEqual(Object.keys(found));
  for (const job of config.scrape_configs) {
    delete job.dns_sd_configs;
    delete job.file_sd_configs;
    job.static_configs = [{ targets: found[job.job_name]!.map((url) => new URL(url).host) }];
  }
  await writeFile(file, stringify(config));
}
