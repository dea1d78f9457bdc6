import type { JobView } from '../../contract/job-view.ts';
import { artifactLines, type PlacedArtifact } from './artifact-lines.ts';
import { formatElapsed } from './format.ts';
import { jobErrorLines, wayOut } from './job-error.ts';
import { resultSummary } from './json-lines.ts';
import type { Style } from './style.ts';

const MARKS = { completed: '✔', failed: '✖', cancelled: '■', timed_out: '✖', queued: '…', running: '…' } as const;

/** What came out of a job: the last lines of `submit --watch` and `watch`. */
export function jobEndLines(job: JobView, artifacts: readonly PlacedArtifact[], style: Style, width: number): string[] {
  const lines = [headline(job, style)];
  if (job.error && job.status !== 'completed' && job.status !== 'cancelled') {
    lines.push(...jobErrorLines(job.error, style).map((line) => `  ${line}`));
  }
  const summary = resultSummary(job.result, width - 12);
  if (summary) lines.push(`  ${style.dim('result')}  ${summary}`);
  lines.push(...artifactLines(artifacts, style));
  return lines;
}

/** What to try next; empty when all is well. */
export function nextSteps(job: JobView): string[] {
  switch (job.status) {
    case 'completed':
      return [];
    case 'failed':
    case 'timed_out':
      return [
        ...(job.error ? [waitedInVain(job) ? WAITED_IN_VAIN : wayOut(job.error)] : []),
        `Look closer: switchyard attempts ${job.id}`,
        `             switchyard logs ${job.id}`,
        ...(job.error?.code === 'validation' ? [] : [`Again:       switchyard retry ${job.id} --watch`]),
      ];
    case 'cancelled':
      return [`Run it after all: switchyard retry ${job.id} --watch`];
    case 'queued':
    case 'running':
      return [`Watch it: switchyard watch ${job.id}`, `Stop it:  switchyard cancel ${job.id}`];
    default:
      return job.status satisfies never;
  }
}

const WAITED_IN_VAIN = 'Start a worker that can take it, ask for less, or let it wait longer (--start-timeout).';

function waitedInVain(job: JobView): boolean {
  return job.status === 'timed_out' && job.started_at === undefined;
}

function headline(job: JobView, style: Style): string {
  const took = job.ended_at ? Date.parse(job.ended_at) - Date.parse(job.started_at ?? job.created_at) : undefined;
  const words = [
    `${job.service} ${job.status === 'timed_out' ? 'timed out' : job.status}`,
    took === undefined ? '' : `${job.status === 'completed' ? 'in' : 'after'} ${formatElapsed(took)}`,
    job.attempt > 1 ? `(attempt ${job.attempt})` : '',
  ].filter(Boolean);
  return `${style.status(job.status, `${MARKS[job.status] ?? '…'} ${words.join(' ')}`)}  ${style.dim(job.id)}`;
}
