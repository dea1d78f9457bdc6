import type { GpuFacts } from '../../../contract/machine-facts.ts';
import type { DefinitionInput } from './definition.schema.ts';

/** A program that comes ready-made: what `installer` names, with what its `installer_config` may leave out. */
export interface ReadyMade {
  /** Ports of the first instance when the mapping names none. */
  ports: number[];
  /** @param config `installer_config` as it is written */
  expand(config: Readonly<Record<string, unknown>>): DefinitionInput;
  /** Added to the command of an instance, by the device it is bound to. */
  deviceArgs?(gpu: GpuFacts | undefined): string[];
}

const COMFYUI_REPOSITORY = 'https://github.com/comfyanonymous/ComfyUI.git';
/** The release that was started, watched, restarted and stopped by this supervisor. */
const COMFYUI_VERSION = 'v0.3.64';

/**
 * ComfyUI from its repository, in a Python environment of its own. Instances share models and custom nodes; inputs,
 * outputs, settings and the database are each instance's own, or two would write one file. Options:
 * comfy/cli_args.py of ComfyUI.
 */
const comfyui: ReadyMade = {
  ports: [8188],
  expand({ repository, version, python, packages, pip_args: pipArgs, args, ...rest }) {
    return {
      install: [
        {
          name: 'source',
          git: { url: text(repository, COMFYUI_REPOSITORY), commit: text(version, COMFYUI_VERSION), into: 'source' },
        },
        {
          name: 'python',
          venv: {
            python: text(python, 'python3'),
            requirements: ['source/requirements.txt'],
            packages: list(packages),
            pip_args: list(pipArgs),
          },
        },
      ],
      cwd: 'source',
      command: [
        '{dir}/venv/bin/python', 'main.py', '--listen', '{host}', '--port', '{port}',
        '--input-directory', '{data}/input', '--output-directory', '{data}/output', '--temp-directory', '{data}',
        '--user-directory', '{data}/user', '--database-url', 'sqlite:///{data}/user/comfyui.db', ...list(args),
      ], // biome-ignore format: option and value side by side
      worker_env: { COMFYUI_URL: 'http://{host}:{port}', COMFYUI_DIR: '{dir}/source' },
      folders: ['{data}/input', '{data}/output', '{data}/user'],
      ready: { http: { path: '/system_stats', contains: '"system"' } },
      // The first start compiles and scans everything.
      ready_timeout: '10m',
      // While a model loads, Python's one lock keeps the server from answering for long.
      alive: { http: '/system_stats', interval: '15s', timeout: '15s', failures: 8 },
      stop_signal: 'SIGINT',
      ...rest,
    };
  },
  deviceArgs: (gpu) => (gpu === undefined || gpu.vendor === 'mock' ? ['--cpu'] : []),
};

/** A program that is ready and well when it answers an HTTP request. */
const http: ReadyMade = {
  ports: [],
  expand({ health_path: path, ...rest }) {
    const probe = text(path, '/health');
    return { ready: { http: probe }, alive: { http: probe }, ...rest };
  },
};

const READY_MADE: Readonly<Record<string, ReadyMade>> = { comfyui, installcomfyui: comfyui, http };

/** What comes ready-made under a name of `installer`; any other name is one the operator gave a program of their own. */
export function readyMade(installer: string | null | undefined): ReadyMade | undefined {
  return installer == null ? undefined : READY_MADE[installer.toLowerCase()];
}

function text(value: unknown, fallback: string): string {
  return typeof value === 'string' && value !== '' ? value : fallback;
}

function list(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
