import { spawn } from 'node:child_process';
import { root } from './project.mjs';

/**
 * Runs a program to its end in the checkout, its output going where ours goes.
 * @param {string} command
 * @param {string[]} args
 * @param {{env?: NodeJS.ProcessEnv, quiet?: boolean, stdout?: 'inherit' | 'ignore'}} [options]
 *   quiet: keep the output and return it instead
 * @returns {Promise<{code: number, output: string}>} code 128 + n when a signal ended it
 */
function run(command, args, { env = process.env, quiet = false, stdout = 'inherit' } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: root,
      env,
      stdio: quiet ? ['ignore', 'pipe', 'pipe'] : ['inherit', stdout, 'inherit'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text) => {
        output += text;
      });
    }
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code: code ?? (signal === 'SIGINT' ? 130 : 143), output }));
  });
}

/** Runs a Node program of an installed package by its file, without a shell and without npx. */
export function runNode(file, args, options) {
  return run(process.execPath, [file, ...args], options);
}
