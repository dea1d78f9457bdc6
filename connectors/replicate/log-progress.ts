/** Enough of a log to hold its last bar. Characters. */
const TAIL = 8_192;
/** tqdm: ` 42%|████▏     | 21/50 [00:03<00:04,  6.9it/s]`. */
const BAR = /(\d{1,3})%\s*\|[^|\n]*\|\s*(\d+)\/(\d+)/g;

export interface LogProgress {
  /** 0–100. */
  percent: number;
  step: number;
  total: number;
}

/** How far the last bar in a log has come: the only way in which Replicate tells of progress. */
export function progressInLogs(logs: string | null | undefined): LogProgress | undefined {
  const last = [...(logs ?? '').slice(-TAIL).matchAll(BAR)].at(-1);
  if (!last) return undefined;
  const [percent, step, total] = last.slice(1).map(Number) as [number, number, number];
  return { percent: Math.min(100, percent), step, total };
}
