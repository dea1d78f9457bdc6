import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { LOG_FIELD_SETS } from '../../connectors/base/logging/field-sets.ts';
import { ROOT } from '../house/repository.ts';

const text = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

test.each(Object.entries(LOG_FIELD_SETS))('docs/logging.md lists the fields of %s', (family, set) => {
  const row = text('docs/logging.md')
    .split('\n')
    .find((line) => line.startsWith(`| \`${family}`));
  const shared = row?.includes('as `openai-*`') ? Object.keys(LOG_FIELD_SETS['openai'] ?? {}) : [];
  expect(Object.keys(set).filter((field) => !shared.includes(field) && !row?.includes(`\`${field}\``))).toEqual([]);
});

interface Pipeline {
  service: { parsers_file: string };
  pipeline: Record<'inputs' | 'outputs', { name: string; tag?: string; parser?: string; path?: string }[]>;
}

test('the Fluent Bit example reads what is written: a parser by name, a tail and an http input', () => {
  const { service, pipeline } = parse(text('deploy/fluent-bit/fluent-bit.yaml')) as Pipeline;
  const parsers = text(`deploy/fluent-bit/${service.parsers_file}`);
  const [tail, http] = pipeline.inputs;
  expect(tail).toMatchObject({ name: 'tail', path: '${SWITCHYARD_DATA}/logs/*.log' });
  expect(http).toMatchObject({ name: 'http', port: 9880 });
  expect(parsers).toMatch(new RegExp(`Name\\s+${tail?.parser}\\n\\s+Format\\s+json\\n\\s+Time_Key\\s+time`));
});
