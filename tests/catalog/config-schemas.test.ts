import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import addFormatsModule from 'ajv-formats';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { ROOT } from '../house/repository.ts';

const CONFIG = join(ROOT, 'config');
const OPTIONS = { allErrors: true, allowUnionTypes: true };
const read = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
const compiled = (schema: Record<string, unknown>) => {
  const ajv = new Ajv2020(OPTIONS);
  (addFormatsModule as unknown as (ajv: Ajv2020) => void)(ajv);
  return ajv.compile(schema);
};
const validator = (name: string) => compiled(read(join(CONFIG, 'schema', name)));

const shipped = [
  'pools.json',
  'service-mapping.json',
  ...readdirSync(join(CONFIG, 'rest'))
    .filter((name) => /\.json(?:\.example)?$/.test(name))
    .map((name) => `rest/${name}`),
];

describe('JSON schemas for editors', () => {
  test.each(shipped)('config/%s names its schema and keeps to it', (name) => {
    const file = join(CONFIG, name);
    const document = read(file);
    const schema = resolve(dirname(file), String(document['$schema']));
    const validate = compiled(read(schema));
    expect([validate(document), validate.errors]).toEqual([true, null]);
  });

  const worker = { service: [{ capability: 'a', connector: 'AConnector' }] };
  const mapping = (changes: object, service: object = {}) => ({
    connectors: { AConnector: {} },
    workers: { a: { ...worker, service: [{ ...worker.service[0], ...service }], ...changes } },
  });

  test.each<[string, object]>([
    ['a list of capabilities', mapping({}, { capability: ['a1111', 'automatic'] })],
    [
      'everything the creation guide writes',
      mapping(
        {
          installer: 'installServiceName',
          resource_binding: 'gpu',
          build_stage: 'service-name',
          service_instances_per_gpu: '${INSTANCES_PER_GPU:-1}',
          ports: ['${BASE_PORT:-8000}', 8100, '8200'],
          port_increment: '${PORT_INCREMENT:-1}',
          required_env: ['API_KEY_VAR'],
          api_config: { base_url: '${BASE_URL_VAR:-https://default.api.com}', timeout: '${T:-30}', max_retries: 3 },
          installer_config: { install_command: './install.sh', config_path: '/opt', install_timeout: '${T:-300}' },
        },
        { type: 'internal' },
      ),
    ],
    ['no installer', mapping({ installer: null })],
    ['a binding of its own', { ...mapping({ resource_binding: 'tpu' }), resource_bindings: { tpu: { units: 2 } } }],
  ])('service-mapping.json: %s is accepted', (_, document) => {
    const validate = validator('service-mapping.json');
    expect([validate(document), validate.errors]).toEqual([true, null]);
  });

  test.each<[string, object]>([
    ['an unknown key', mapping({ resource_bindng: 'gpu' })],
    ['no service', { connectors: {}, workers: { a: {} } }],
    ['an empty service', mapping({ service: [] })],
    ['a capability that is no queue name', mapping({}, { capability: 'Big Words' })],
    ['an empty list of capabilities', mapping({}, { capability: [] })],
    ['another type', mapping({}, { type: 'remote' })],
    ['text for a number', mapping({ max_concurrent_jobs: 'many' })],
    ['a port that is none', mapping({ ports: [70_000] })],
    ['a variable with its value', mapping({ required_env: ['KEY=1'] })],
    ['no connectors', { workers: {} }],
    ['a list', []],
  ])('service-mapping.json: %s is refused', (_, document) => {
    expect(validator('service-mapping.json')(document)).toBe(false);
  });

  test.each<[string, object]>([
    ['an unknown key', { pools: { a: { concurrency: 1 } } }],
    ['another machine type', { pools: { a: { offers: { machine_type: 'gpuu' } } } }],
    ['zero jobs', { pools: { a: { max_concurrent_jobs: 0 } } }],
    ['a bad name', { pools: { 'A B': {} } }],
  ])('pools.json: %s is refused', (_, document) => {
    expect(validator('pools.json')(document)).toBe(false);
  });

  test('rest-service.json: an unknown kind or key is refused', () => {
    const echo = read(join(CONFIG, 'rest', 'echo.json.example'));
    const validate = validator('rest-service.json');
    expect(validate({ ...echo, kind: 'batch' })).toBe(false);
    expect(validate({ ...echo, base_urll: 'x' })).toBe(false);
    expect(validate({ ...echo, request: { body: {} } })).toBe(false);
  });
});
