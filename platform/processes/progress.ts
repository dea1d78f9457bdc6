/** Tells a person what a long step does; handed in, so that a test can listen and a script can stay silent. */
export interface Progress {
  /** One line. */
  note(text: string): void;
  /**
   * Runs a step that takes more than a moment.
   * @param what e.g. "Building the Temporal server with Go"
   * @param howLong e.g. "4-9 minutes the first time"
   */
  step<T>(what: string, howLong: string, work: () => Promise<T>): Promise<T>;
}

/** How often a step that is not on a terminal says that it goes on. */
const REMINDER_MS = 30_000;

/** A running counter of seconds on a terminal, plain lines otherwise. */
export function streamProgress(stream: NodeJS.WriteStream): Progress {
  const note = (text: string) => void stream.write(`${text}\n`);
  return {
    note,
    async step(what, howLong, work) {
      const live = stream.isTTY === true;
      const started = Date.now();
      const seconds = () => Math.round((Date.now() - started) / 1_000);
      const draw = () =>
        live
          ? void stream.write(`\r\x1b[2K${what} - ${howLong} ... ${seconds()} s`)
          : note(`  still at it, ${seconds()} s`);
      if (live) draw();
      else note(`${what} - ${howLong} ...`);
      const timer = setInterval(draw, live ? 1_000 : REMINDER_MS);
      let outcome = 'failed after';
      try {
        const result = await work();
        outcome = 'done in';
        return result;
      } finally {
        clearInterval(timer);
        note(`${live ? `\r\x1b[2K${what}:` : ' '} ${outcome} ${seconds()} s`);
      }
    },
  };
}

export const silentProgress: Progress = { note: () => {}, step: (_what, _howLong, work) => work() };
