import type { ArtifactRef } from '../../contract/artifact.ts';
import { pictureHead } from '../base/picture-head.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import type { JobContext, OutputOptions } from '../contract/job-context.ts';
import { readInfo, texts, textOf, asRecord, type GenerationInfo } from './documents.ts';
import type { RunReport } from './run-report.ts';
import type { SavedPicture } from './saved-pictures.ts';

/** What an answer holds. */
export interface Made {
  /** base64; emptied as they are stored. */
  pictures: string[];
  info: GenerationInfo;
}

const EXTENSIONS: Readonly<Record<string, string>> = { jpeg: 'jpg' };

/**
 * The pictures of an answer, be it of a generation or of extras.
 * @throws ConnectorError `backend_error` when there are none
 */
export function readMade(document: unknown): Made {
  const body = asRecord(document);
  const single = textOf(body['image']);
  const pictures = single ? [single] : texts(body['images']);
  if (pictures.length > 0) return { pictures, info: readInfo(body['info']) };
  const shown = JSON.stringify(document)?.slice(0, 200);
  throw new ConnectorError('backend_error', `The answer of Automatic1111 holds no picture: ${shown ?? 'nothing'}`);
}

export interface Storing {
  context: JobContext;
  report: RunReport;
  /** Begins the names. */
  stem: string;
}

/** Puts the pictures into the artifact store, one after the other, so that only one is decoded at a time. */
export async function storePictures(made: Made, expected: number | undefined, to: Storing): Promise<ArtifactRef[]> {
  const { pictures, info } = made;
  const refs: ArtifactRef[] = [];
  for (let index = 0; index < pictures.length; index++) {
    to.report.storing(index, pictures.length);
    const content = decode(pictures[index] ?? '');
    pictures[index] = '';
    const head = await pictureHead(content);
    if (!head || head.format === 'svg') {
      throw new ConnectorError('backend_error', `Picture ${index + 1} in the answer of Automatic1111 is no picture`);
    }
    const own = index - info.firstImage;
    const kind = own < 0 ? 'grid' : expected !== undefined && own >= expected ? 'extra' : 'picture';
    const seed = kind === 'picture' ? info.seeds[own] : undefined;
    const options: OutputOptions = {
      name: `${kind === 'picture' ? to.stem : `${to.stem}-${kind}`}.${EXTENSIONS[head.format] ?? head.format}`,
      mime: `image/${head.format}`,
      meta: { width: head.width, height: head.height, kind, ...(seed === undefined ? {} : { seed }) },
    };
    refs.push(await to.context.writeOutput(content, options));
  }
  return refs;
}

/** The same from files of the server, as they come. */
export async function storeSaved(saved: readonly SavedPicture[], seed: number, to: Storing): Promise<ArtifactRef[]> {
  const refs: ArtifactRef[] = [];
  for (const [index, picture] of saved.entries()) {
    to.report.storing(index, saved.length);
    const extension = picture.name.split('.').at(-1);
    const meta = { kind: 'picture', seed: seed + index };
    const stream = await picture.open();
    try {
      refs.push(await to.context.writeOutput(stream, { name: `${to.stem}.${extension}`, meta }));
    } finally {
      stream.destroy();
    }
  }
  return refs;
}

function decode(text: string): Buffer {
  // Some forks send data: URIs.
  return Buffer.from(text.startsWith('data:') ? text.slice(text.indexOf(',') + 1) : text, 'base64');
}
