import type { ConnectorReport } from '../../contract/connector-report.schema.ts';
import { compareStreams } from '../../contract/live-events.ts';
import type { LiveLink, LivePeer } from './link.ts';
import type { LiveEntry } from './live-log.ts';
import type { LiveStream } from './live-stream.ts';
import { decodeMessage, encodeMessage, type Want } from './messages.ts';

/** Text that goes in one message. Characters. */
const BATCH = 65_536;
/** Room for what goes before a picture. Bytes. */
const HEAD = 4_096;
/** Jobs that one API process may watch at a time; further ones are left aside. */
const MAX_WANTS = 20_000;

interface Reader {
  want: Want;
  /** Set once the job has told something here. */
  stream?: LiveStream;
  /** Up to here all was sent, or is gone. */
  seq: number;
  toldEnd: boolean;
  renewedAt: number;
}

/** One API process, as a worker sees it: what it wants, and how far each has come. */
export class SourceLink implements LiveLink {
  readonly #peer: LivePeer;
  readonly #streamOf: (jobId: string) => LiveStream | undefined;
  readonly #onClose: () => void;
  readonly #readers = new Map<string, Reader>();

  constructor(peer: LivePeer, streamOf: (jobId: string) => LiveStream | undefined, onClose: () => void) {
    this.#peer = peer;
    this.#streamOf = streamOf;
    this.#onClose = onClose;
  }

  receive(bytes: Buffer): void {
    const message = decodeMessage(bytes);
    if (message?.m === 'unwant') this.#readers.delete(message.job_id);
    if (message?.m !== 'want') return;
    for (const want of message.wants) this.#want(want, message.rewind);
  }

  /** As much of a report as the peer takes; one that it is too slow for is left out, since the next one replaces it. */
  tell(report: ConnectorReport): void {
    if (!this.#peer.ready()) return;
    const whole = encodeMessage({ m: 'report', report });
    const { models: _, hot_models: __, ...short } = report;
    const fits = whole.length <= (this.#peer.largest ?? Number.POSITIVE_INFINITY);
    this.#peer.send(fits ? whole : encodeMessage({ m: 'report', report: short }));
  }

  drained(): void {
    for (const jobId of this.#readers.keys()) {
      if (!this.#peer.ready()) return;
      this.pump(jobId);
    }
  }

  close(): void {
    this.#readers.clear();
    this.#onClose();
  }

  /** Forgets what was not asked for again since; for peers whose going away does not show. */
  forget(before: number): void {
    for (const [jobId, { renewedAt }] of this.#readers) if (renewedAt < before) this.#readers.delete(jobId);
  }

  /** Sends what is new of a job, as far as the peer takes it. */
  pump(jobId: string): void {
    const reader = this.#readers.get(jobId);
    const stream = this.#streamOf(jobId);
    if (!reader || !stream) return;
    if (reader.stream !== stream) attach(reader, stream);
    const head = { job_id: jobId, ...stream.key };
    while (this.#peer.ready()) {
      const entries = batchAfter(stream, reader.seq, (this.#peer.largest ?? Number.POSITIVE_INFINITY) - HEAD);
      if (entries.length === 0) break;
      this.#peer.send(encodeMessage({ m: 'entries', ...head, prev: reader.seq, entries }));
      reader.seq = entries.at(-1)!.seq;
    }
    if (stream.ended && !reader.toldEnd && this.#peer.ready()) {
      const { last: seq, characters, previews } = stream.log;
      this.#peer.send(encodeMessage({ m: 'close', ...head, prev: reader.seq, seq, characters, previews }));
      reader.toldEnd = true;
    }
  }

  #want(want: Want, rewind: boolean): void {
    const known = this.#readers.get(want.job_id);
    if (known && !rewind) {
      known.renewedAt = Date.now();
      return;
    }
    if (this.#readers.size >= MAX_WANTS) return;
    this.#readers.set(want.job_id, { want, seq: 0, toldEnd: false, renewedAt: Date.now() });
    this.pump(want.job_id);
  }
}

/** Another attempt is told from its beginning. */
function attach(reader: Reader, stream: LiveStream): void {
  reader.stream = stream;
  reader.seq = compareStreams(reader.want, stream.key) === 0 ? reader.want.seq : 0;
  reader.toldEnd = false;
}

/** The next entries: text up to a limit, or one preview. */
function batchAfter(stream: LiveStream, after: number, largest: number): LiveEntry[] {
  const entries: LiveEntry[] = [];
  let characters = 0;
  for (let entry = stream.log.next(after); entry; entry = stream.log.next(entry.seq)) {
    if (entry.kind === 'preview') {
      // Its number is left out, and told as dropped.
      if (entry.picture.length > largest) continue;
      return entries.length === 0 ? [entry] : entries;
    }
    entries.push(entry);
    if (entry.kind === 'token') characters += entry.text.length;
    if (characters >= BATCH) break;
  }
  return entries;
}
