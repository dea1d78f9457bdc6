import { join } from 'node:path';
import { Argument, type Command } from 'commander';
import { projectRoot } from '../../platform/project-root.ts';
import { say } from '../terminal.ts';
import type { CommandContext } from './context.ts';

const SHELLS = ['bash', 'zsh', 'fish', 'powershell'] as const;

/** `completion SHELL` prints a script; `complete -- WORDS…` is what that script asks. */
export function addCompletion(program: Command, context: CommandContext): void {
  program
    .command('completion')
    .description('Print a script that completes commands, options, job ids and names in a shell')
    .addArgument(new Argument('<shell>', 'which shell').choices(SHELLS))
    .addHelpText(
      'after',
      `
To switch it on:
  bash         source <(npx switchyard completion bash)                      in ~/.bashrc
  zsh          source <(npx switchyard completion zsh)                       in ~/.zshrc, after compinit
  fish         npx switchyard completion fish | source                       in ~/.config/fish/config.fish
  powershell   npx switchyard completion powershell | Out-String | iex       in $PROFILE

It completes the word "switchyard". Where that is not on the PATH: alias switchyard="npx switchyard"`,
    )
    .action(async (shell: (typeof SHELLS)[number]) => {
      const command = ownCommand();
      if (shell === 'bash') {
        const { bashScript } = await import('../completion/bash-script.ts');
        return say(context.terminal, bashScript(command).trimEnd());
      }
      const { RootCommand } = await import('@bomb.sh/tab');
      new RootCommand().setup('switchyard', command, shell);
    });
  program
    .command('complete', { hidden: true })
    .argument('[words...]')
    .action(async (words: string[]) => {
      const [{ buildTree, FILE_OPTIONS }, { fetchSuggestions }] = await Promise.all([
        import('../completion/build-tree.ts'),
        import('../completion/suggestions.ts'),
      ]);
      // ":0": nothing of ours, and file names are welcome.
      if (FILE_OPTIONS.includes(words.at(-2) ?? '')) return say(context.terminal, ':0');
      buildTree(program, await fetchSuggestions(words, context.terminal)).parse(words);
    });
}

/**
 * How a shell calls this very installation, also where `switchyard` is an alias or a function, which scripts cannot
 * see. A path that would need more than plain quotes is not used.
 */
function ownCommand(): string {
  const path = join(projectRoot(), 'cli', 'bin', 'switchyard.mjs');
  return /^[\w\s/:.,+@%=~-]+$/.test(path) ? `node '${path}'` : 'switchyard';
}
