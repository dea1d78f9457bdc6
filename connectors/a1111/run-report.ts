import type { ProgressCallback } from '../contract/connector.ts';
import type { TaskState } from './task-state.ts';

/** Percent: when the server begins, and when it is done and the pictures are fetched. */
const RUN_FROM = 2;
const RUN_TO = 95;

/** A job's progress in the words of a job. Never falls, also when the pictures have to be made again. */
export class RunReport {
  readonly #jobId: string;
  readonly #report: ProgressCallback;
  /** What whoever reads the result should know. */
  readonly notes: string[] = [];
  #progress = 0;
  #previews = 0;

  constructor(jobId: string, report: ProgressCallback) {
    this.#jobId = jobId;
    this.#report = report;
  }

  note(text: string): void {
    this.notes.push(text);
    this.step(text);
  }

  step(text: string): void {
    this.#tell(Math.max(1, this.#progress), text);
  }

  state({ place, progress, etaMs, text }: TaskState): void {
    if (place === 'queued') this.#tell(RUN_FROM, `waiting at the server (${text ?? 'queued'})`);
    if (place !== 'active') return;
    const percent = Math.round(progress * 100);
    const message = progress > 0 ? `drawing: ${percent} %${text ? `, ${text}` : ''}` : (text ?? 'getting ready');
    this.#tell(RUN_FROM + (RUN_TO - RUN_FROM) * progress, message, etaMs);
  }

  storing(done: number, of: number): void {
    this.#tell(RUN_TO + (of === 0 ? 0 : ((100 - RUN_TO) * done) / of), `storing pictures: ${done} of ${of}`);
  }

  done(pictures: number): void {
    this.#tell(100, pictures === 1 ? 'done' : `${pictures} pictures`);
  }

  /** Number of the next unfinished picture, in the order they come. */
  nextPreview(): number {
    return this.#previews++;
  }

  #tell(progress: number, message: string, etaMs?: number): void {
    this.#progress = Math.max(this.#progress, Math.round(progress * 10) / 10);
    void this.#report({
      job_id: this.#jobId,
      progress: this.#progress,
      message,
      ...(etaMs === undefined ? {} : { estimated_completion_ms: etaMs }),
    });
  }
}
