import { isRunning, type ProcessIdentity } from '../../platform/processes/process-identity.ts';
import { readJsonFile } from '../../platform/processes/json-file.ts';
import { stackPaths } from './stack-paths.ts';

/** One child process of a running stack. */
export interface StackProcess {
  /** `temporal`, `server` or `pool-<worker>`. */
  name: string;
  pid: number;
  /** Address of its health server, when it has one. */
  health_url?: string;
  log_file: string;
}

/** `<dataDir>/run/stack.json`: a stack that is up. */
export interface StackState {
  /** The supervisor. */
  pid: number;
  /** What tells the supervisor from a later process with the same number; opaque. */
  process_started: string;
  started_at: string;
  api_url: string;
  /** host:port */
  temporal_address: string;
  temporal_ui_url?: string;
  /** Whether this stack runs the Temporal it uses. */
  temporal_embedded: boolean;
  namespace: string;
  data_dir: string;
  /** What has a process of its own: pools, or with WORKERS the instances. */
  workers: string[];
  processes: StackProcess[];
}

/**
 * The stack that `npm start` runs in this data directory.
 * @returns undefined when none is ready there: its process must still be the one that wrote the file
 */
export function findStack(dataDir: string): StackState | undefined {
  const state = readJsonFile<StackState>(stackPaths(dataDir).state);
  return state && isRunning(supervisorOf(state)) ? state : undefined;
}

function supervisorOf(state: StackState): ProcessIdentity {
  return { pid: state.pid, started: state.process_started };
}
