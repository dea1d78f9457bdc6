import { type Command, Option } from 'commander';
import { usageError } from '../../cli-error.ts';
import { readJsonArgument } from '../../input/read-json.ts';
import type { Terminal } from '../../terminal.ts';
import { collect, wholeNumber } from '../option-values.ts';

export interface ConfigOptions {
  name?: string;
  port?: number;
  host?: string;
  endpoint?: string;
  gpu?: string;
  env?: string[];
  customNodes?: string;
  maxWorkflows?: number;
  timeoutMs?: number;
  queueMonitoring?: boolean;
  autoStart?: boolean;
  description?: string;
  apiKey?: string;
  apiKeyHeader?: string;
  config?: string;
}

/** Options for the fields of an instance, named as people say them; what they may hold the machine checks. */
export function configOptions(command: Command): Command {
  return command
    .option('--name <name>', 'for people')
    .option('--port <port>', 'where it listens; of a new one the next free port from 8188', wholeNumber(1, 65_535))
    .option('--host <host>', 'address it listens on')
    .option('--endpoint <url>', 'address of a ComfyUI that runs already: nothing is started then')
    .option('--gpu <device>', 'auto, cpu, cuda:0, a number, or the id of a device')
    .option('--env <NAME=VALUE>', 'variable of its process; may be given again', collect)
    .option('--custom-nodes <dir>', 'further folder of custom nodes, on the machine')
    .option('--max-workflows <n>', 'jobs at one time', wholeNumber(1, 100))
    .option('--timeout-ms <ms>', 'longest time of one job on it', wholeNumber(1, Number.MAX_SAFE_INTEGER))
    .addOption(new Option('--queue-monitoring', 'watch its queue'))
    .addOption(new Option('--no-queue-monitoring', 'leave its queue alone'))
    .addOption(new Option('--auto-start', 'start it with the machine'))
    .addOption(new Option('--no-auto-start', 'do not'))
    .option('--description <text>', 'for people')
    .option('--api-key <key>', 'for a proxy in front of it; ${COMFYUI_…} names a variable of the machine')
    .option('--api-key-header <name>', 'header of the key')
    .option('--config <json>', 'all fields at once: JSON, @FILE or -; options come on top');
}

/** The document that the options make. @throws CliError for what cannot be read */
export async function readConfig(options: ConfigOptions, terminal: Terminal): Promise<Record<string, unknown>> {
  const given = options.config === undefined ? {} : await readJsonArgument(options.config, '--config', terminal);
  const fields = {
    name: options.name,
    port: options.port,
    host: options.host,
    url: options.endpoint,
    gpuDevice: options.gpu,
    envVars: options.env && Object.fromEntries(options.env.map(readVariable)),
    customNodesPath: options.customNodes,
    maxConcurrentWorkflows: options.maxWorkflows,
    timeoutMs: options.timeoutMs,
    enableQueueMonitoring: options.queueMonitoring,
    autoStart: options.autoStart,
    description: options.description,
    apiKey: options.apiKey,
    apiKeyHeader: options.apiKeyHeader,
  };
  return { ...given, ...Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) };
}

function readVariable(text: string): [string, string] {
  const at = text.indexOf('=');
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw usageError(`--env ${text}: has no value`, 'Write --env NAME=VALUE');
}
