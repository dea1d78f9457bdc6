import { join } from 'node:path';
import type { Logger } from '../../../platform/logging/logger.ts';
import { type FileLock, tryLock } from '../../../platform/processes/file-lock.ts';
import { ConnectorError } from '../../contract/connector-error.ts';
import type { InstanceList } from './instance-list.ts';
import { saveInstancesFile } from './instances-file.ts';
import { makePrivateFolder } from './private-files.ts';
import { type SharedState, StateFile } from './state-file.ts';

/** The files of a manager: who may write them, and what is written when. */
export class ManagerFiles {
  readonly #folder: string;
  readonly #list: InstanceList;
  readonly #logger: Logger;
  readonly state: StateFile;
  #lock: FileLock | undefined;
  #stateChanged = false;
  #writing: Promise<void> = Promise.resolve();

  constructor(folder: string, list: InstanceList, logger: Logger) {
    this.#folder = folder;
    this.#list = list;
    this.#logger = logger;
    this.state = new StateFile(folder);
  }

  /** Something that other processes want to know has changed; it is written with the next `saveRest`. */
  noteChange(): void {
    this.#stateChanged = true;
  }

  /** @throws ConnectorError `conflict` naming the process that looks after this folder */
  own(): void {
    if (this.#lock) return;
    makePrivateFolder(this.#folder);
    const lock = tryLock(join(this.#folder, 'comfyui_instances.lock'));
    if (!('release' in lock))
      throw new ConnectorError(
        'conflict',
        `Process ${lock.pid} looks after the instances in ${this.#folder}: ask it, or set SWITCHYARD_INSTANCES_DIR to another folder`,
      );
    this.#lock = lock;
  }

  /** Configuration, state and history. */
  async save(): Promise<void> {
    await saveInstancesFile(this.#folder, this.#list.configs(), this.#list.activeId);
    this.#stateChanged = true;
    await this.saveRest();
  }

  /** History, and the state where it has changed. */
  saveRest(): Promise<void> {
    this.#writing = this.#writing.catch(() => {}).then(() => this.#saveRest());
    return this.#writing;
  }

  /** As {@link saveRest}, for a timer: what fails is told and tried again. */
  async saveNowAndThen(): Promise<void> {
    await this.saveRest().catch((error: unknown) => {
      this.#stateChanged = true;
      this.#logger.warn({ err: error }, 'state and history of the instances could not be written');
    });
  }

  async release(): Promise<void> {
    await this.saveNowAndThen();
    this.#lock?.release();
    this.#lock = undefined;
  }

  async #saveRest(): Promise<void> {
    for (const instance of this.#list.all()) await instance.save();
    if (!this.#lock || !this.#stateChanged) return;
    this.#stateChanged = false;
    const states = this.#list.all().map((instance): [string, SharedState] => [
      instance.id,
      {
        status: instance.status,
        life: instance.life,
        createdAt: instance.createdAt.toISOString(),
        ...(instance.reason === undefined ? {} : { reason: instance.reason }),
        ...(instance.lastUsedAt ? { lastUsedAt: instance.lastUsedAt.toISOString() } : {}),
      },
    ]);
    await this.state.write(Object.fromEntries(states));
  }
}
