import { readFile } from 'node:fs/promises';
import { ConnectorError } from '../../contract/connector-error.ts';
import type { InputFile, JobContext } from '../../contract/job-context.ts';
import { mapTexts } from './map-texts.ts';

/** References that mean nothing to a backend; `https:` and `data:` it reads itself. */
const OURS = /^(?:artifact|file):\S+$/;

/**
 * The input of a job with its media references replaced.
 * @param pointer where the input stands in the job
 * @param replace what a file becomes
 * @throws InputError naming the place for a reference that leads nowhere
 */
export function withFiles(
  input: Record<string, unknown>,
  pointer: string,
  context: JobContext | undefined,
  replace: (file: InputFile, pointer: string) => Promise<string>,
): Promise<Record<string, unknown>> {
  return mapTexts(input, pointer, async (place) => {
    if (!OURS.test(place.text)) return place.text;
    if (!context) throw new ConnectorError('internal', 'Files need a job context to be read');
    return replace(await context.openInput(place.text, place.pointer), place.pointer);
  }) as Promise<Record<string, unknown>>;
}

/** @param form a data URL, or its base64 part alone */
export async function encodeFile(file: InputFile, form: 'data_uri' | 'base64'): Promise<string> {
  const encoded = (await readFile(file.path)).toString('base64');
  return form === 'base64' ? encoded : `data:${file.mime};base64,${encoded}`;
}
