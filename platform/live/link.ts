/** The way to the other side. Neither call throws. */
export interface LivePeer {
  send(message: Buffer): void;
  /** Longest message that it takes; a preview that does not fit is left out. Bytes; unlimited unless given. */
  readonly largest?: number;
  /** Whether it takes more now; when it does again, it calls `drained` of its link. */
  ready(): boolean;
}

/** What a transport tells the side it serves. */
export interface LiveLink {
  receive(message: Buffer): void;
  drained(): void;
  close(): void;
}

/** A side of the channel: the jobs of a worker, or the watchers of an API process. */
export interface LiveSide {
  connect(peer: LivePeer): LiveLink;
}
