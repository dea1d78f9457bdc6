import { ERROR_CODES } from '../../contract/errors.ts';
import { formatDuration } from '../../contract/duration.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import type { ComfyClient } from './comfy-client.ts';
import type { HistoryEntry, NodeOutputs } from './documents.ts';
import { findPrompt, type PromptPlace } from './find-prompt.ts';
import { judge, type Verdict } from './judge-history.ts';
import type { ComfySettings } from './settings.ts';
import type { PromptEvent } from './socket-messages.ts';

export type Outcome =
  | Verdict
  /** Neither queued nor in the history. `restarted`: the server was away meanwhile, else somebody deleted it. */
  | { kind: 'gone'; restarted: boolean };

export interface WatchOptions {
  client: ComfyClient;
  promptId: string;
  settings: Pick<ComfySettings, 'poll_seconds' | 'outage_seconds' | 'stall_seconds' | 'zombie_seconds'>;
  /** Whether progress can be seen at all: without it silence means nothing. */
  hasSocket: boolean;
  /** Hears where the prompt is, after each look. */
  onPlace: (place: PromptPlace) => void;
  signal: AbortSignal;
}

/** The history may lag behind the message that a prompt is done. Milliseconds. */
const FIRST_LAG = 15;
const LONGEST_LAG = 10_000;

/**
 * Follows one prompt to its end. The truth is in queue and history, which are looked at every few seconds, and at once
 * when the socket says that the prompt has ended; the socket alone is never believed, nor is its silence.
 */
export class PromptWatch {
  readonly #options: WatchOptions;
  #connected = false;
  #outage: { since: number } | undefined;
  /** The server was away since the prompt was last seen, or the socket was lost, which a short restart shows in. */
  #wasAway = false;
  #ended: { at: number; success: boolean } | undefined;
  /** Outputs as told by the socket, for when the history is wiped before it could be read. */
  readonly #told: NodeOutputs = {};
  #lastSign = performance.now();
  #idleSince: number | undefined;
  #ring: () => void = () => {};

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  connected(connected: boolean): void {
    if (this.#connected && !connected) {
      this.#wasAway = true;
      this.#ring();
    }
    this.#connected = connected;
  }

  take(event: PromptEvent): void {
    this.#lastSign = performance.now();
    if (event.type === 'executed') this.#told[event.node] = event.output;
    const success = event.type === 'success';
    const over =
      event.type === 'error' ||
      event.type === 'interrupted' ||
      (event.type === 'executing' && event.node === undefined);
    if (!success && !over) return;
    this.#ended ??= { at: performance.now(), success: false };
    this.#ended.success ||= success;
    this.#ring();
  }

  /**
   * @throws ConnectorError by the way in which the server fails to answer; DeadWorkerError when its worker thread is
   * dead. The prompt is left where it is. The signal's reason on abort.
   */
  async outcome(): Promise<Outcome> {
    const { signal, onPlace } = this.#options;
    let lag = FIRST_LAG;
    for (;;) {
      signal.throwIfAborted();
      const place = await this.#look();
      if (place) {
        const outcome = this.#outcomeAt(place);
        if (outcome) return outcome;
        this.#checkAlive(place);
        onPlace(place);
      }
      // Told that it has ended: ask again soon, but not for ever.
      const soon = this.#ended !== undefined && place !== undefined && performance.now() - this.#ended.at < LONGEST_LAG;
      await this.#wait(soon ? lag : this.#options.settings.poll_seconds * 1_000, soon);
      if (soon) lag *= 1.5;
    }
  }

  /** @returns undefined while the server cannot be reached */
  async #look(): Promise<PromptPlace | undefined> {
    const { client, promptId, signal, settings } = this.#options;
    try {
      const place = await findPrompt(client, promptId, signal);
      this.#outage = undefined;
      return place;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof ConnectorError) || !(error.retryable ?? ERROR_CODES[error.code].retryable)) throw error;
      this.#wasAway ||= error.code === 'service_unavailable';
      this.#outage ??= { since: performance.now() };
      const away = performance.now() - this.#outage.since;
      if (away < settings.outage_seconds * 1_000) return undefined;
      throw new ConnectorError(
        error.code,
        `ComfyUI has given no usable answer for ${formatDuration(Math.round(away))}; the prompt is found again when it does (${error.message})`,
        { cause: error },
      );
    }
  }

  #outcomeAt(place: PromptPlace): Outcome | undefined {
    if (place.state === 'finished') return judge(place.entry);
    if (place.state !== 'unknown') return undefined;
    if (!this.#ended) return { kind: 'gone', restarted: this.#wasAway };
    // Ended, and no entry: on its way into the history, or wiped out of it by somebody.
    if (performance.now() - this.#ended.at < LONGEST_LAG / 2) return undefined;
    return this.#ended.success ? judge(entryOf(this.#told)) : { kind: 'gone', restarted: this.#wasAway };
  }

  /** @throws ConnectorError when the signs say that the worker thread is dead though HTTP goes on answering */
  #checkAlive(place: PromptPlace): void {
    const { settings, hasSocket } = this.#options;
    const now = performance.now();
    if (place.state === 'pending') {
      this.#lastSign = now;
      // Something always runs while something waits, but for a moment between two prompts.
      this.#idleSince = place.someRuns ? undefined : (this.#idleSince ?? now);
      if (this.#idleSince !== undefined && now - this.#idleSince > settings.zombie_seconds * 1_000) {
        throw dead(`prompts wait and nothing has run for ${formatDuration(Math.round(now - this.#idleSince))}`);
      }
    } else if (hasSocket && this.#connected && settings.stall_seconds > 0) {
      const silent = now - this.#lastSign;
      if (silent > settings.stall_seconds * 1_000) {
        throw dead(`the prompt has run without a sign of life for ${formatDuration(Math.round(silent))}`);
      }
    }
  }

  #wait(ms: number, deaf: boolean): Promise<void> {
    const { signal } = this.#options;
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        this.#ring = () => {};
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener('abort', done, { once: true });
      if (!deaf) this.#ring = done;
    });
  }
}

/** Why HTTP alone is no sign of health, and what helps. */
function dead(sign: string): ConnectorError {
  return new DeadWorkerError(
    'service_unavailable',
    `ComfyUI answers, but its worker thread seems to be dead: ${sign}. Restart ComfyUI; the job is submitted again then`,
  );
}

/** HTTP is up and the queue does not move. */
export class DeadWorkerError extends ConnectorError {}

function entryOf(outputs: NodeOutputs): HistoryEntry {
  return { outputs, status: { status_str: 'success', completed: true, messages: [] } };
}
