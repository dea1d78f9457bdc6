#!/usr/bin/env node
/**
 * Makes sure that the packages of package-lock.json are installed for this Node. Node's own modules only: it runs
 * before anything is installed.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { withLock } from './lib/lock.mjs';
import { isMain, root, setupState } from './lib/project.mjs';
import { say, step } from './lib/say.mjs';

const LEAST_NODE = [20, 19];

/**
 * Installs when node_modules is missing or was made from another lock file or for another Node.
 * @returns {Promise<boolean>} whether it installed
 * @throws Error with a message fit to print: Node too old, or what npm said
 */
export async function bootstrap() {
  requireNode();
  if (isInstalled()) return false;
  // Not inside node_modules: npm ci removes that folder first.
  const lock = join(
    tmpdir(),
    `switchyard-install-${createHash('sha256').update(root).digest('hex').slice(0, 16)}.lock`,
  );
  return withLock(
    lock,
    { onWait: (pid) => say(`Waiting for the installation that process ${pid} is doing`) },
    async () => {
      if (isInstalled()) return false;
      await step('Installing the packages (npm ci)', 'about 20 s; a few minutes on a slow line', () => npmCi());
      writeStamp();
      return true;
    },
  );
}

/** @throws Error when Node is older than we need */
function requireNode() {
  const version = process.versions.node;
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > LEAST_NODE[0] || (major === LEAST_NODE[0] && minor >= LEAST_NODE[1])) return;
  throw new Error(
    `Switchyard needs Node.js ${LEAST_NODE.join('.')} or newer; this is ${version} (${process.execPath}).\n` +
      'Install a newer one from https://nodejs.org/ or with your version manager (nvm install 22, fnm install 22).',
  );
}

const stampFile = join(setupState, 'installed');

/** What decides which native packages are picked. */
const MACHINE = `abi ${process.versions.modules} ${process.platform} ${process.arch}`;

function wantedStamp() {
  const hash = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  return `${MACHINE} lock ${hash}\n`;
}

/** Whether node_modules is what the lock file asks for. */
export function isInstalled() {
  const stamp = existsSync(stampFile) ? readFileSync(stampFile, 'utf8') : undefined;
  if (stamp === wantedStamp()) return true;
  if (stamp !== undefined && !stamp.startsWith(`${MACHINE} `)) return false;
  if (!npmInstalledThisLock()) return false;
  writeStamp();
  return true;
}

/**
 * Whether node_modules holds what the lock file names: somebody ran `npm ci`, as a CI does, or `npm install`, as one
 * does who adds a package. Optional packages may be missing: they are for other systems. npm's own record of
 * node_modules will not do: `npm install --package-lock-only` rewrites it and installs nothing.
 */
function npmInstalledThisLock() {
  if (!existsSync(join(root, 'node_modules'))) return false;
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages ?? {};
  return Object.entries(wanted).every(([path, entry]) => {
    if (!path.startsWith('node_modules/')) return true;
    const manifest = join(root, path, 'package.json');
    if (!existsSync(manifest)) return entry.optional === true;
    return entry.link || JSON.parse(readFileSync(manifest, 'utf8')).version === entry.version;
  });
}

function writeStamp() {
  mkdirSync(setupState, { recursive: true });
  writeFileSync(stampFile, wantedStamp());
}

/**
 * npm hands its own settings down to scripts; an `npm ci` inside `npm start` would take them for its own (`--omit=dev`,
 * a workspace, a prefix). Registry, proxy, certificates and cache must stay: a closed network may need them.
 */
function npmEnvironment(env) {
  const kept =
    /^npm_config_(registry|.*:registry|.*_auth.*|.*_authtoken|userconfig|globalconfig|cache|proxy|https_proxy|noproxy|cafile|ca|strict_ssl|fetch_.*|maxsockets|prefer_offline|offline)$/i;
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => {
      const lower = name.toLowerCase();
      if (
        lower === 'node_env' ||
        lower === 'init_cwd' ||
        lower === 'npm_command' ||
        lower === 'npm_execpath' ||
        lower === 'npm_node_execpath'
      )
        return false;
      if (lower.startsWith('npm_lifecycle_') || lower.startsWith('npm_package_')) return false;
      return !lower.startsWith('npm_config_') || kept.test(name);
    }),
  );
}

/** npm adds its whole manual to some errors. */
function firstLines(text) {
  const lines = text.trim().split('\n');
  return lines.length > 15
    ? [...lines.slice(0, 15), `  ... and ${lines.length - 15} lines more`].join('\n')
    : lines.join('\n');
}

function npmCi() {
  const args = ['ci', '--include=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  return new Promise((resolve, reject) => {
    const npm = spawn('npm', args, {
      cwd: root,
      env: npmEnvironment(process.env),
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: process.platform === 'win32',
    });
    let output = '';
    for (const stream of [npm.stdout, npm.stderr])
      stream.setEncoding('utf8').on('data', (text) => {
        output += text;
      });
    npm.once('error', (error) =>
      reject(
        new Error(`npm could not be run (${error.message}); install npm, or run "npm ci --ignore-scripts" yourself`),
      ),
    );
    npm.once('close', (code) => {
      if (code === 0) return resolve();
      reject(
        new Error(
          `npm ci failed (status ${code}). It said:\n${firstLines(output)}\n\nIs the package registry reachable (npm ping)? Then try again; this step starts over by itself.`,
        ),
      );
    });
  });
}

if (isMain(import.meta.url)) {
  try {
    if (!(await bootstrap())) say('The packages are installed');
  } catch (error) {
    say(error.message);
    process.exit(1);
  }
}
