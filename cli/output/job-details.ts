import type { JobView } from '../../contract/job-view.ts';
import { stepText } from '../watch/watch-state.ts';
import { artifactLines, type PlacedArtifact } from './artifact-lines.ts';
import { formatElapsed, formatTime } from './format.ts';
import { jobErrorLines } from './job-error.ts';
import { jsonLines } from './json-lines.ts';
import { keyValueLines } from './key-values.ts';
import type { Style } from './style.ts';
import { plain } from './text-width.ts';

/** Everything about one job: `jobs get`. */
export function jobDetailLines(
  job: JobView,
  artifacts: readonly PlacedArtifact[],
  style: Style,
  width: number,
  now: number,
): string[] {
  const room = width - 16;
  const time = (iso: string | undefined) => (iso === undefined ? undefined : formatTime(iso, now));
  return [
    ...keyValueLines(
      [
        ['id', style.bold(job.id)],
        ['status', style.status(job.status) + (job.status_reason ? style.dim(` (${job.status_reason})`) : '')],
        ['why', job.status_message && plain(job.status_message)],
        ['service', job.service],
        ['pool', job.pool + (job.task_queue ? style.dim(`  queue ${job.task_queue}`) : '')],
        ['priority', String(job.priority)],
        ['tags', job.tags.map(plain).join(', ')],
        ['progress', progressText(job)],
        [
          'attempt',
          job.attempt > 0 ? `${job.attempt}${style.dim(`  at most ${job.max_attempts} may fail`)}` : undefined,
        ],
        [
          'worker',
          [job.worker, job.instance]
            .filter(Boolean)
            .map((text) => plain(text ?? ''))
            .join('  '),
        ],
        ['backend job', job.service_job_id && plain(job.service_job_id)],
        ['created', time(job.created_at)],
        ['started', time(job.started_at)],
        ['ended', time(job.ended_at)],
        ['took', took(job)],
        ['deadline', time(job.deadline)],
        ['repeats', job.retry_of],
        ['payload', jsonLines(job.payload, room)],
        ['requirements', jsonLines(emptyAsNothing(job.requirements), room)],
        ['metadata', jsonLines(emptyAsNothing(job.metadata), room)],
        ['error', job.error && jobErrorLines(job.error, style)],
        ['result', job.result == null ? undefined : jsonLines(job.result, room)],
        ['temporal', job.temporal.url ?? plain(job.temporal.workflow_id)],
      ],
      style,
    ),
    ...(artifacts.length > 0 ? [style.dim('artifacts'), ...artifactLines(artifacts, style)] : []),
  ];
}

function progressText(job: JobView): string | undefined {
  const { progress } = job;
  if (!progress) return undefined;
  return [`${Math.floor(progress.percent)}%`, plain(stepText(progress)), plain(progress.message ?? '')]
    .filter(Boolean)
    .join('  ');
}

function took(job: JobView): string | undefined {
  if (!job.ended_at || !job.started_at) return undefined;
  return formatElapsed(Date.parse(job.ended_at) - Date.parse(job.started_at));
}

function emptyAsNothing(value: object): object | undefined {
  return Object.keys(value).length > 0 ? value : undefined;
}
