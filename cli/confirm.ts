import { createInterface } from 'node:readline/promises';
import { usageError } from './cli-error.ts';
import type { Terminal } from './terminal.ts';

/**
 * Asks before something is done that cannot simply be undone.
 * @param agreed the user has said `--yes` already
 * @throws CliError where nobody can answer
 */
export async function confirm(terminal: Terminal, question: string, agreed: boolean | undefined): Promise<boolean> {
  if (agreed) return true;
  if (!terminal.stdin.isTTY) throw usageError(`${question} Nobody is there to answer.`, 'Say --yes to do it.');
  const dialogue = createInterface({ input: terminal.stdin, output: terminal.stderr });
  try {
    return /^(y|yes)$/i.test((await dialogue.question(`${question} [y/N] `)).trim());
  } finally {
    dialogue.close();
  }
}
