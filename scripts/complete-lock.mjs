#!/usr/bin/env node
/**
 * Adds to package-lock.json the builds for other systems that npm left out. A registry mirror that lacks, say, the
 * macOS build of a linter makes `npm install` write a lock file without it, and `npm ci` then refuses that lock file
 * on every system ("Missing: … from lock file"). Run it after adding or updating a package; `--check` only looks.
 *
 * The version comes from the package that wants the build, system and processor from the build's name. There is no
 * integrity hash: npm checks none where the lock file has none.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMain, root } from './lib/project.mjs';
import { say } from './lib/say.mjs';

const SYSTEMS = {
  darwin: 'darwin',
  linux: 'linux',
  win32: 'win32',
  android: 'android',
  freebsd: 'freebsd',
  openharmony: 'openharmony',
};
const PROCESSORS = {
  arm64: 'arm64',
  x64: 'x64',
  ia32: 'ia32',
  arm: 'arm',
  ppc64: 'ppc64',
  riscv64: 'riscv64',
  s390x: 's390x',
  loong64: 'loong64',
  wasm32: 'wasm32',
};
const LIBRARIES = { gnu: 'glibc', gnueabihf: 'glibc', musl: 'musl', musleabihf: 'musl' };

/**
 * @param {{packages: Record<string, any>}} lock
 * @returns {{path: string, entry: object}[]} what is missing, in the form the lock file wants it
 */
export function missingBuilds(lock) {
  const missing = new Map();
  for (const [path, entry] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      if (isThere(lock, path, name)) continue;
      missing.set(`node_modules/${name}`, {
        version,
        ...platformOf(name),
        ...(entry.dev ? { dev: true } : {}),
        optional: true,
      });
    }
  }
  return [...missing].map(([path, entry]) => ({ path, entry }));
}

/** Node's own rule: beside the package, or beside any folder above it. */
function isThere(lock, from, name) {
  for (let folder = from; ; folder = folder.slice(0, folder.lastIndexOf('/node_modules/'))) {
    if (lock.packages[`${folder ? `${folder}/` : ''}node_modules/${name}`]) return true;
    if (!folder.includes('/node_modules/')) return Boolean(lock.packages[`node_modules/${name}`]);
  }
}

function platformOf(name) {
  const words = name.split(/[/-]/);
  const pick = (table) => words.map((word) => table[word]).find(Boolean);
  const found = { os: pick(SYSTEMS), cpu: pick(PROCESSORS), libc: pick(LIBRARIES) };
  if (!found.cpu)
    throw new Error(
      `${name} is optional and not in the lock file, and its name does not say for which system it is: add it by hand`,
    );
  return Object.fromEntries(Object.entries(found).flatMap(([key, value]) => (value ? [[key, [value]]] : [])));
}

if (isMain(import.meta.url)) {
  const file = join(root, 'package-lock.json');
  const lock = JSON.parse(readFileSync(file, 'utf8'));
  const missing = missingBuilds(lock);
  for (const { path, entry } of missing) lock.packages[path] = entry;
  lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, 'en')));
  if (missing.length > 0 && !process.argv.includes('--check'))
    writeFileSync(file, `${JSON.stringify(lock, undefined, 2)}\n`);
  say(
    missing.length === 0
      ? 'package-lock.json is complete'
      : `package-lock.json: ${missing.map((m) => m.path.replace('node_modules/', '')).join(', ')}`,
  );
  process.exit(missing.length > 0 && process.argv.includes('--check') ? 1 : 0);
}
