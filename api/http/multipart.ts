import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { Busboy, type BusboyHeaders, type BusboyInstance } from '@fastify/busboy';
import { brokenOff, HttpProblem, SlowClientProblem } from './http-problem.ts';
import { refuseEncoding } from './read-body.ts';

export interface MultipartHandlers {
  /** A part without a file name; its text is complete. */
  onField(name: string, value: string): void;
  /** A file; must read the stream to its end or destroy it. */
  onFile(name: string, content: Readable, fileName: string, mime: string): Promise<void>;
}

export interface MultipartLimits {
  maxFieldBytes: number;
  maxFiles: number;
  /** Longest silence of the client, milliseconds. */
  idleMs: number;
}

const MAX_FIELDS = 16;

/**
 * Reads multipart/form-data; files are streamed, one after the other as they come.
 * @throws HttpProblem unsupported_media, malformed, payload_too_large, timeout, or what a handler throws
 */
export async function readMultipart(
  req: IncomingMessage,
  limits: MultipartLimits,
  handlers: MultipartHandlers,
): Promise<void> {
  refuseEncoding(req);
  let form: BusboyInstance;
  try {
    form = new Busboy({
      headers: req.headers as BusboyHeaders,
      limits: {
        fieldSize: limits.maxFieldBytes,
        fieldNameSize: 100,
        fields: MAX_FIELDS,
        files: limits.maxFiles,
        headerPairs: 100,
      },
    });
  } catch (error) {
    throw new HttpProblem('malformed', `The multipart body cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
  const files: { stream: Readable; stored: Promise<void> }[] = [];
  const idle = new IdleTimer(req, limits.idleMs);
  try {
    await new Promise<void>((resolve, reject) => {
      idle.onIdle(reject);
      const tooMuch = (what: string) => () => reject(new HttpProblem('payload_too_large', what, CLOSE));
      form
        .on('field', (name, value, nameTruncated, valueTruncated) => {
          if (!name) reject(nameless());
          else if (nameTruncated) reject(new HttpProblem('malformed', 'A part has a name over 100 bytes'));
          else if (valueTruncated) {
            tooMuch(`The part "${name}" is over the limit of ${limits.maxFieldBytes} bytes`)();
          } else settle(() => handlers.onField(name, value), reject);
        })
        .on('file', (name, content, fileName, _encoding, mime) => {
          // The parser reports a broken body here too, perhaps before the store listens.
          content.on('error', () => undefined);
          if (!name) {
            content.resume();
            reject(nameless());
            return;
          }
          const stored = handlers.onFile(name, content, fileName || name, mime);
          stored.catch((error: unknown) => reject(error as Error));
          files.push({ stream: content, stored });
        })
        .on('filesLimit', tooMuch(`There are more than ${limits.maxFiles} files`))
        .on('fieldsLimit', tooMuch(`There are more than ${MAX_FIELDS} fields`))
        .on('partsLimit', tooMuch('There are too many parts'))
        .on('error', (error: unknown) =>
          reject(
            new HttpProblem('malformed', `The multipart body cannot be read: ${(error as Error).message}`, {
              ...CLOSE,
              cause: error,
            }),
          ),
        )
        .on('finish', resolve);
      req
        .once('error', () => reject(brokenOff()))
        .once('close', () => {
          if (!req.complete) reject(brokenOff());
        });
      req.pipe(form);
    });
    await Promise.all(files.map((file) => file.stored));
  } catch (error) {
    req.unpipe(form);
    // Nothing more comes: who waits for the rest of a file must be told.
    for (const file of files) file.stream.destroy(error as Error);
    await Promise.allSettled(files.map((file) => file.stored));
    throw error;
  } finally {
    idle.stop();
  }
}

const CLOSE = { headers: { Connection: 'close' } };

/** The parser leaves the name out, whatever its types say. */
function nameless(): HttpProblem {
  return new HttpProblem('malformed', 'A part has no name in its Content-Disposition');
}

function settle(action: () => void, reject: (error: Error) => void): void {
  try {
    action();
  } catch (error) {
    reject(error as Error);
  }
}

/** Ends uploads of clients that stay silent; slow ones may go on. */
export class IdleTimer {
  readonly #req: IncomingMessage;
  readonly #ms: number;
  #timer: NodeJS.Timeout | undefined;
  #reject: ((error: Error) => void) | undefined;

  constructor(req: IncomingMessage, ms: number) {
    this.#req = req;
    this.#ms = ms;
    req.on('data', this.#restart);
    this.#restart();
  }

  onIdle(reject: (error: Error) => void): void {
    this.#reject = reject;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#req.off('data', this.#restart);
  }

  readonly #restart = () => {
    if (this.#timer) this.#timer.refresh();
    else {
      this.#timer = setTimeout(() => {
        const problem = new SlowClientProblem(`Nothing of the body came for ${this.#ms / 1_000} s`);
        this.#reject?.(problem);
      }, this.#ms);
    }
  };
}
