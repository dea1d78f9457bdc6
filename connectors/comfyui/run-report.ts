import type { ProgressCallback } from '../contract/connector.ts';
import type { PromptPlace } from './find-prompt.ts';
import type { GraphProgressView } from './graph-progress.ts';

/** Percent: before the graph runs, and when it has run and its files are fetched. */
const RUN_FROM = 2;
const RUN_TO = 95;

/** A job's progress in the words of a job. Never falls, also when a graph has to run again. */
export class RunReport {
  readonly #jobId: string;
  readonly #report: ProgressCallback;
  readonly notes: string[] = [];
  #progress = 0;
  #runs = false;

  constructor(jobId: string, report: ProgressCallback) {
    this.#jobId = jobId;
    this.#report = report;
  }

  /** Something that whoever reads the result should know. */
  note(text: string): void {
    this.notes.push(text);
    this.#runs = false;
    this.#tell(this.#progress, text);
  }

  step(text: string): void {
    this.#tell(1, text);
  }

  place(place: PromptPlace): void {
    if (place.state === 'pending') {
      const ahead = place.ahead === 0 ? 'next' : `${place.ahead} ahead`;
      this.#tell(RUN_FROM, `waiting in the queue of ComfyUI: ${ahead}`);
    } else if (place.state === 'running' && !this.#runs) {
      this.#runs = true;
      this.#tell(RUN_FROM, 'running in ComfyUI');
    }
  }

  progress({ share, step, message, log }: GraphProgressView): void {
    this.#runs = true;
    this.#tell(RUN_FROM + (RUN_TO - RUN_FROM) * share, message, step, log);
  }

  collecting(done: number, of: number): void {
    this.#tell(RUN_TO + (of === 0 ? 0 : ((100 - RUN_TO) * done) / of), `fetching outputs: ${done} of ${of}`);
  }

  #tell(progress: number, message: string, step?: string, log?: GraphProgressView['log']): void {
    this.#progress = Math.max(this.#progress, Math.round(progress * 10) / 10);
    void this.#report({ job_id: this.#jobId, progress: this.#progress, message, current_step: step, log });
  }
}
