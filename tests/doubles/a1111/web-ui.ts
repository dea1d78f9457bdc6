import { setImmediate as turn } from 'node:timers/promises';

/** The newest of them are remembered, no more. */
const REMEMBERED = 16;

/**
 * What the web UI keeps in its process: one thing at a time behind one lock, a state of whatever runs, and the ids of
 * tasks. With its quirks: a task that raises goes on being the current one, and an interrupt hits whatever runs.
 */
export class WebUi {
  jobCount = 0;
  jobNo = 0;
  samplingStep = 0;
  samplingSteps = 0;
  interrupted = false;
  job = '';
  jobTimestamp = '0';
  previewId = 0;
  preview: Buffer | undefined;
  /** Not cleared when a task raises. */
  currentTask: string | undefined;
  readonly pending = new Map<string, number>();
  readonly finished: string[] = [];
  /** The checkpoint that is loaded. */
  loaded = 'dreamlike-v1.safetensors [0123456789]';
  /** How many interrupts came, and what ran then. */
  readonly interrupts: (string | undefined)[] = [];
  #began = 0;
  #jobs = 0;
  #lock: Promise<void> = Promise.resolve();
  #onInterrupt = new Set<() => void>();

  /** Waits for its turn. @returns ends it */
  async acquire(): Promise<() => void> {
    const before = this.#lock;
    let release = () => {};
    this.#lock = new Promise((resolve) => {
      release = resolve;
    });
    await before;
    return release;
  }

  begin(job: string): void {
    this.job = job;
    this.jobCount = -1;
    this.jobNo = 0;
    this.samplingStep = 0;
    this.samplingSteps = 0;
    this.interrupted = false;
    this.preview = undefined;
    this.previewId = 0;
    this.#began = performance.now();
    // To the second at a real one; here it must not be the same by chance.
    this.jobTimestamp = `20240101${String(++this.#jobs).padStart(6, '0')}`;
  }

  end(): void {
    this.job = '';
    this.jobCount = 0;
  }

  startTask(id: string): void {
    this.currentTask = id;
    this.pending.delete(id);
  }

  finishTask(id: string): void {
    if (this.currentTask === id) this.currentTask = undefined;
    this.finished.push(id);
    if (this.finished.length > REMEMBERED) this.finished.shift();
  }

  /** Whoever asks, it hits whatever runs. */
  interrupt(): void {
    this.interrupts.push(this.jobCount === 0 ? undefined : (this.currentTask ?? this.job));
    this.interrupted = true;
    for (const each of this.#onInterrupt) each();
  }

  /** Aborted with the next interrupt. */
  async interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    const onInterrupt = () => controller.abort();
    this.#onInterrupt.add(onInterrupt);
    try {
      if (this.interrupted) controller.abort();
      return await work(controller.signal);
    } finally {
      this.#onInterrupt.delete(onInterrupt);
      await turn();
    }
  }

  get share(): number {
    if (this.jobCount <= 0) return 0;
    const done = this.jobNo / this.jobCount;
    const step = this.samplingSteps > 0 ? this.samplingStep / this.samplingSteps / this.jobCount : 0;
    return Math.min(1, done + step);
  }

  /** GET /sdapi/v1/progress; right after the beginning the share is negative. */
  globalProgress(): object {
    const state = {
      skipped: false,
      interrupted: this.interrupted,
      stopping_generation: false,
      job: this.job,
      job_count: this.jobCount,
      job_timestamp: this.jobTimestamp,
      job_no: this.jobNo,
      sampling_step: this.samplingStep,
      sampling_steps: this.samplingSteps,
    };
    if (this.jobCount === 0) return { progress: 0, eta_relative: 0, state, current_image: null, textinfo: null };
    const early = this.samplingSteps > 0 ? -this.samplingStep / this.samplingSteps : 0;
    const progress = 0.01 + (this.jobCount < 0 ? early : this.share);
    const eta_relative = (performance.now() - this.#began) / 1_000;
    return {
      progress,
      eta_relative,
      state,
      current_image: null,
      textinfo: null,
      current_task: this.currentTask ?? null,
    };
  }

  /** POST /internal/progress */
  taskProgress(id: string | undefined, lastPreview: number, wantsPreview: boolean): object {
    const active = id !== undefined && id === this.currentTask;
    const queued = id !== undefined && this.pending.has(id);
    const completed = id !== undefined && this.finished.includes(id);
    const blank = { progress: null, eta: null, live_preview: null };
    if (!active) {
      const place = [...this.pending.keys()].indexOf(id ?? '') + 1;
      const textinfo = queued ? `In queue: ${place}/${this.pending.size}` : 'Waiting...';
      return { active, queued, completed, ...blank, id_live_preview: -1, textinfo };
    }
    const fresh = wantsPreview && this.preview !== undefined && this.previewId !== lastPreview;
    return {
      active,
      queued,
      completed,
      progress: this.share,
      eta: this.share > 0 ? 0.5 : null,
      live_preview: fresh ? `data:image/png;base64,${this.preview?.toString('base64')}` : null,
      id_live_preview: fresh ? this.previewId : lastPreview,
      textinfo: null,
    };
  }
}
