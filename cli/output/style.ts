import { styleText } from 'node:util';
import type { JobStatus } from '../../contract/job-view.ts';

/** Paints text, or leaves it plain where colours would not show. */
export interface Style {
  readonly colours: boolean;
  bold(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  bad(text: string): string;
  warn(text: string): string;
  accent(text: string): string;
  /** In the colour that this status has everywhere. */
  status(status: JobStatus, text?: string): string;
}

/**
 * Colours on a terminal, none in a pipe. `NO_COLOR` (any value) and `TERM=dumb` switch them off; `FORCE_COLOR` wins
 * over both, `FORCE_COLOR=0` or `false` means off.
 */
export function showsColours(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv): boolean {
  const forced = env['FORCE_COLOR'];
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  if (env['NO_COLOR'] || env['NODE_DISABLE_COLORS']) return false;
  return stream.isTTY === true && env['TERM'] !== 'dumb';
}

export function createStyle(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv): Style {
  const colours = showsColours(stream, env);
  // The decision is made above, per stream; Node's own would look at the first one only.
  const paint = (format: Parameters<typeof styleText>[0]) => (text: string) =>
    colours && text !== '' ? styleText(format, text, { validateStream: false }) : text;
  const [good, bad, warn, accent, dim] = (['green', 'red', 'yellow', 'cyan', 'dim'] as const).map(paint) as [
    Paint,
    Paint,
    Paint,
    Paint,
    Paint,
  ];
  const byStatus: Record<JobStatus, Paint> = {
    queued: warn,
    running: accent,
    completed: good,
    failed: bad,
    cancelled: dim,
    timed_out: bad,
  };
  return {
    colours,
    bold: paint('bold'),
    dim,
    good,
    bad,
    warn,
    accent,
    status: (status, text = status) => (byStatus[status] ?? dim)(text),
  };
}

type Paint = (text: string) => string;
