import type { ArtifactRef } from '../../contract/artifact.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import type { JobContext } from '../contract/job-context.ts';
import type { ImagePayload } from './image-payload.schema.ts';
import type { MadePictures } from './make-pictures.ts';
import type { OpenAiApi } from './openai-api.ts';

/** Puts the pictures into the artifact store, one after the other, so that only one is decoded at a time. */
export async function storePictures(
  made: MadePictures,
  payload: ImagePayload,
  api: OpenAiApi,
  context: JobContext,
): Promise<ArtifactRef[]> {
  const format = made.described.output_format ?? payload.output_format ?? 'png';
  const refs: ArtifactRef[] = [];
  for (const picture of made.pictures) {
    const content =
      picture.b64_json === undefined && picture.url
        ? await api.download(picture.url, context.signal)
        : decode(picture.b64_json ?? '', api.settings.host);
    picture.b64_json = undefined;
    const meta = Buffer.isBuffer(content) ? await sizeOf(content) : undefined;
    refs.push(await context.writeOutput(content, { name: `picture.${format}`, mime: `image/${format}`, meta }));
  }
  return refs;
}

function decode(text: string, host: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length > 0) return bytes;
  throw new ConnectorError('backend_error', `${host} has given an empty picture`, { retryable: false });
}

/** Reads the head of a picture only. */
async function sizeOf(picture: Buffer): Promise<{ width: number; height: number } | undefined> {
  try {
    // Loaded here: processes that serve texts only never need it.
    const { default: sharp } = await import('sharp');
    const { width, height } = await sharp(picture).metadata();
    return { width, height };
  } catch {
    return undefined;
  }
}
