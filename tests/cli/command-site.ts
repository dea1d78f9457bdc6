import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ProcessStack } from '../harness/process-stack.ts';
import { runCommand, startCommand, type Ran, type Running } from './run-command.ts';

/** A folder to work in and a small site of real processes, which the command finds by SWITCHYARD_URL. */
export class CommandSite {
  readonly stack: ProcessStack;
  readonly folder: string;

  private constructor(stack: ProcessStack, folder: string) {
    this.stack = stack;
    this.folder = folder;
  }

  /** API, orchestrator, and workers for these pools. */
  static async start(pools: readonly string[] = ['standard', 'fast-lane']): Promise<CommandSite> {
    const folder = await mkdtemp(join(tmpdir(), 'switchyard-cli-'));
    const stack = await ProcessStack.start();
    await stack.server();
    for (const pool of pools) await stack.worker(pool);
    return new CommandSite(stack, folder);
  }

  async stop(): Promise<void> {
    await this.stack.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Beginning of a command: current folder and environment. */
  surroundings(env: NodeJS.ProcessEnv = {}): { cwd: string; env: NodeJS.ProcessEnv } {
    return { cwd: this.folder, env: { ...this.stack.env, SWITCHYARD_URL: this.stack.api, ...env } };
  }

  readonly run = (...args: string[]): Promise<Ran> => runCommand(args, this.surroundings());

  readonly start = (...args: string[]): Running => startCommand(args, this.surroundings());

  /** The answer to a command that must succeed. */
  readonly json = async <T>(...args: string[]): Promise<T> =>
    JSON.parse((await this.#succeed(...args, '--json')).stdout) as T;

  /** Submits without watching. @returns the id */
  readonly submit = async (...args: string[]): Promise<string> =>
    (await this.#succeed('submit', ...args)).stdout.trim();

  async #succeed(...args: string[]): Promise<Ran> {
    const ran = await this.run(...args);
    if (ran.code !== 0) throw new Error(`exit code ${ran.code}: ${ran.stderr}`);
    return ran;
  }
}
