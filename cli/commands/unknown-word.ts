import type { Command } from 'commander';
import { nearest } from '../../platform/config/nearest.ts';
import { usageError } from '../cli-error.ts';

/**
 * For a command that takes no words and is what its group does by itself, such as `jobs`: a word after it was meant as
 * another command of the group.
 * @param group whose commands there are. Default: its parent
 */
export function refuseWords(command: Command, group: Command = command.parent!): void {
  command.allowExcessArguments().hook('preAction', (_, called) => {
    const [word] = command.args;
    if (called !== command || word === undefined) return;
    const name = `switchyard ${group.name()}`;
    const names = group.commands.map((each) => each.name());
    const meant = nearest(word, names) ?? (names.includes('get') ? `get ${word}` : undefined);
    const guess = meant === undefined ? '' : `Did you mean "${name} ${meant}"? `;
    throw usageError(`"${name} ${word}" is no command`, `${guess}"${name} --help" lists the commands.`);
  });
}
