import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { text as readAll } from 'node:stream/consumers';
import type { Command } from 'commander';
import { type CustomNode, type CustomNodeResult, readNodeList } from '../../connectors/comfyui/nodes/custom-node.ts';
import type { ComfyUIRemoteConnector } from '../../connectors/comfyui/connector.ts';
import { ConnectorError } from '../../connectors/contract/connector-error.ts';
import { CliError, usageError } from '../cli-error.ts';
import { EXIT } from '../exit-codes.ts';
import { count, formatElapsed } from '../output/format.ts';
import { plain } from '../output/text-width.ts';
import { note, sayJson, type Terminal } from '../terminal.ts';
import { examples, globalOptions, type CommandContext } from './context.ts';
import { wholeNumber } from './option-values.ts';

interface Options {
  list?: string;
  path?: string;
  server?: string;
  python?: string;
  parallel?: number;
  runInstallScripts?: boolean;
}

export function addComfyUI(parent: Command, context: CommandContext): void {
  const comfyui = parent.command('comfyui').description('Look after a ComfyUI installation');
  addFree(comfyui, context);
  comfyui
    .command('install-nodes')
    .description('Install custom nodes, many at a time; one that fails does not stop the others')
    .argument('[nodes...]', 'ADDRESS[@REF] of git repositories')
    .option('--list <file>', 'a file of nodes: JSON, or lines of ADDRESS[@REF] [NAME]; - is standard input')
    .option('--path <dir>', 'the folder of ComfyUI on this machine (COMFYUI_DIR)')
    .option('--server <url>', 'a ComfyUI elsewhere, through the ComfyUI-Manager there (COMFYUI_URL)')
    .option('--python <program>', "the Python that ComfyUI runs on; default: the folder's own (COMFYUI_PYTHON)")
    .option('--parallel <number>', 'repositories fetched at one time (4)', wholeNumber(1, 64))
    .option('--run-install-scripts', 'also run the install.py that some nodes bring')
    .addHelpText(
      'after',
      `${examples(
        ['switchyard comfyui install-nodes --list nodes.txt --path ~/ComfyUI', ''],
        ['switchyard comfyui install-nodes https://github.com/owner/nodes@v1.2 --path ~/ComfyUI', ''],
      )}

Doing it again changes nothing that is right already. ComfyUI loads new nodes when it starts the next time.
What git and pip said stands in DIR/.switchyard/nodes/NAME.log.`,
    )
    .action(async (addresses: string[], options: Options, command: Command) => {
      const { terminal } = context;
      const results = await install(terminal, addresses, options).catch((error: unknown) => {
        if (!(error instanceof ConnectorError)) throw error;
        const usage = error.code === 'validation' || error.code === 'not_found';
        throw new CliError(usage ? EXIT.usage : EXIT.error, error.message, { cause: error });
      });
      const failed = results.filter(({ status }) => status === 'failed').length;
      if (globalOptions(command).json) sayJson(terminal, { nodes: results });
      else if (failed > 0)
        note(terminal, terminal.errorStyle.bad(`${count(failed, 'node')} of ${results.length} failed`));
      context.exitCode = failed > 0 ? EXIT.error : EXIT.ok;
    });
}

function addFree(comfyui: Command, context: CommandContext): void {
  comfyui
    .command('free')
    .description('Unload models and drop the node cache of a ComfyUI, after the prompt that runs now')
    .option('--server <url>', 'the ComfyUI (COMFYUI_URL)')
    .option('--models-only', 'keep the cache of node outputs')
    .addHelpText('after', examples(['switchyard comfyui free --server http://127.0.0.1:8188', '']))
    .action(async ({ server, modelsOnly = false }: { server?: string; modelsOnly?: boolean }) => {
      await withServer(context.terminal, server, (connector) =>
        connector.freeMemory({ unload_models: true, free_memory: !modelsOnly }),
      );
      context.exitCode = EXIT.ok;
    });
}

/** Has a connector for that server for a while. @throws CliError in words for people */
async function withServer<T>(
  { env }: Terminal,
  given: string | undefined,
  work: (connector: ComfyUIRemoteConnector) => Promise<T>,
): Promise<T> {
  const url = given ?? env['COMFYUI_URL'];
  if (!url) throw usageError('Nobody says where ComfyUI is', 'Give --server URL, or set COMFYUI_URL');
  const { ComfyUIRemoteConnector: Connector } = await import('../../connectors/comfyui/connector.ts');
  const connector = new Connector('cli', { url, dir: '' });
  try {
    return await work(connector);
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error;
    throw new CliError(error.code === 'validation' ? EXIT.usage : EXIT.error, error.message, { cause: error });
  } finally {
    await connector.cleanup();
  }
}

async function install(terminal: Terminal, addresses: string[], options: Options): Promise<CustomNodeResult[]> {
  const { env, cwd } = terminal;
  const nodes = [...addresses.flatMap((each) => readNodeList(each)), ...(await fromFile(terminal, options.list))];
  if (nodes.length === 0) throw usageError('No nodes are named', 'Give their addresses, or --list FILE');
  const dir = options.path ?? (options.server === undefined ? env['COMFYUI_DIR'] : undefined);
  const stop = new AbortController();
  const release = terminal.onInterrupt(() =>
    stop.abort(new CliError(EXIT.interrupted, 'Interrupted', { hint: 'The same command goes on from here' })),
  );
  const common = {
    signal: stop.signal,
    onResult: (result: CustomNodeResult) => note(terminal, line(terminal, result)),
  };
  try {
    if (dir) {
      // Loaded when it is needed: no other command waits for it.
      const { installCustomNodes } = await import('../../connectors/comfyui/nodes/install-nodes.ts');
      return await installCustomNodes(resolve(cwd, dir), nodes, {
        ...common,
        python: options.python ?? env['COMFYUI_PYTHON'],
        parallel: options.parallel,
        installScripts: options.runInstallScripts,
        onWait: (pid) => note(terminal, `process ${pid} installs into that folder; waiting for it`),
      });
    }
    return await withServer(terminal, options.server, (connector) => connector.installCustomNodes(nodes, common));
  } finally {
    release();
  }
}

async function fromFile(terminal: Terminal, file: string | undefined): Promise<CustomNode[]> {
  if (file === undefined) return [];
  if (file === '-') return readNodeList(await readAll(terminal.stdin));
  try {
    return readNodeList(await readFile(resolve(terminal.cwd, file), 'utf8'));
  } catch (error) {
    if (error instanceof ConnectorError) throw error;
    throw usageError(`The list cannot be read: ${(error as Error).message}`);
  }
}

function line({ errorStyle }: Terminal, { name, status, commit, error, note: remark, duration_ms }: CustomNodeResult) {
  const paint = status === 'failed' ? errorStyle.bad : status === 'unchanged' ? errorStyle.dim : errorStyle.bold;
  const what = [name, commit?.slice(0, 10), error ?? remark].filter(Boolean).join('  ');
  return `${paint(status.padEnd(9))}  ${plain(what)}  ${errorStyle.dim(formatElapsed(duration_ms))}`;
}
