import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT, type ToolRun } from '../../house/repository.ts';

const LEFT_OUT = new Set(['node_modules', '.git', '.switchyard', '.ci', 'coverage']);

/** A copy of this checkout, built, with its packages, in which anything may be written. */
export class ScratchCheckout {
  readonly folder = mkdtempSync(join(tmpdir(), 'switchyard-scratch-'));

  constructor() {
    for (const name of readdirSync(ROOT)) {
      if (LEFT_OUT.has(name)) continue;
      // What has not changed need not be built again: that is seen by the time.
      cpSync(join(ROOT, name), join(this.folder, name), { recursive: true, preserveTimestamps: true });
    }
    symlinkSync(join(ROOT, 'node_modules'), join(this.folder, 'node_modules'));
  }

  /** The command of this checkout, with nothing of the surroundings. */
  readonly run = (...args: string[]): Promise<ToolRun> => this.#start(['dist/cli/main.js', ...args]);

  /** The program of a package, in this checkout. */
  readonly tool = (script: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<ToolRun> =>
    this.#start([join('node_modules', script), ...args], env);

  /** A script of this checkout. */
  readonly node = (...args: string[]): Promise<ToolRun> => this.#start(args);

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }

  #start(args: string[], extra: NodeJS.ProcessEnv = {}): Promise<ToolRun> {
    const { PATH, HOME, SWITCHYARD_TEMPORAL_BINARY } = process.env;
    const env = { PATH, HOME, SWITCHYARD_TEMPORAL_BINARY, NO_COLOR: '1', ...extra };
    return new Promise((done) => {
      execFile(process.execPath, args, { cwd: this.folder, env, maxBuffer: 1e8 }, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
        done({ code, stdout, stderr });
      });
    });
  }
}
