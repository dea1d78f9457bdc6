import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { CliError, usageError } from '../cli-error.ts';
import { EXIT } from '../exit-codes.ts';
import type { Terminal } from '../terminal.ts';
import { splitAssignment } from './set-path.ts';
import { unreadable } from './read-json.ts';

/** A local file that goes up with the job. */
export interface UploadFile {
  /** Payload field that gets its reference. */
  field: string;
  path: string;
  name: string;
  bytes: number;
}

export interface Inputs {
  files: UploadFile[];
  /** field → reference that the worker can read itself. */
  references: Record<string, string>;
}

const REFERENCE = /^(?:https?|artifact|data|file):/i;
const FORM = 'field=@path or field=URI, e.g. -i image=@photo.png';

/**
 * Reads `-i field=@path` and `-i field=uri`. Files are looked at now, so that a wrong path is told before anything is
 * sent.
 * @throws CliError (exit code 2) naming the field and the file
 */
export async function parseInputs(values: readonly string[], terminal: Terminal): Promise<Inputs> {
  const inputs: Inputs = { files: [], references: {} };
  const seen = new Set<string>();
  for (const value of values) {
    const [field, source] = splitAssignment(value, '-i', FORM);
    if (!/^[A-Za-z][\w-]{0,63}$/.test(field)) throw usageError(`-i ${value}: "${field}" is no payload field name`);
    if (seen.has(field)) throw usageError(`-i ${field}: was given twice`);
    seen.add(field);
    if (source.startsWith('@')) inputs.files.push(await localFile(field, source.slice(1), terminal));
    else if (REFERENCE.test(source)) inputs.references[field] = source;
    else throw await notAReference(field, source, terminal);
  }
  return inputs;
}

async function localFile(field: string, path: string, terminal: Terminal): Promise<UploadFile> {
  const absolute = resolve(terminal.cwd, path);
  try {
    const facts = await stat(absolute);
    if (!facts.isFile()) throw usageError(`-i ${field}: ${path} is not a file`);
    await access(absolute, constants.R_OK);
    return { field, path: absolute, name: basename(absolute), bytes: facts.size };
  } catch (error) {
    throw error instanceof CliError ? error : unreadable(path || '(no path)', `-i ${field}`, error, terminal);
  }
}

async function notAReference(field: string, source: string, terminal: Terminal): Promise<CliError> {
  const exists = await stat(resolve(terminal.cwd, source)).then(
    () => true,
    () => false,
  );
  return new CliError(EXIT.usage, `-i ${field}: "${source}" is neither a file (@path) nor a URI`, {
    hint: exists
      ? `Did you mean -i ${field}=@${source}?`
      : 'Write @path for a local file, or https://…, artifact:…, file:… or data:…',
  });
}
