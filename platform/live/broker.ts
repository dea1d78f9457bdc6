/** Publish and subscribe through a server that is shared by workers and API processes. Loses what nobody hears. */
export interface Broker {
  /** Longest message it takes. Bytes. */
  readonly largest: number;
  /** Resolves when the server has it, or at least the connection. Rejects when it is lost. */
  publish(subject: string, message: Buffer): Promise<void>;
  subscribe(subject: string, onMessage: (message: Buffer) => void): Promise<void>;
  close(): Promise<void>;
}
