import type { Command } from 'commander';
import { usageError } from '../cli-error.ts';
import { EXIT_MEANINGS } from '../exit-codes.ts';
import { say } from '../terminal.ts';
import type { CommandContext } from './context.ts';

const TOPICS = ['exit-codes', 'environment'] as const;

/** `help`, `help COMMAND…`, and topics that belong to no command. */
export function addHelp(program: Command, context: CommandContext): void {
  program
    .command('help')
    .description(`Show help for a command, or about one of: ${TOPICS.join(', ')}`)
    .argument('[words...]', 'a command, or a topic')
    .action((words: string[]) => {
      const [topic] = words;
      if (topic === 'exit-codes') return say(context.terminal, exitCodesText());
      if (topic === 'environment') return say(context.terminal, ENVIRONMENT);
      let command = program;
      for (const word of words) {
        const inner = command.commands.find((c) => c.name() === word || c.aliases().includes(word));
        if (!inner) {
          throw usageError(
            `There is no help about "${words.join(' ')}"`,
            `"switchyard help" lists the commands; topics are ${TOPICS.join(' and ')}.`,
          );
        }
        command = inner;
      }
      command.outputHelp();
    });
}

function exitCodesText(): string {
  return ['Exit codes:', ...EXIT_MEANINGS.map(([code, meaning]) => `  ${String(code).padStart(3)}  ${meaning}`)].join(
    '\n',
  );
}

const ENVIRONMENT = `Environment:
  SWITCHYARD_URL        address of the API; --url wins over it
  SWITCHYARD_DATA_DIR   data directory; the stack that runs in it is the one meant. --data-dir wins over it
  NO_COLOR              no colours
  FORCE_COLOR           colours in a pipe too; 0 switches them off
Every setting of Switchyard has a variable as well: "switchyard config show --origin".`;
