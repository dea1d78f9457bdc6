/** What a handler says of its progress, by `progress_update`: any JSON, at the place of the output. */
export interface RunProgress {
  /** 0–100; undefined when the handler gives no number. */
  percent: number | undefined;
  message: string | undefined;
  step?: number;
  total?: number;
}

const PERCENT = /(\d{1,3}(?:\.\d+)?)\s*%/;
const OF = /(\d+)\s*(?:\/|of)\s*(\d+)/i;

/** Numbers and texts are read as people write them: `0.4`, `40`, `"40%"`, `"step 4/10"`, `{"progress": 40, "message": …}`. */
export function readProgress(said: unknown): RunProgress | undefined {
  if (typeof said === 'number') return { percent: percentOf(said), message: undefined };
  if (typeof said === 'string') return inText(said);
  if (typeof said !== 'object' || said === null || Array.isArray(said)) return undefined;
  const fields = said as Record<string, unknown>;
  const value = fields['progress'] ?? fields['percent'] ?? fields['percentage'];
  const words = fields['message'] ?? fields['status'] ?? fields['stage'];
  const read = value === undefined ? undefined : readProgress(value);
  const [step, total] = [fields['step'] ?? fields['current_step'], fields['total'] ?? fields['total_steps']];
  const counted = typeof step === 'number' && typeof total === 'number' && total > 0 ? { step, total } : {};
  const message = typeof words === 'string' ? words.slice(0, 200) : read?.message;
  const byCount = counted.step === undefined ? undefined : percentOf((100 * counted.step) / counted.total);
  const percent = read?.percent ?? byCount;
  return percent === undefined && message === undefined ? undefined : { percent, message, ...counted };
}

function inText(text: string): RunProgress {
  const message = text.slice(0, 200);
  const percent = PERCENT.exec(text)?.[1];
  if (percent !== undefined) return { percent: percentOf(Number(percent), false), message };
  const [, step, total] = (OF.exec(text) ?? []).map(Number);
  if (step === undefined || !total || step > total) return { percent: undefined, message };
  return { percent: (100 * step) / total, message, step, total };
}

/** @param share whether a number up to 1 is a share of the whole */
function percentOf(value: number, share = true): number | undefined {
  if (!Number.isFinite(value) || value < 0) return undefined;
  return Math.min(100, share && value > 0 && value <= 1 ? value * 100 : value);
}
