import { compareStreams, type LiveStreamKey } from '../../contract/live-events.ts';
import type { LivePeer } from './link.ts';
import { LiveLog } from './live-log.ts';
import type { LiveMessage, Want } from './messages.ts';

type Entries = Extract<LiveMessage, { m: 'entries' }>;
type Close = Extract<LiveMessage, { m: 'close' }>;

/** A lossy way is asked again at most this often. Milliseconds. */
const ASK_AGAIN_MS = 250;

/** A watcher of a feed, to be told that there is news. */
export interface FeedWatch {
  pump(): void;
}

/** What an API process knows of the live stream of one watched job: that of its newest attempt. */
export class LiveFeed {
  readonly jobId: string;
  readonly watches = new Set<FeedWatch>();
  #key: LiveStreamKey | undefined;
  #log = new LiveLog();
  /** Who sends it; undefined once that one has left. */
  #from: LivePeer | undefined;
  #complete = false;
  #askedAt = Number.NEGATIVE_INFINITY;

  constructor(jobId: string) {
    this.jobId = jobId;
  }

  /** The newest attempt that has told something. */
  get key(): LiveStreamKey | undefined {
    return this.#key;
  }

  get log(): LiveLog {
    return this.#log;
  }

  /** Nothing more of the present attempt is on its way, as far as can be known here. */
  get settled(): boolean {
    return this.#key === undefined || this.#complete || this.#from === undefined;
  }

  want(): Want {
    return { job_id: this.jobId, activity: 0, attempt: 0, ...this.#key, seq: this.#log.last };
  }

  /** @returns whether something before these was lost on the way and should be asked for */
  take(message: Entries, from: LivePeer): boolean {
    if (!this.#enter(message)) return false;
    this.#from = from;
    if (message.prev > this.#log.last) return this.#mayAsk();
    for (const entry of message.entries) if (entry.seq > this.#log.last) this.#log.add(entry);
    this.#tell();
    return false;
  }

  /** @returns as `take` */
  finish(message: Close): boolean {
    if (!this.#enter(message)) return false;
    if (message.prev > this.#log.last) return this.#mayAsk();
    this.#log.skipTo(message);
    this.#complete = true;
    this.#tell();
    return false;
  }

  left(peer: LivePeer): void {
    if (this.#from !== peer) return;
    this.#from = undefined;
    this.#tell();
  }

  /** @returns false for what an attempt says whose successor has spoken already */
  #enter(message: LiveStreamKey): boolean {
    const order = this.#key ? compareStreams(message, this.#key) : 1;
    if (order < 0) return false;
    if (order > 0) {
      this.#key = { activity: message.activity, attempt: message.attempt };
      this.#log = new LiveLog();
      this.#complete = false;
    }
    return true;
  }

  #mayAsk(): boolean {
    const now = performance.now();
    if (now - this.#askedAt < ASK_AGAIN_MS) return false;
    this.#askedAt = now;
    return true;
  }

  #tell(): void {
    for (const watch of this.watches) watch.pump();
  }
}
