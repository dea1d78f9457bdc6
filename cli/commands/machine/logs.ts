import type { Command } from 'commander';
import { isPassing } from '../../api-client/errors.ts';
import { plain } from '../../output/text-width.ts';
import type { Session } from '../../session.ts';
import { say, sayJson } from '../../terminal.ts';
import { apiAction, examples, type CommandContext } from '../context.ts';
import { wholeNumber } from '../option-values.ts';
import { giveCommand } from './give-command.ts';

interface LogOptions {
  follow?: boolean;
  lines: number;
}

interface LogPart {
  lines: string[];
  next: number;
}

/** Longest wait of one question for something new. Milliseconds: each question stands in the machine's history. */
const WAIT_MS = 20_000;
const PAUSE_MS = 2_000;

export function addMachineLogs(parent: Command, context: CommandContext): void {
  parent
    .command('logs')
    .description('Show what a service of a machine has written; also worker-NAME and install-NAME')
    .argument('<id>', 'id of the machine')
    .argument('<service>', 'name of the service, as "machine services" lists it')
    .option('-f, --follow', 'go on with what it writes from now on')
    .option('-n, --lines <n>', 'the latest so many lines', wholeNumber(1, 2_000), 100)
    .addHelpText('after', examples(['switchyard machine logs box1 comfyui-gpu0 --follow', '']))
    .action(apiAction(context, showLogs));
}

async function showLogs(session: Session, id: string, name: string, { follow, lines }: LogOptions): Promise<void> {
  const { terminal } = session;
  const stop = new AbortController();
  const release = terminal.onInterrupt(() => stop.abort());
  let after: number | undefined;
  try {
    do {
      const args = { name, lines, ...(after === undefined ? {} : { after, wait_ms: WAIT_MS }) };
      const asked = giveCommand(session, id, { kind: 'service.logs', args }, stop.signal);
      const part = await untilStopped(asked, stop.signal).catch(async (error: unknown) => {
        if (stop.signal.aborted) return undefined;
        // A machine that is being restarted has its logs still.
        if (after === undefined || !isPassing(error)) throw error;
        await untilStopped(new Promise((resolve) => setTimeout(resolve, PAUSE_MS)), stop.signal);
        return undefined;
      });
      const result = part?.result as LogPart | undefined;
      if (!result) continue;
      for (const line of result.lines) {
        if (session.json) sayJson(terminal, { name, line }, 'line');
        else say(terminal, readable(line));
      }
      after = result.next;
    } while (follow && !stop.signal.aborted);
  } finally {
    release();
  }
}

/** @returns undefined when it was interrupted */
function untilStopped<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  const stopped = new Promise<undefined>((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
  work.catch(() => {});
  return Promise.race([work, stopped]);
}

/** Logs are JSON lines; of what a program wrote itself only the text matters. */
function readable(line: string): string {
  try {
    const { time, level, msg } = JSON.parse(line) as { time?: string; level?: string; msg?: string };
    if (typeof msg !== 'string') return plain(line);
    const mark = level === undefined || level === 'info' ? '' : `${level}: `;
    return `${(time ?? '').slice(11, 19)} ${plain(mark + msg)}`.trim();
  } catch {
    return plain(line);
  }
}
