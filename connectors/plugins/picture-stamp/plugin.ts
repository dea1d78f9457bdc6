import type { ArtifactRef } from '../../../contract/artifact.ts';
import type { JobResult } from '../../contract/connector.ts';
import type { AttemptEnd, ConnectorPlugin } from '../../contract/plugin.ts';
import { stampOptions, type StampOptions } from './options.ts';
import { stampPicture } from './stamp-picture.ts';

/** Pictures that are written again; others, videos for example, are left as they are. */
const FORMATS: Readonly<Record<string, 'png' | 'jpeg' | 'webp'>> = {
  'image/png': 'png',
  'image/jpeg': 'jpeg',
  'image/webp': 'webp',
};

/** Puts a mark onto the pictures of a job, or says in their metadata where they come from. */
export class PictureStampPlugin implements ConnectorPlugin {
  static readonly options = stampOptions;
  readonly name = 'picture-stamp';
  readonly version = '1.0.0';
  readonly #options: StampOptions;

  constructor(given: StampOptions) {
    this.#options = given;
  }

  async initialize(): Promise<void> {}

  async afterJobProcess(result: JobResult, end: AttemptEnd): Promise<JobResult> {
    if (end.outcome !== 'completed') return result;
    const artifacts: ArtifactRef[] = [];
    for (const ref of result.artifacts ?? []) artifacts.push(await this.#stamped(ref, end));
    return { ...result, artifacts };
  }

  /** Frame by frame is beyond it: an animation loses nothing, but gets no mark. */
  async #stamped(ref: ArtifactRef, end: AttemptEnd): Promise<ArtifactRef> {
    const format = FORMATS[ref.mime];
    if (!format) return ref;
    end.signal.throwIfAborted();
    const { path } = await end.openInput(ref.uri, '/artifacts');
    const bytes = await stampPicture(path, format, this.#options, { ...fillings(end) });
    if (!bytes) return ref;
    return end.writeOutput(bytes, {
      name: ref.name,
      mime: ref.mime,
      meta: { ...ref.meta, stamped: true },
      replaces: ref,
    });
  }
}

function fillings({ job, connector }: AttemptEnd): Record<string, string> {
  const { id, type, tenant = '', created_at: created } = job;
  return { job_id: id, service: type, connector, tenant, date: new Date(created).toISOString().slice(0, 10) };
}
