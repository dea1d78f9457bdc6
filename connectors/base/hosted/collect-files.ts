import { fileTypeFromBuffer } from 'file-type';
import type { ArtifactRef } from '../../../contract/artifact.ts';
import { ConnectorError } from '../../contract/connector-error.ts';
import type { JobContext } from '../../contract/job-context.ts';
import { HttpError } from '../../http/http-error.ts';
import type { HttpResponse } from '../../http/http-response.ts';
import { streamToOutput } from '../../http/stream-to-output.ts';
import { mapTexts, type TextPlace } from './map-texts.ts';

/** A shorter text is no picture, however it begins. Characters. */
const SHORTEST = 128;
/** Enough of base64 to tell the kind of a file by its beginning. */
const HEAD = 5_600;
const DATA_URL = /^data:([\w.+-]+\/[\w.+-]+)?(?:;[\w.=+-]+)*;base64,/i;
const BASE64 = /^[A-Za-z0-9+/\s]+={0,2}\s*$/;
/** Fields in which services name a file that stands beside its content. */
const NAMES = ['filename', 'file_name', 'name'];

export interface FileSources {
  context: JobContext;
  /** Whether the text is the address of a file of this job. */
  isFile(place: TextPlace): boolean;
  open(url: string): Promise<HttpResponse>;
}

export interface Collected {
  /** The output, with the artifact's URI in the place of each file. */
  output: unknown;
  artifacts: ArtifactRef[];
}

/**
 * Brings the files of an answer into the artifact store, in the order in which they stand there: addresses, data URLs, and
 * base64 that is a known kind of file.
 * @throws ConnectorError `output_too_large`; `backend_error`, to be tried again, for a file that cannot be fetched
 */
export async function collectFiles(answer: unknown, sources: FileSources): Promise<Collected> {
  const artifacts: ArtifactRef[] = [];
  const output = await mapTexts(answer, '', async (place) => {
    const ref = await fileIn(place, sources, artifacts.length);
    if (ref) artifacts.push(ref);
    return ref?.uri ?? place.text;
  });
  return { output, artifacts };
}

async function fileIn(place: TextPlace, sources: FileSources, index: number): Promise<ArtifactRef | undefined> {
  const { context } = sources;
  const { text } = place;
  if (/^https?:\/\/\S+$/.test(text) && URL.canParse(text)) {
    return sources.isFile(place) ? fetched(place, sources, index) : undefined;
  }
  const data = DATA_URL.exec(text);
  // As RunPod's ComfyUI worker says it.
  const said = place.field === 'data' && place.parent?.['type'] === 'base64' && text !== '';
  if (!data && !said && text.length < SHORTEST) return undefined;
  const encoded = data ? text.slice(data[0].length) : text;
  const kind = await kindOf(encoded);
  if (!data && !said && (!kind || !BASE64.test(encoded))) return undefined;
  const name = namedBeside(place) ?? `output-${index + 1}.${kind?.ext ?? 'bin'}`;
  return context.writeOutput(Buffer.from(encoded, 'base64'), { name, mime: kind?.mime ?? data?.[1] });
}

async function kindOf(encoded: string): Promise<{ ext: string; mime: string } | undefined> {
  const head = encoded.slice(0, HEAD);
  if (!/^[A-Za-z0-9+/\s]+={0,2}\s*$/.test(head)) return undefined;
  try {
    return await fileTypeFromBuffer(Buffer.from(head, 'base64'));
  } catch {
    return undefined;
  }
}

async function fetched(place: TextPlace, sources: FileSources, index: number): Promise<ArtifactRef> {
  const { context } = sources;
  const name = namedBeside(place) ?? nameIn(place.text) ?? `output-${index + 1}`;
  try {
    return await streamToOutput(await sources.open(place.text), context, { name });
  } catch (error) {
    context.signal.throwIfAborted();
    // Gone, or not to be had now: the next attempt asks for the job again, which may name another address.
    const refused = error instanceof HttpError && error.status !== undefined && error.status < 500;
    if (!refused || error.code === 'output_too_large' || error.code === 'rate_limited') throw error;
    throw new ConnectorError('backend_error', `The output ${name} cannot be fetched: ${error.message}`, {
      cause: error,
      retryable: true,
    });
  }
}

function namedBeside({ parent }: TextPlace): string | undefined {
  const named = NAMES.map((field) => parent?.[field]);
  return named.find((name): name is string => typeof name === 'string' && /^[^/\\]{1,200}\.\w{1,8}$/.test(name));
}

function nameIn(url: string): string | undefined {
  const last = new URL(url).pathname.split('/').at(-1) ?? '';
  try {
    return decodeURIComponent(last) || undefined;
  } catch {
    return last || undefined;
  }
}
