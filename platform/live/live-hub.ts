import type { LiveCursor } from '../../contract/live-events.ts';
import type { LiveLink, LivePeer, LiveSide } from './link.ts';
import { LiveFeed } from './live-feed.ts';
import { LiveWatch, type LiveTarget } from './live-watch.ts';
import { ReportBook } from './report-book.ts';
import { decodeMessage, encodeMessage, type Want } from './messages.ts';

/** Wants in one message. */
const WANTS_AT_ONCE = 500;

/**
 * The API's side of the live channel: asks the workers for what is watched here, keeps the last of it while somebody
 * watches, and tells each watcher at its own pace.
 */
export class LiveHub implements LiveSide {
  readonly #feeds = new Map<string, LiveFeed>();
  readonly #peers = new Set<LivePeer>();
  /** How the connectors of the workers fare that reach this process. */
  readonly reports = new ReportBook();

  /** Jobs watched now. */
  get size(): number {
    return this.#feeds.size;
  }

  /**
   * Tells a target what comes of a job, from where it was.
   * @param cursor how far it had come before a cut
   */
  watch(jobId: string, target: LiveTarget, cursor?: LiveCursor): LiveWatch {
    let feed = this.#feeds.get(jobId);
    if (!feed) {
      feed = new LiveFeed(jobId);
      this.#feeds.set(jobId, feed);
      this.#ask([feed.want()], true);
    }
    const known = feed;
    const watch: LiveWatch = new LiveWatch(known, target, cursor, () => {
      known.watches.delete(watch);
      if (known.watches.size > 0 || this.#feeds.get(jobId) !== known) return;
      this.#feeds.delete(jobId);
      this.#send(encodeMessage({ m: 'unwant', job_id: jobId }));
    });
    known.watches.add(watch);
    watch.pump();
    return watch;
  }

  /** A worker, or a broker that reaches all of them. */
  connect(peer: LivePeer): LiveLink {
    this.#peers.add(peer);
    this.#greet(peer);
    return {
      receive: (bytes) => this.#receive(bytes, peer),
      drained: () => {},
      close: () => {
        this.#peers.delete(peer);
        for (const feed of this.#feeds.values()) feed.left(peer);
      },
    };
  }

  /** Asks again for all that is watched: a peer that cannot see us leave forgets us otherwise. */
  renew(peer: LivePeer): void {
    this.#greet(peer);
  }

  /** Also with nothing to ask for: behind a broker, workers know of us by it alone, and report then. */
  #greet(peer: LivePeer): void {
    const wants = this.#wants();
    if (wants.length === 0) peer.send(encodeMessage({ m: 'want', wants, rewind: false }));
    else this.#ask(wants, false, peer);
  }

  #receive(bytes: Buffer, peer: LivePeer): void {
    const message = decodeMessage(bytes);
    if (message?.m === 'report') return this.reports.take(message.report);
    if (message?.m !== 'entries' && message?.m !== 'close') return;
    const feed = this.#feeds.get(message.job_id);
    if (!feed) return;
    const hole = message.m === 'entries' ? feed.take(message, peer) : feed.finish(message);
    if (hole) this.#ask([feed.want()], true, peer);
  }

  #wants(): Want[] {
    return [...this.#feeds.values()].map((feed) => feed.want());
  }

  #ask(wants: Want[], rewind: boolean, peer?: LivePeer): void {
    for (let at = 0; at < wants.length; at += WANTS_AT_ONCE) {
      this.#send(encodeMessage({ m: 'want', wants: wants.slice(at, at + WANTS_AT_ONCE), rewind }), peer);
    }
  }

  #send(message: Buffer, peer?: LivePeer): void {
    if (peer) peer.send(message);
    else for (const one of this.#peers) one.send(message);
  }
}
