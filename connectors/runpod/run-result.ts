import type { ArtifactRef } from '../../contract/artifact.ts';
import { collectFiles } from '../base/hosted/collect-files.ts';
import { keepOutput } from '../base/hosted/keep-output.ts';
import { keepText } from '../base/hosted/keep-text.ts';
import type { TextPlace } from '../base/hosted/map-texts.ts';
import { costOf } from '../base/hosted/token-prices.ts';
import type { RemoteResult } from '../base/hosted/remote-job.ts';
import type { JobResult } from '../contract/connector.ts';
import type { JobContext } from '../contract/job-context.ts';
import { isFilled } from './read-pieces.ts';
import type { RunDocument } from './documents.ts';
import { pieceText } from './piece-text.ts';
import type { RunPodApi } from './runpod-api.ts';

/** What handlers make files of. An address that ends otherwise may be anything, and stays in the output as it is. */
const FILE =
  /\.(?:png|jpe?g|webp|gif|avif|tiff?|bmp|exr|mp4|webm|mov|mkv|avi|mp3|wav|flac|ogg|opus|m4a|glb|gltf|obj|ply|stl|fbx|usdz|zip|tar|gz|pdf|safetensors|npz?|csv|srt|vtt)$/i;

export interface FinishOptions {
  jobId: string;
  connectorId: string;
  api: RunPodApi;
  endpoint: string;
  result: RemoteResult<RunDocument>;
  /** What was yielded; empty when it was not read piece by piece. */
  pieces: readonly unknown[];
  collectFiles: boolean;
  context: JobContext;
  startedAt: number;
}

/** Fetches what a job has made, at once: RunPod forgets it half an hour after its end. */
export async function finishRun(options: FinishOptions): Promise<JobResult> {
  const { api, context, endpoint, result } = options;
  const { raw, id } = result.job;
  const said = isFilled(raw.output) || options.pieces.length === 0 ? raw.output : options.pieces;
  const { output, artifacts } = options.collectFiles
    ? await collectFiles(said, {
        context,
        isFile,
        open: (url) => api.open(url, { signal: context.signal, max_response_bytes: Infinity }),
      })
    : { output: said, artifacts: [] as ArtifactRef[] };
  const text = artifacts.length > 0 ? undefined : textOf(output);
  const kept = text === undefined ? await keepOutput(output, context) : await keepText(text, false, context);
  if (kept.artifact) artifacts.push(kept.artifact);
  const seconds = (raw.executionTime ?? 0) / 1_000;
  const cost = costOf(api.settings.prices, endpoint, { input_tokens: 0, output_tokens: 0, seconds, runs: 1 });
  context.logger.info(
    {
      endpoint,
      service_job_id: id,
      delay_ms: raw.delayTime,
      execution_ms: raw.executionTime,
      cost: cost?.amount,
      response_time_ms: Math.round(performance.now() - options.startedAt),
    },
    'output received',
  );
  return {
    job_id: options.jobId,
    status: 'completed',
    artifacts,
    result: {
      ...kept.fields,
      endpoint,
      runpod_job_id: id.split('/')[1],
      ...(raw.delayTime === undefined ? {} : { delay_ms: raw.delayTime }),
      ...(raw.executionTime === undefined ? {} : { execution_ms: raw.executionTime }),
      ...(cost ? { cost } : {}),
      ...(result.reattached ? { reattached: true } : {}),
    },
    service_info: { connector_id: options.connectorId, service_job_id: id, endpoint },
  };
}

/** The ComfyUI worker says `s3_url` beside the address. */
function isFile({ text, parent }: TextPlace): boolean {
  return parent?.['type'] === 's3_url' || FILE.test(new URL(text).pathname);
}

/** A text, or pieces that are all text. */
export function textOf(output: unknown): string | undefined {
  if (typeof output === 'string') return output;
  if (!Array.isArray(output) || output.length === 0) return undefined;
  const texts = output.map(pieceText);
  return texts.every((each) => each !== undefined) ? texts.join('') : undefined;
}
