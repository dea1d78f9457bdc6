import { readFile } from 'node:fs/promises';
import { ConnectorError } from '../../contract/connector-error.ts';
import type { InputFile, JobContext } from '../../contract/job-context.ts';
import { insideAddress } from '../../http/inside-address.ts';
import { mapTexts, type TextPlace } from './map-texts.ts';

/** References that mean nothing to a backend; `https:` and `data:` it reads itself. */
const OURS = /^(?:artifact|file):\S+$/;
/** A text that is an address as a whole; a prompt with a link in it is none. */
const ADDRESS = /^https?:\/\/\S+$/i;

/**
 * The input of a job with its media references replaced.
 * @param pointer where the input stands in the job
 * @param replace what a file becomes
 * @param allowPrivate lets addresses inside the network through, for backends that are there too
 * @throws InputError naming the place for a reference that leads nowhere
 * @throws ConnectorError `permission` naming the place of an address inside the network
 */
export function withFiles(
  input: Record<string, unknown>,
  pointer: string,
  context: JobContext | undefined,
  replace: (file: InputFile, pointer: string) => Promise<string>,
  allowPrivate: boolean,
): Promise<Record<string, unknown>> {
  return mapTexts(input, pointer, async (place) => {
    if (!allowPrivate && ADDRESS.test(place.text)) await refuseInside(place);
    if (!OURS.test(place.text)) return place.text;
    if (!context) throw new ConnectorError('internal', 'Files need a job context to be read');
    return replace(await context.openInput(place.text, place.pointer), place.pointer);
  }) as Promise<Record<string, unknown>>;
}

async function refuseInside({ text, pointer }: TextPlace): Promise<void> {
  const host = await insideAddress(text);
  if (host === undefined) return;
  const detail = `is an address inside the network (${host})`;
  const hint =
    "name a public address, or upload the file; the connector's allow_private_urls lets all addresses through";
  throw new ConnectorError('permission', `${pointer} ${detail}; ${hint}`, { errors: [{ pointer, detail, hint }] });
}

/** @param form a data URL, or its base64 part alone */
export async function encodeFile(file: InputFile, form: 'data_uri' | 'base64'): Promise<string> {
  const encoded = (await readFile(file.path)).toString('base64');
  return form === 'base64' ? encoded : `data:${file.mime};base64,${encoded}`;
}
