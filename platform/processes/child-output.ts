import type { Readable } from 'node:stream';
import { eachLine } from './each-line.ts';
import type { RotatingLog } from './rotating-log.ts';

/** Our logs name their levels; these reach the terminal. */
const SHOWN: Readonly<Record<string, string>> = { warn: 'warning: ', error: 'error: ', fatal: 'fatal: ' };
/** The same sentence of a process is shown once in this time: a Temporal that is away makes every poller say so. */
const REPEAT_MS = 30_000;
const LAST_WORDS = 6;
/** Where in the code it was is in the log; the terminal is for what happened. */
const NO_NEWS = /^\s+at |^\s*\^+\s*$|^Node\.js v|^\s*[{}]?\s*$/;

export interface ChildOutput {
  /** The last lines it wrote, for the message when it dies. */
  lastWords(): string[];
}

interface LogLine {
  level?: string;
  msg?: string;
  err?: { message?: string };
}

/**
 * Keeps what a child process writes: every line in its log as JSON, warnings and errors also as short lines for people.
 * @param show gets the short lines
 */
export function followOutput(
  name: string,
  streams: (Readable | null)[],
  log: RotatingLog,
  show: (line: string) => void,
): ChildOutput {
  let last: string[] = [];
  const shown = new Map<string, number>();
  for (const stream of streams) {
    if (!stream) continue;
    eachLine(stream, (line) => {
      const parsed = parse(line);
      log.write(parsed ? line : JSON.stringify({ level: 'info', time: new Date().toISOString(), name, msg: line }));
      const text = parsed ? short(parsed) : line;
      if (!NO_NEWS.test(text)) last = [...last, text].slice(-LAST_WORDS);
      if (!parsed?.level || !(parsed.level in SHOWN)) return;
      const now = Date.now();
      if (now - (shown.get(text) ?? Number.NEGATIVE_INFINITY) < REPEAT_MS) return;
      if (shown.size > 200) shown.clear();
      shown.set(text, now);
      show(text);
    });
  }
  return { lastWords: () => last };
}

function parse(line: string): LogLine | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return undefined;
  }
}

function short({ level = '', msg = '', err }: LogLine): string {
  const reason = err?.message && !msg.includes(err.message) ? `${msg ? ' - ' : ''}${err.message.split('\n')[0]}` : '';
  return `${SHOWN[level] ?? ''}${msg}${reason}`;
}
