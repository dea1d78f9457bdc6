import { loadSite } from '../../platform/config/load-site.ts';
import { runStack } from './run-stack.ts';

/** Errors whose message says everything; of others the stack is printed too. */
const FIT_TO_PRINT = new Set(['ConfigError', 'StackError', 'NoTemporalBinaryError', 'NamespaceSetupError']);

/**
 * `npm start`: the stack, without loading the rest of the command line.
 * @param startedAt when the command was given, milliseconds since 1970
 */
export async function main(startedAt: number): Promise<void> {
  // A closed terminal or pipe is no reason to fall: the stack goes on, or is told to stop by its signal.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  try {
    const loaded = loadSite(process.env);
    process.exitCode = await runStack(loaded, { env: process.env, startedAt });
  } catch (error) {
    const { name, message, stack } = error as Error;
    process.stderr.write(`\n${FIT_TO_PRINT.has(name) ? message : stack}\n`);
    process.exitCode = name === 'ConfigError' ? 2 : 1;
  }
}
