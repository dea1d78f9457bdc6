#!/usr/bin/env node
/** `npm test`: installs and builds what is missing, runs jest, and ends on one plain line of counts. */
import { readFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { bootstrap } from './bootstrap.mjs';
import { has, root } from './lib/project.mjs';
import { runNode } from './lib/run.mjs';
import { say } from './lib/say.mjs';

const NODE_OPTIONS = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
const MOST_UNSTEADY_FILES = 12;

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
  const first = await jest(args, env);
  if (!first.result) {
    say('jest ended without a result');
    return first.code || 1;
  }
  const second = args.length === 0 ? await again(first.result, env) : undefined;
  return report(first, second);
}

async function jest(args, env) {
  const folder = await mkdtemp(join(tmpdir(), 'switchyard-test-'));
  try {
    const file = join(folder, 'result.json');
    const program = join(root, 'node_modules/jest/bin/jest.js');
    const { code } = await runNode(
      program,
      ['--config', 'jest.config.mjs', '--json', `--outputFile=${file}`, ...args],
      {
        env,
        // --json also prints the whole result there.
        stdout: 'ignore',
      },
    );
    const text = await readFile(file, 'utf8').catch(() => undefined);
    return { code, result: text && JSON.parse(text) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Runs the files that failed once more, alone: tests that start real processes side by side can starve on a small or
 * busy machine. What passes then is named as unsteady, never hidden; what fails again is a failure. More files than
 * a busy machine explains are a failure at once.
 */
async function again(result, env) {
  const files = result.testResults.filter(({ status }) => status === 'failed').map(({ name }) => name);
  if (files.length === 0 || files.length > MOST_UNSTEADY_FILES) return undefined;
  say(`once more, one after the other: ${files.map((file) => relative(root, file)).join(', ')}`);
  return { files, ...(await jest(['--runInBand', '--runTestsByPath', ...files], env)) };
}

function report(first, second) {
  const before = counts(first.result);
  const after = second?.result && counts(second.result);
  const total = after
    ? { ...before, passed: before.passed + before.failed - after.failed, failed: after.failed }
    : before;
  if (after) {
    const steady = second.result.testResults.filter(({ status }) => status !== 'failed').map(({ name }) => name);
    for (const file of steady) say(`unsteady: ${relative(root, file)} failed beside others and passed alone`);
  }
  const skipped = total.skipped ? `, ${total.skipped} skipped` : '';
  process.stdout.write(`${total.passed} passed, ${total.failed} failed${skipped}\n`);
  return after ? second.code : first.code;
}

function counts(result) {
  return {
    passed: result.numPassedTests,
    // A file that could not even be loaded holds no counted test.
    failed: result.numFailedTests + result.numRuntimeErrorTestSuites,
    skipped: result.numPendingTests + result.numTodoTests,
  };
}
