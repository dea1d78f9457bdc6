/**
 * Takes what comes too fast for heartbeats: tokens and previews, for whoever watches now. Never waits, never throws, may
 * drop. What a job's result needs goes into the result.
 */
export interface LiveSink {
  /**
   * A piece of text as the model writes it.
   * @param position characters written before it; a stream that is taken up again repeats pieces at known positions
   */
  token(text: string, position: number): void;
  /** An unfinished picture. @param index 0-based, in the order they came */
  preview(picture: Buffer, mime: string, index: number): void;
}
