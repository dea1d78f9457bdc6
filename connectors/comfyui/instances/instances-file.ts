import { copyFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { MigrationResult } from '../../../contract/instance.ts';
import { type InstanceConfig, instanceConfigSchema } from '../../../contract/instance.schema.ts';
import { asRecord, textOf } from '../documents.ts';
import { isSingleInstance, migrateSingleInstance } from './migrate.ts';
import { closeToOthers, readText, writePrivateJson } from './private-files.ts';
import { problemsOf } from './problems.ts';
import { checkVersion, CONFIG_VERSION } from './versions.ts';

/** What `comfyui_instances.json` holds. */
export interface InstancesDocument {
  version: string;
  instances: InstanceConfig[];
  activeInstanceId: string | null;
  /** ISO 8601. */
  lastSaved: string;
}

/** What was found, and what had to be done to read it. */
export interface LoadedInstances {
  instances: InstanceConfig[];
  activeInstanceId: string | null;
  /** Sentences for people, when something was wrong. */
  problems: string[];
  /** Where the damaged file lies now. */
  damagedFile?: string;
  migration?: MigrationResult;
  /** Whether what was read differs from what is in the file, so that it has to be saved. */
  changed: boolean;
}

export const INSTANCES_FILE = 'comfyui_instances.json';
/** Configurations of a single instance that are taken over once, from the same folder. */
const SINGLE_FILES = ['comfyui_config.json', 'comfyui.json'];

/**
 * Reads the instances of a folder. A damaged file is put aside under another name, never removed; what it held comes
 * from the last good copy, or from those of its entries that can be read.
 * @param repair false: changes nothing in the folder, for who only reads along
 * @throws ConnectorError `conflict` when the file is of a newer version: nothing is changed then
 */
export async function loadInstancesFile(folder: string, repair = true): Promise<LoadedInstances> {
  const path = join(folder, INSTANCES_FILE);
  const text = await readText(path);
  if (text === undefined) return takeOverSingle(folder, path);
  if (repair) await closeToOthers(path);
  const document = parseJson(text);
  if (document !== undefined && isSingleInstance(document)) return migrated(document, path, repair);
  const read = document === undefined ? undefined : readDocument(document, path);
  if (read && read.problems.length === 0) return read;
  const damagedFile = repair ? await putAside(path) : undefined;
  const rest = await recover(path, read);
  return { ...rest, changed: true, ...(damagedFile ? { damagedFile } : {}) };
}

/** Writes the file and a copy of it, each whole or not at all. */
export async function saveInstancesFile(
  folder: string,
  instances: readonly InstanceConfig[],
  activeInstanceId: string | null,
): Promise<void> {
  const path = join(folder, INSTANCES_FILE);
  const document: InstancesDocument = {
    version: CONFIG_VERSION,
    instances: [...instances],
    activeInstanceId,
    lastSaved: new Date().toISOString(),
  };
  await writePrivateJson(path, document);
  await writePrivateJson(backupOf(path), document);
}

/**
 * Reads a document of several instances, entry by entry.
 * @returns undefined when it has another shape altogether
 * @throws ConnectorError `conflict` for a newer version
 */
export function readDocument(document: unknown, what: string): LoadedInstances | undefined {
  const { version, instances: list, activeInstanceId } = asRecord(document);
  if (!checkVersion(version, what) || !Array.isArray(list)) return undefined;
  const problems: string[] = [];
  const instances: InstanceConfig[] = [];
  for (const [index, entry] of list.entries()) {
    const name = textOf(asRecord(entry)['id']) ?? `entry ${index + 1}`;
    const parsed = instanceConfigSchema.safeParse(entry, { reportInput: true });
    if (!parsed.success) {
      const wrong = problemsOf(parsed.error).map(({ pointer, detail }) => `${pointer.slice(1)} ${detail}`);
      problems.push(`${name}: ${wrong.join('; ')}`);
    } else if (instances.some(({ id }) => id === parsed.data.id)) problems.push(`${name}: is there twice`);
    else instances.push(parsed.data);
  }
  const active = textOf(activeInstanceId);
  const known = active !== undefined && instances.some(({ id }) => id === active);
  return { instances, activeInstanceId: known ? active : null, problems, changed: false };
}

/** The copy when it can be read, else those entries that can. */
async function recover(path: string, read: LoadedInstances | undefined): Promise<LoadedInstances> {
  const why = read ? read.problems : ['the file is no JSON of instances'];
  const copy = parseJson((await readText(backupOf(path))) ?? '');
  const saved = copy === undefined ? undefined : readDocument(copy, backupOf(path));
  if (saved && saved.problems.length === 0) return { ...saved, problems: [...why, 'the last good copy was taken'] };
  if (read) return { ...read, problems: [...why, `${read.instances.length} other entries were kept`] };
  return {
    instances: [],
    activeInstanceId: null,
    problems: [...why, 'there was no good copy: it begins empty'],
    changed: true,
  };
}

async function takeOverSingle(folder: string, path: string): Promise<LoadedInstances> {
  for (const name of SINGLE_FILES) {
    const single = join(folder, name);
    const document = parseJson((await readText(single)) ?? '');
    if (document !== undefined && isSingleInstance(document)) return migrated(document, single, false);
  }
  // The file may have been lost and its copy not.
  const copy = parseJson((await readText(backupOf(path))) ?? '');
  const saved = copy === undefined ? undefined : readDocument(copy, backupOf(path));
  if (saved && saved.instances.length > 0)
    return { ...saved, problems: ['the file was gone: the last good copy was taken'], changed: true };
  return { instances: [], activeInstanceId: null, problems: [], changed: false };
}

/** @param keep the file is about to be overwritten: a copy of it stays */
async function migrated(document: unknown, path: string, keep: boolean): Promise<LoadedInstances> {
  const { result, instances } = migrateSingleInstance(document);
  if (keep) await copyFile(path, `${path}.single-instance`);
  return {
    instances,
    activeInstanceId: instances[0]?.id ?? null,
    problems: result.errors.map((error) => `the configuration of a single instance: ${error}`),
    migration: result,
    changed: result.migrated,
  };
}

async function putAside(path: string): Promise<string> {
  const aside = `${path}.damaged-${new Date().toISOString().replaceAll(':', '-')}`;
  await rename(path, aside);
  await closeToOthers(aside);
  return aside;
}

function backupOf(path: string): string {
  return `${path}.bak`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) ?? undefined;
  } catch {
    return undefined;
  }
}
