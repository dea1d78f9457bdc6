import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { SETTINGS } from '../../platform/config/settings.ts';
import { devServerArgs } from '../../platform/temporal/dev-server-flags.ts';
import { ROOT } from './repository.ts';

interface Service {
  build: { context: string; dockerfile: string; target: string };
  command: string[];
  environment?: Record<string, string>;
  ports?: string[];
  volumes?: string[];
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test: string[] };
  stop_grace_period?: string;
}

const text = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const compose = parse(text('docker-compose.yml'), { merge: true }) as {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
};
const services = Object.entries(compose.services);
const ours = services.filter(([name]) => name !== 'temporal');

test('the file has a service for Temporal, for the server and for every pool', () => {
  const { pools } = JSON.parse(text('config/pools.json')) as { pools: Record<string, unknown> };
  const wanted = ['temporal', 'server', ...Object.keys(pools).map((pool) => `worker-${pool}`)];
  expect(Object.keys(compose.services).toSorted()).toEqual(wanted.toSorted());
  for (const pool of Object.keys(pools)) {
    expect(compose.services[`worker-${pool}`]?.command.slice(-2)).toEqual(['--pool', pool]);
  }
});

describe.each(services)('%s', (_name, service) => {
  test('is built from a stage that exists', () => {
    const stages = [...text(service.build.dockerfile).matchAll(/^FROM \S+ AS (\S+)$/gm)].map((match) => match[1]);
    expect(stages).toContain(service.build.target);
  });

  test('publishes its ports on loopback only', () => {
    for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
  });

  test('says when it is healthy', () => {
    expect(service.healthcheck?.test[0]).toBe('CMD');
  });

  test('uses volumes and services that exist', () => {
    for (const volume of service.volumes ?? []) expect(Object.keys(compose.volumes)).toContain(volume.split(':')[0]);
    for (const name of Object.keys(service.depends_on ?? {})) expect(Object.keys(compose.services)).toContain(name);
  });

  test('sets variables that exist', () => {
    const known = Object.values(SETTINGS).map((setting) => setting.env);
    for (const name of Object.keys(service.environment ?? {})) expect(known).toContain(name);
  });
});

test.each(ours)('%s starts a program that exists', (_name, service) => {
  const [program, script = ''] = service.command;
  expect(program).toBe('node');
  expect(existsSync(join(ROOT, script.replace(/^dist\//, '').replace(/\.js$/, '.ts')))).toBe(true);
});

test.each(ours)('%s shares the artifacts and waits for Temporal', (_name, service) => {
  expect(service.volumes).toContain('artifacts:/data/artifacts');
  expect(service.environment?.['TEMPORAL_ADDRESS']).toBe('temporal:7233');
  expect(service.depends_on?.['temporal']?.condition).toBe('service_healthy');
});

test('Temporal runs with the flags of the embedded server', () => {
  const flags = devServerArgs({
    ip: '0.0.0.0',
    port: 7233,
    uiPort: 8233,
    dbFile: '/data/temporal.db',
    namespace: 'default',
    logLevel: 'warn',
    extraArgs: [],
  });
  expect(compose.services['temporal']?.command).toEqual(flags);
});
