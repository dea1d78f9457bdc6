import type { ArtifactRef } from '../../contract/artifact.ts';
import { pictureHead } from '../base/picture-head.ts';
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
        ? (await api.open(picture.url, { signal: context.signal })).stream
        : decode(picture.b64_json ?? '', api.settings.host);
    picture.b64_json = undefined;
    const head = Buffer.isBuffer(content) ? await pictureHead(content) : undefined;
    const meta = head && { width: head.width, height: head.height };
    refs.push(await context.writeOutput(content, { name: `picture.${format}`, mime: `image/${format}`, meta }));
  }
  return refs;
}

function decode(text: string, host: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length > 0) return bytes;
  throw new ConnectorError('backend_error', `${host} has given an empty picture`, { retryable: false });
}
