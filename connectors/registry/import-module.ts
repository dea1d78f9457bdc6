import { extname } from 'node:path';
import { pathToFileURL } from 'node:url';

/** @throws Error with the file's path and what is wrong with it, fit to show to its author */
export async function importModule(file: string): Promise<Record<string, unknown>> {
  try {
    return (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  } catch (error) {
    throw new Error(`${file} could not be loaded: ${reasonOf(error, file)}`, { cause: error });
  }
}

function reasonOf(error: unknown, file: string): string {
  if ((error as NodeJS.ErrnoException).code === 'ERR_UNKNOWN_FILE_EXTENSION' && extname(file) === '.ts') {
    return `Node ${process.versions.node} does not load TypeScript; build it to JavaScript, or put it into connectors/, which is built with the rest`;
  }
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
