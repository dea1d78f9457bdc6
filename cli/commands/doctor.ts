import type { Command } from 'commander';
import { candidateDataDirs, runningStack } from '../api-client/data-dir.ts';
import { findApi, type ApiAddress } from '../api-client/find-api.ts';
import { EXIT } from '../exit-codes.ts';
import { count } from '../output/format.ts';
import { plain } from '../output/text-width.ts';
import type { Finding, Level } from '../doctor/finding.ts';
import { say, sayJson, type Terminal } from '../terminal.ts';
import type { StackState } from '../stack/find-stack.ts';
import { examples, globalOptions, type CommandContext, type GlobalOptions } from './context.ts';

const MARKS: Record<Level, string> = { ok: 'ok  ', warn: 'warn', fail: 'FAIL', skip: '-   ' };

export function addDoctor(parent: Command, context: CommandContext): void {
  parent
    .command('doctor')
    .description('Check everything a job needs, and say what to do about what is wrong')
    .option('--fix', 'move jobs whose build of the orchestrator nobody runs to the present one; asks before')
    .option('--yes', 'with --fix: do not ask')
    .addHelpText(
      'after',
      `${examples(['switchyard doctor', ''], ['switchyard doctor --json | jq ".findings[] | select(.level==\\"fail\\")"', ''])}

Exit code 1 when something fails. Most of it works while nothing runs; without --fix nothing is changed.`,
    )
    .action(async ({ fix, yes }: { fix?: boolean; yes?: boolean }, command: Command) => {
      const { terminal } = context;
      const options = globalOptions(command);
      const { examine } = await import('../doctor/examine.ts');
      const findings: Finding[] = [];
      const mend = fix ? (await import('../doctor/mend.ts')).mending(terminal, yes) : undefined;
      for await (const found of examine({ ...surroundings(terminal, options), mend })) {
        findings.push(found);
        if (!options.json) print(terminal, found);
      }
      const failures = findings.filter(({ level }) => level === 'fail').length;
      const warnings = findings.filter(({ level }) => level === 'warn').length;
      if (options.json) sayJson(terminal, { healthy: failures === 0, findings });
      else say(terminal, `\n${verdict(failures, warnings)}`);
      context.exitCode = failures > 0 ? EXIT.error : EXIT.ok;
    });
}

function surroundings({ env, cwd }: Terminal, { url, dataDir }: GlobalOptions) {
  let address: ApiAddress | undefined;
  let stack: StackState | undefined;
  let stackEnv = env;
  try {
    const dataDirs = candidateDataDirs(dataDir, env, cwd);
    stackEnv = { ...env, SWITCHYARD_DATA_DIR: dataDirs[0] };
    stack = runningStack(dataDirs);
    address = findApi({ url, dataDir, env, cwd });
  } catch (error) {
    // The examination itself tells what is wrong with the configuration.
    if ((error as Error).name !== 'ConfigError') throw error;
  }
  return { env: stackEnv, address, stack };
}

function print(terminal: Terminal, { name, level, text, fix }: Finding): void {
  const { style } = terminal;
  const paint = { ok: style.good, warn: style.warn, fail: style.bad, skip: style.dim }[level];
  say(terminal, `${paint(MARKS[level])}  ${style.bold(name.padEnd(18))}  ${plain(text)}`);
  for (const line of fix?.split('\n') ?? []) say(terminal, `${' '.repeat(26)}${style.accent('→')} ${plain(line)}`);
}

function verdict(failures: number, warnings: number): string {
  if (failures === 0 && warnings === 0) return 'All is well.';
  const parts = [failures > 0 ? count(failures, 'failure') : '', warnings > 0 ? count(warnings, 'warning') : ''].filter(
    Boolean,
  );
  return `${parts.join(', ')}.`;
}
