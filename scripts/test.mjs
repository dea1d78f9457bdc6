#!/usr/bin/env node
/** `npm test`: installs and builds what is missing, runs jest, and ends on one plain line of counts. */
import { readFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bootstrap } from './bootstrap.mjs';
import { has, root } from './lib/project.mjs';
import { runNode } from './lib/run.mjs';
import { say } from './lib/say.mjs';

const NODE_OPTIONS = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];

try {
  await bootstrap();
  const { build } = await import('./build.mjs');
  await build();
  process.exitCode = await test(process.argv.slice(2));
} catch (error) {
  say(error.message);
  process.exitCode = 1;
}

async function test(args) {
  const env = { ...process.env };
  const { streamProgress } = await import('../dist/platform/processes/progress.js');
  const progress = streamProgress(process.stderr);
  if (!env.SWITCHYARD_TEMPORAL_BINARY) {
    const { findTemporalBinary } = await import('../dist/platform/temporal/binary/find-binary.js');
    env.SWITCHYARD_TEMPORAL_BINARY = (await findTemporalBinary({ env, progress })).path;
  }
  if (has('tests/browser')) {
    const { default: chromium } = await import('@sparticuz/chromium');
    // Unpacked once, here: two test files doing it side by side would trip over each other.
    await progress.step('Unpacking the browser', 'about 3 s the first time', () => chromium.executablePath());
  }
  env.NODE_OPTIONS = [env.NODE_OPTIONS, ...NODE_OPTIONS].filter(Boolean).join(' ');
  // Settings of the shell that runs the tests must not reach the stacks they start.
  for (const name of Object.keys(env)) {
    if (/^(SWITCHYARD|TEMPORAL)_/.test(name) && name !== 'SWITCHYARD_TEMPORAL_BINARY') delete env[name];
  }
  const folder = await mkdtemp(join(tmpdir(), 'switchyard-test-'));
  try {
    const file = join(folder, 'result.json');
    const jest = join(root, 'node_modules/jest/bin/jest.js');
    const { code } = await runNode(jest, ['--config', 'jest.config.mjs', '--json', `--outputFile=${file}`, ...args], {
      env,
      // --json also prints the whole result there.
      stdout: 'ignore',
    });
    return report(code, await readFile(file, 'utf8').catch(() => undefined));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function report(code, text) {
  if (text === undefined) {
    say('jest ended without a result');
    return code || 1;
  }
  const result = JSON.parse(text);
  const skipped = result.numPendingTests + result.numTodoTests;
  // A file that could not even be loaded holds no counted test.
  const failed = result.numFailedTests + result.numRuntimeErrorTestSuites;
  process.stdout.write(`${result.numPassedTests} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}\n`);
  return code;
}
