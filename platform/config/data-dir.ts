import { lstatSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ConfigError } from './config-error.ts';

const OTHER_FOLDER = 'Set SWITCHYARD_DATA_DIR to another folder';

/** What keeps a folder from being the data directory. */
export interface DataDirProblem {
  problem: string;
  hint: string;
  /** The disk is full, which a little tidying mends. */
  passing?: boolean;
}

export interface DataDirLook {
  /** The data directory, or the nearest folder above it that is there: its disk is the one that counts. */
  existing: string;
  problem?: DataDirProblem;
}

/** Looks whether the data directory can be written to, or made. It is not made; a probe beside it comes and goes. */
export function lookAtDataDir(dataDir: string): DataDirLook {
  const existing = nearestExisting(dataDir);
  try {
    if (!statSync(existing).isDirectory()) {
      return { existing, problem: { problem: `${existing} is a file, not a folder`, hint: `${OTHER_FOLDER}.` } };
    }
  } catch (error) {
    const why =
      codeOf(error) === 'ENOENT' ? 'leads to something that is not there' : `leads nowhere (${codeOf(error)})`;
    return { existing, problem: { problem: `${existing} is a link that ${why}`, hint: `${OTHER_FOLDER}.` } };
  }
  try {
    writeProbe(existing);
    return { existing };
  } catch (error) {
    return { existing, problem: cannotWrite(dataDir, existing, codeOf(error)) };
  }
}

/**
 * Makes the data directory unless it is there. A full disk is let pass: there may be room again before it is needed.
 * @throws ConfigError when it cannot be made or written to, with the way out
 */
export function prepareDataDir(dataDir: string): void {
  const { problem } = lookAtDataDir(dataDir);
  if (problem?.passing) return;
  if (problem) {
    const { problem: what, hint } = problem;
    throw new ConfigError('The data directory cannot be used', [{ name: 'SWITCHYARD_DATA_DIR', problem: what, hint }]);
  }
  mkdirSync(dataDir, { recursive: true });
}

/** @param code of the error that writing ended in, e.g. ENOSPC */
export function cannotWrite(dataDir: string, existing: string, code: string): DataDirProblem {
  const what = `${dataDir} cannot be ${existing === dataDir ? 'written to' : 'made'}`;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const hint = `Make room there. ${OTHER_FOLDER} otherwise.`;
    return { problem: `${what}: its disk is full (${code})`, hint, passing: true };
  }
  const why =
    code === 'EROFS' ? 'the disk is read-only' : code === 'EACCES' ? 'you have no right to' : `${existing} refuses it`;
  return {
    problem: `${what}: ${why} (${code})`,
    hint: `Give yourself the right to write there. ${OTHER_FOLDER} otherwise.`,
  };
}

/** A full disk may have room for a folder and none for what is in it. */
function writeProbe(folder: string): void {
  const probe = mkdtempSync(join(folder, '.switchyard-probe-'));
  try {
    writeFileSync(join(probe, 'probe'), 'probe');
  } finally {
    rmSync(probe, { recursive: true });
  }
}

/** Also a link that leads nowhere is there: nothing can be made in its place. */
function nearestExisting(path: string): string {
  for (let folder = path; ; folder = dirname(folder)) {
    if (exists(folder) || dirname(folder) === folder) return folder;
  }
}

function exists(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? (error as Error).message;
}
