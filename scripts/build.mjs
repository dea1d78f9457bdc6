#!/usr/bin/env node
/**
 * Builds dist/: the JavaScript of every folder tsconfig.build.json names, the files beside it that are read at run
 * time, and the workflow bundle. Does nothing when nothing changed. Types are not checked here but by `npm run types`
 * (part of `npm run verify`): a build that only strips types takes a second.
 */
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, extname, join, relative } from 'node:path';
import { withLock } from './lib/lock.mjs';
import { dist, has, isMain, root, setupState } from './lib/project.mjs';
import { runNode } from './lib/run.mjs';
import { say, step } from './lib/say.mjs';

const STAMP = join(dist, '.build-stamp.json');
const BUNDLE = join(dist, 'workflow-bundle.js');
const ASSETS = new Set(['.json', '.html', '.css', '.svg', '.js', '.wasm']);
/** A Go module lies there, nothing of which is needed at run time except to be built. */
const NOT_OURS = ['platform/temporal/server-module'];
const BUNDLED = ['workflows/', 'contract/'];

/** Makes dist/ match the sources. @returns {Promise<boolean>} whether anything had to be built */
export async function build() {
  const folders = await sourceFolders();
  const before = await fingerprint(folders);
  if (await isFresh(before)) return false;
  return withLock(
    join(setupState, 'build.lock'),
    { onWait: (pid) => say(`Waiting for the build that process ${pid} is doing`) },
    async () => {
      const wanted = await fingerprint(folders);
      if (await isFresh(wanted)) return false;
      const stamp = await readStamp();
      await step('Building', 'about 3 s; up to half a minute the first time', async () => {
        if (stamp.code !== wanted.code) await compile(wanted);
        if (stamp.bundle !== wanted.bundle && has('workflows/index.ts')) await bundleWorkflows();
      });
      await writeFile(
        STAMP,
        JSON.stringify({ code: wanted.code, bundle: has('workflows/index.ts') ? wanted.bundle : undefined }),
      );
      return true;
    },
  );
}

/** Whether dist/ matches the sources: for `switchyard doctor`. */
export async function isBuilt() {
  return isFresh(await fingerprint(await sourceFolders()));
}

async function sourceFolders() {
  const config = JSON.parse(await readFile(join(root, 'tsconfig.build.json'), 'utf8'));
  return config.include.filter(has);
}

/** What the build depends on, by size and time of change: reading every file would cost more than it tells. */
async function fingerprint(folders) {
  const files = [];
  for (const folder of folders) {
    for (const entry of await readdir(join(root, folder), { recursive: true, withFileTypes: true })) {
      const path = relative(root, join(entry.parentPath, entry.name)).replaceAll('\\', '/');
      if (
        !entry.isFile() ||
        path.endsWith('.d.ts') ||
        path.endsWith('.test.ts') ||
        NOT_OURS.some((p) => path.startsWith(p))
      )
        continue;
      if (path.endsWith('.ts') || (ASSETS.has(extname(path)) && !path.endsWith('package.json'))) files.push(path);
    }
  }
  files.sort();
  const common = ['package-lock.json', 'tsconfig.json', 'tsconfig.build.json', 'scripts/build.mjs'];
  return {
    files,
    code: await hashOf([...common, ...files]),
    bundle: await hashOf([...common, ...files.filter((f) => BUNDLED.some((p) => f.startsWith(p)))]),
  };
}

async function hashOf(paths) {
  const hash = createHash('sha256').update(process.version);
  const facts = await Promise.all(
    paths.map((path) => stat(join(root, path)).then((s) => `${path} ${s.size} ${s.mtimeMs}`)),
  );
  return hash.update(facts.join('\n')).digest('hex');
}

async function readStamp() {
  return JSON.parse(await readFile(STAMP, 'utf8').catch(() => '{}'));
}

async function isFresh(wanted) {
  const stamp = await readStamp();
  if (stamp.code !== wanted.code || !has('dist/contract')) return false;
  return !has('workflows/index.ts') || (stamp.bundle === wanted.bundle && has('dist/workflow-bundle.js'));
}

async function compile({ files }) {
  // The compiler's own record says what it wrote; without the files it is wrong.
  if (!has('dist/contract')) await rm(join(dist, '.tsbuildinfo'), { force: true });
  await runCompiler();
  // The record counts a file as written that a build has removed, one that ran while the file was being made.
  if (files.some((path) => path.endsWith('.ts') && !has(`dist/${path.replace(/\.ts$/, '.js')}`))) {
    await rm(join(dist, '.tsbuildinfo'), { force: true });
    await runCompiler();
  }
  for (const asset of files.filter((path) => !path.endsWith('.ts'))) {
    await mkdir(dirname(join(dist, asset)), { recursive: true });
    await copyFile(join(root, asset), join(dist, asset));
  }
  await removeLeftOvers(files);
}

async function runCompiler() {
  const { code, output } = await runNode(
    join(root, 'node_modules/typescript/bin/tsc'),
    ['-p', 'tsconfig.build.json', '--noCheck'],
    { quiet: true },
  );
  if (code === 0) return;
  const refused = new Map([...output.matchAll(REFUSED)].map(([line, path]) => [path, line]));
  if (refused.size === 0 || ![...refused.keys()].every((path) => ADDED.test(path)))
    throw new Error(`The TypeScript compiler refused the sources:\n${output}`);
  for (const [path, line] of refused) await refuse(path, line);
}

/** What the compiler says of a file that is no TypeScript. */
const REFUSED = /^(.+?)\(\d+,\d+\): error TS\d+: .*$/gm;
/** Files of connectors, which are found by looking into the folder: one that is broken must not keep the others away. */
const ADDED = /^connectors\/(?!(?:contract|base|http|registry|plugins)\/|index\.ts$)/;

/** In place of a file that is no TypeScript: says so to whoever loads it. The class is what discovery looks for. */
async function refuse(path, line) {
  say(`Left out: ${line}`);
  const [, className = 'RefusedConnector'] =
    /\bclass\s+(\w+Connector)\b/.exec(await readFile(join(root, path), 'utf8')) ?? [];
  const text = `throw new SyntaxError(${JSON.stringify(line)});\nexport class ${className} {}\n`;
  await writeFile(join(dist, path.replace(/\.ts$/, '.js')), text);
}

/** A source that was removed must not live on as JavaScript: connectors are found by looking into folders. */
async function removeLeftOvers(files) {
  const kept = new Set(
    files.flatMap((f) => (f.endsWith('.ts') ? [f.replace(/\.ts$/, '.js'), f.replace(/\.ts$/, '.js.map')] : [f])),
  );
  for (const entry of await readdir(dist, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = relative(dist, join(entry.parentPath, entry.name)).replaceAll('\\', '/');
    if (path.includes('/') && !kept.has(path)) await rm(join(dist, path));
  }
}

async function bundleWorkflows() {
  const { bundleWorkflowCode, DefaultLogger } = await import('@temporalio/worker');
  const { code } = await bundleWorkflowCode({
    workflowsPath: join(root, 'workflows/index.ts'),
    logger: new DefaultLogger('WARN'),
    // Evaluated once for a whole worker instead of once for every job. Right as long as no module of them keeps state
    // (tests/house/workflow-modules).
    preloadModules: ['@temporalio/workflow', join(root, 'workflows/index.ts')],
  });
  await writeFile(`${BUNDLE}.part`, code);
  await rename(`${BUNDLE}.part`, BUNDLE);
}

if (isMain(import.meta.url)) {
  const { bootstrap } = await import('./bootstrap.mjs');
  try {
    await bootstrap();
    if (!(await build())) say('Nothing to build: dist/ is up to date');
  } catch (error) {
    say(error.message);
    process.exit(1);
  }
}
