import { RootCommand, type Command as TabCommand, type Complete } from '@bomb.sh/tab';
import type { Command, Option } from 'commander';
import { JOB_STATUSES } from '../../contract/job-view.ts';
import { LAST } from '../last-job.ts';
import type { Suggestion, Suggestions } from './suggestions.ts';

/** Options whose value is a file or a folder: the shell completes those best. */
export const FILE_OPTIONS = ['-i', '--input', '-o', '--out', '--job', '--payload', '--data-dir'];

/** The command line as tab sees it: every command with its options, and names from the running system. */
export function buildTree(program: Command, suggestions: Suggestions): RootCommand {
  const root = new RootCommand();
  addOptions(root, program, program, suggestions);
  const walk = (command: Command, path: string) => {
    for (const inner of command.createHelp().visibleCommands(command)) {
      const innerPath = `${path} ${inner.name()}`.trim();
      const node = root.command(innerPath, firstSentence(inner.description()));
      addOptions(node, inner, program, suggestions);
      addArguments(node, inner, innerPath, suggestions);
      walk(inner, innerPath);
    }
  };
  walk(program, '');
  return root;
}

function addOptions(node: TabCommand, command: Command, program: Command, suggestions: Suggestions): void {
  const own = [...command.options, ...(defaultOf(command)?.options ?? [])];
  const options = command === program ? own : [...own, ...program.options];
  for (const option of options) {
    const name = option.long?.slice(2);
    if (!name || option.hidden) continue;
    const short = option.short?.slice(1);
    const takesValue = option.required || option.optional;
    if (takesValue) node.option(name, option.description, offer(valuesOf(option, suggestions)), short);
    else node.option(name, option.description, short);
  }
}

/** What `switchyard jobs --status …` runs: commander keeps the name of that command to itself. */
function defaultOf(group: Command): Command | undefined {
  const { _defaultCommandName: name } = group as unknown as { _defaultCommandName?: string | null };
  return group.commands.find((command) => command.name() === name);
}

function valuesOf(option: Option, { pools, services, machines }: Suggestions): Suggestion[] {
  if (option.argChoices) return option.argChoices.map(bare);
  if (option.long === '--pool') return pools;
  if (option.long === '--service') return services;
  if (option.long === '--machine') return machines;
  return option.long === '--status' ? JOB_STATUSES.map(bare) : [];
}

function addArguments(node: TabCommand, command: Command, path: string, suggestions: Suggestions): void {
  const { jobs, services, pools, machines, instances } = suggestions;
  const byName: Record<string, Suggestion[]> = {
    id: path.startsWith('machine ') ? machines : [{ value: LAST, description: 'the most recent job' }, ...jobs],
    instance: instances,
    instances,
    service: services,
    pool: pools,
  };
  for (const argument of command.registeredArguments) {
    const values = argument.argChoices?.map(bare) ?? byName[argument.name()] ?? [];
    node.argument(argument.name(), offer(values), argument.variadic);
  }
}

function offer(values: readonly Suggestion[]): (complete: Complete) => void {
  return (complete) => {
    for (const { value, description } of values) complete(value, description);
  };
}

function bare(value: string): Suggestion {
  return { value, description: '' };
}

/** Shells show one line beside a suggestion. */
function firstSentence(text: string): string {
  return text.split('\n')[0] ?? '';
}
