import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { plant, runTool } from './repository.ts';

// In parts, so that a search of the tree for such words does not find them here.
const LATER = ['TO', 'DO'].join('');
const SKIP = ['sk', 'ip'].join('');
const SILENCE = ['eslint', 'disable-next-line'].join('-');

/** What the linter must refuse. */
const PLANTED: [rule: string, file: string, content: string][] = [
  [
    'no-floating-promises',
    'platform/floating.ts',
    `export function a(p: Promise<void>): void {\n  p.then(() => 1);\n}\n`,
  ],
  [
    'no-misused-promises',
    'platform/misused.ts',
    `export function a(p: Promise<boolean>): number {\n  return p ? 1 : 2;\n}\n`,
  ],
  [
    'await-thenable',
    'platform/thenable.ts',
    `export async function a(n: number): Promise<number> {\n  return await n;\n}\n`,
  ],
  [
    'return-await',
    'platform/lost-catch.ts',
    `export async function a(p: Promise<void>): Promise<void> {\n  try {\n    return p;\n  } catch {\n    return;\n  }\n}\n`,
  ],
  ['only-throw-error', 'platform/thrown.ts', `export function a(): never {\n  throw 'text';\n}\n`],
  [
    'preserve-caught-error',
    'platform/cause.ts',
    `export function a(f: () => void): void {\n  try {\n    f();\n  } catch (error) {\n    throw new Error('it failed');\n  }\n}\n`,
  ],
  ['no-explicit-any', 'platform/any.ts', `export function a(v: any): unknown {\n  return v;\n}\n`],
  [
    'switch-exhaustiveness-check',
    'platform/switch.ts',
    `export function a(v: 'x' | 'y'): number {\n  switch (v) {\n    case 'x':\n      return 1;\n  }\n  return 2;\n}\n`,
  ],
  [
    'no-deprecated',
    'platform/deprecated.ts',
    `/** @deprecated use nothing */\nfunction old(): number {\n  return 1;\n}\nexport const a = (): number => old();\n`,
  ],
  [
    'no-import-type-side-effects',
    'platform/inline-type.ts',
    `import { type Readable } from 'node:stream';\nexport type A = Readable;\n`,
  ],
  ['eqeqeq', 'platform/equal.ts', `export const a = (x: number, y: number): boolean => x == y;\n`],
  ['no-unused-vars', 'platform/unused.ts', `export function a(): number {\n  const left = 1;\n  return 2;\n}\n`],
  ['no-empty', 'platform/empty.ts', `export function a(f: () => void): void {\n  try {\n    f();\n  } catch {}\n}\n`],
  ['no-console', 'platform/console.ts', `export function a(): void {\n  console.log('hello');\n}\n`],
  ['prefer-node-protocol', 'platform/protocol.ts', `import { join } from 'path';\nexport const a = join;\n`],
  ['no-warning-comments', 'platform/later.ts', `// ${LATER}: finish\nexport const a = 1;\n`],
  ['max-lines', 'platform/long.ts', `export const a = 1;\n`.padEnd(600, '\n')],
  ['no-focused-tests', 'tests/focused.test.ts', `import { test } from '@jest/globals';\ntest.only('a', () => {});\n`],
  [
    'no-disabled-tests',
    'tests/skipped.test.ts',
    `import { test } from '@jest/globals';\ntest.${SKIP}('a', () => {});\n`,
  ],
  [
    'Unused eslint-disable',
    'platform/suppressed.ts',
    `// ${SILENCE} no-console -- not needed any more\nexport const a = 1;\n`,
  ],
];

/** What it must let pass. */
const SOUND: Record<string, string> = {
  'cli/output.ts': `export function say(text: string): void {\n  console.log(text);\n}\n`,
  'platform/null-check.ts': `export const a = (x: string | null | undefined): boolean => x == null;\n`,
  'platform/voided.ts': `export function a(p: Promise<void>): void {\n  void p;\n}\n`,
};

interface Report {
  diagnostics: { message: string; code?: string; filename: string; severity: string }[];
}

describe('the linter', () => {
  const project = plant({ ...SOUND, ...Object.fromEntries(PLANTED.map(([, file, content]) => [file, content])) }, [
    '.oxlintrc.json',
    'tsconfig.json',
    'package.json',
  ]);
  let report: Report;
  let code: number;

  beforeAll(async () => {
    const run = await runTool(
      'node_modules/oxlint/bin/oxlint',
      ['--type-aware', '--deny-warnings', '-f', 'json'],
      project.dir,
    );
    if (!run.stdout.includes('"diagnostics"')) throw new Error(`oxlint did not answer: ${run.stdout}${run.stderr}`);
    report = JSON.parse(run.stdout) as Report;
    code = run.code;
  }, 60_000);
  afterAll(project.remove);

  test.each(PLANTED)('refuses %s: %s', (rule, file) => {
    const named = report.diagnostics.filter(
      (d) => d.filename === file && `${d.code ?? ''} ${d.message}`.includes(rule),
    );
    expect(named.map((d) => d.severity)).toContain('error');
  });

  test.each(Object.keys(SOUND))('accepts %s', (file) => {
    expect(report.diagnostics.filter((d) => d.filename === file)).toEqual([]);
  });

  test('ends with an error', () => {
    expect(code).not.toBe(0);
  });
});
