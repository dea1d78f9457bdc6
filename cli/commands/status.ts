import type { Command } from 'commander';
import { candidateDataDirs, runningStack } from '../api-client/data-dir.ts';
import { EXIT } from '../exit-codes.ts';
import { formatTime } from '../output/format.ts';
import { keyValueLines } from '../output/key-values.ts';
import { formatTable } from '../output/table.ts';
import type { StackProcess, StackState } from '../stack/find-stack.ts';
import { note, say, sayJson, type Terminal } from '../terminal.ts';
import { examples, globalOptions, type CommandContext } from './context.ts';

/** How long a process may take to say that it is well. Milliseconds. */
const ANSWER_MS = 2_000;

type Health = 'ok' | 'not ready' | 'no answer';

export function addStatus(parent: Command, context: CommandContext): void {
  parent
    .command('status')
    .description('Show the stack that runs on this machine: addresses, processes, logs')
    .addHelpText(
      'after',
      `${examples(['switchyard status', ''], ['switchyard status --json | jq -r .api_url', ''])}\n\nExit code 7 when none runs.`,
    )
    .action(async (_options, command: Command) => {
      const { terminal } = context;
      const { dataDir, json } = globalOptions(command);
      const dataDirs = candidateDataDirs(dataDir, terminal.env, terminal.cwd);
      const stack = runningStack(dataDirs);
      if (!stack) {
        if (json) sayJson(terminal, { running: false, data_dir: dataDirs[0] });
        note(terminal, `No stack runs in ${dataDirs.join(' or ')}.`);
        note(terminal, 'Start one with "npm start" in the project, or "switchyard up".');
        context.exitCode = EXIT.unreachable;
        return;
      }
      const api = await health(`${stack.api_url}/readyz`);
      const processes = await Promise.all(
        stack.processes.map(async (process) => ({
          ...process,
          ...(process.health_url ? { health: await health(`${process.health_url}/health`) } : {}),
        })),
      );
      if (json) return sayJson(terminal, { running: true, ...stack, api_health: api, processes });
      print(terminal, stack, api, processes);
    });
}

async function health(url: string): Promise<Health> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS) });
    await response.body?.cancel();
    return response.ok ? 'ok' : 'not ready';
  } catch {
    return 'no answer';
  }
}

function print(
  terminal: Terminal,
  stack: StackState,
  api: Health,
  processes: (StackProcess & { health?: Health })[],
): void {
  const { style } = terminal;
  const paint = (state: Health) => (state === 'ok' ? style.good(state) : style.bad(state));
  const temporal = `${stack.temporal_address}, namespace ${stack.namespace}${stack.temporal_embedded ? '' : ' (not ours)'}`;
  for (const line of keyValueLines(
    [
      ['API', `${stack.api_url}  ${paint(api)}`],
      ['Reference', `${stack.api_url}/api/docs`],
      ['Temporal', temporal],
      ['Temporal UI', stack.temporal_ui_url],
      ['Data', stack.data_dir],
      ['Started', formatTime(stack.started_at, Date.now())],
    ],
    style,
  )) {
    say(terminal, line);
  }
  say(terminal);
  const rows = [{ name: 'supervisor', pid: stack.pid, log_file: '' }, ...processes];
  const columns = [
    { title: 'PROCESS', value: (row: (typeof rows)[number]) => row.name },
    { title: 'PID', value: (row: (typeof rows)[number]) => String(row.pid), align: 'right' as const },
    { title: 'HEALTH', value: (row: (typeof rows)[number]) => ('health' in row ? String(row.health) : '') },
    {
      title: 'HEALTH AT',
      value: (row: (typeof rows)[number]) => ('health_url' in row ? String(row.health_url) : ''),
      droppable: 1,
    },
    { title: 'LOG', value: (row: (typeof rows)[number]) => row.log_file },
  ];
  for (const line of formatTable(rows, columns, style, terminal.stdout.columns)) say(terminal, line);
}
