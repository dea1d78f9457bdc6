import type { RemoteRun } from '../hosted/remote-run.ts';
import type { Json } from '../hosted/wire.ts';

const STATUSES = {
  pending: 'starting',
  running: 'processing',
  completed: 'succeeded',
  failed: 'failed',
  cancelled: 'canceled',
};

export function predictionDocument(
  run: RemoteRun,
  origin: string,
  { removed, output }: { removed: boolean; output: unknown },
): Json {
  const { body } = run;
  const after = /^(\d+)s$/.exec(String(body['headers']['cancel-after'] ?? ''))?.[1];
  const deadline = after === undefined ? undefined : new Date(run.startedAt + Number(after) * 1_000).toISOString();
  const writes = body['model'] === 'double/writer';
  return {
    id: run.id,
    model: body['model'],
    version: body['version'] ?? 'hidden',
    input: removed ? {} : body['input'],
    logs: logsOf(run),
    output: run.status === 'completed' && !removed ? outputOf(run, origin, output) : null,
    data_removed: removed,
    error: run.error ?? null,
    source: 'api',
    status: STATUSES[run.status],
    created_at: new Date(run.startedAt).toISOString(),
    completed_at: run.endedAt === undefined ? null : new Date(run.endedAt).toISOString(),
    ...(deadline === undefined ? {} : { deadline }),
    urls: {
      get: `${origin}/v1/predictions/${run.id}`,
      cancel: `${origin}/v1/predictions/${run.id}/cancel`,
      web: `https://replicate.com/p/${run.id}`,
      ...(writes ? { stream: `${origin}/out/stream/${run.id}` } : {}),
    },
    metrics: run.status === 'completed' ? { predict_time: 2, ...(writes ? { output_token_count: 4 } : {}) } : {},
  };
}

/** What a model makes. */
export function outputOf(run: RemoteRun, origin: string, output: unknown): unknown {
  if (output !== undefined) return output;
  if (run.body['model'] !== 'double/writer') return [`${origin}/out/files/${run.id}/out-0.png`];
  return `You said: ${run.body['input']['prompt']}`.split(/(?<=\s)/);
}

/** As tqdm draws it, each bar over the last. */
function logsOf({ step, total, status }: RemoteRun): string {
  if (status === 'pending') return '';
  const done = Math.min(step, total);
  const bars = Array.from({ length: done + 1 }, (_, index) => {
    const percent = Math.round((100 * index) / total);
    return `\r ${String(percent).padStart(2)}%|${'█'.repeat(index).padEnd(total)}| ${index}/${total} [00:00<00:01,  6.9it/s]`;
  });
  return `Using seed: 7\n${bars.join('')}`;
}
