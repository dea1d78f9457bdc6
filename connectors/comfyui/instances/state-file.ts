import { join } from 'node:path';
import type { InstanceStatus } from '../../../contract/machine-card.ts';
import { isRunning, ownIdentity, type ProcessIdentity } from '../../../platform/processes/process-identity.ts';
import { readOwnJson, versionOf, writePrivateJson } from './private-files.ts';
import { CONFIG_VERSION } from './versions.ts';

/** What one manager says of an instance to the others, and to itself after a restart. */
export interface SharedState {
  status: InstanceStatus;
  /** Rises with every life of its process: what was in its queue before is lost. */
  life: number;
  /** Why it is in `error`. */
  reason?: string;
  /** ISO 8601. */
  createdAt: string;
  lastUsedAt?: string;
}

interface StateDocument {
  version: string;
  owner: ProcessIdentity;
  instances: Record<string, SharedState>;
}

/** `instances_state.json`: written by the manager that owns the instances, read by those of workers. */
export class StateFile {
  readonly path: string;
  #version: string | undefined;
  #owner: ProcessIdentity | undefined;

  constructor(folder: string) {
    this.path = join(folder, 'instances_state.json');
  }

  /** @returns undefined when nothing has changed since it was read last */
  async readChanged(): Promise<Record<string, SharedState> | undefined> {
    const version = await versionOf(this.path);
    if (version === this.#version) return undefined;
    const states = await this.read();
    this.#version = version;
    return states;
  }

  async read(): Promise<Record<string, SharedState>> {
    const read = await readOwnJson<Partial<StateDocument>>(this.path);
    this.#owner = read?.owner;
    return typeof read?.instances === 'object' && read.instances !== null ? read.instances : {};
  }

  /** Whether whoever wrote it last still lives; what a dead one wrote says nothing of processes. */
  get ownerLives(): boolean {
    return this.#owner !== undefined && isRunning(this.#owner);
  }

  async write(instances: Record<string, SharedState>): Promise<void> {
    const document: StateDocument = { version: CONFIG_VERSION, owner: ownIdentity(), instances };
    await writePrivateJson(this.path, document);
  }
}
