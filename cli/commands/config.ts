import type { Command } from 'commander';
import { formatDuration } from '../../contract/duration.ts';
import type { ConfigOrigin } from '../../platform/config/load-config.ts';
import { loadSite, type LoadedSite } from '../../platform/config/load-site.ts';
import { SETTINGS, type SettingName } from '../../platform/config/settings.ts';
import { formatTable } from '../output/table.ts';
import { say, sayJson } from '../terminal.ts';
import { candidateDataDirs } from '../api-client/data-dir.ts';
import { examples, globalOptions, type CommandContext } from './context.ts';
import { refuseWords } from './unknown-word.ts';

interface Row {
  name: SettingName;
  value: unknown;
  shown: string;
  origin: ConfigOrigin;
}

const HIDDEN = '(hidden)';

export function addConfig(parent: Command, context: CommandContext): void {
  const config = parent.command('config').description('The configuration');
  const show = config
    .command('show', { isDefault: true })
    .description('Show every setting; secrets stay hidden')
    .option('--origin', 'where each value comes from, and which variable sets it')
    .option('--changed', 'only what is not a default')
    .addHelpText(
      'after',
      `${examples(['switchyard config show --origin', ''], ['switchyard config show --json | jq .settings.port', ''])}

The environment, with .env.local and .env, wins over switchyard.config.json (or the file that SWITCHYARD_CONFIG names), which wins over the defaults.
docs/configuration.md describes every setting.`,
    )
    .action((options: { origin?: boolean; changed?: boolean }, command: Command) => {
      const { terminal } = context;
      const { dataDir, json } = globalOptions(command);
      const env =
        dataDir === undefined
          ? terminal.env
          : { ...terminal.env, SWITCHYARD_DATA_DIR: candidateDataDirs(dataDir, terminal.env, terminal.cwd)[0] };
      const loaded = loadSite(env);
      const rows = (Object.keys(SETTINGS) as SettingName[])
        .map((name): Row => ({ name, ...valueOf(name, loaded.config[name]), origin: loaded.origins[name] }))
        .filter((row) => !options.changed || row.origin !== 'default');
      if (json) {
        const settings = Object.fromEntries(rows.map(({ name, value }) => [name, value]));
        const origins = Object.fromEntries(rows.map(({ name, origin }) => [name, origin]));
        return sayJson(terminal, { file: loaded.file ?? null, settings, origins });
      }
      const columns = [
        { title: 'SETTING', value: (row: Row) => row.name },
        { title: 'VALUE', value: (row: Row) => row.shown, shrinksTo: 20 },
        ...(options.origin
          ? [
              { title: 'FROM', value: (row: Row) => originText(row, loaded) },
              { title: 'VARIABLE', value: (row: Row) => SETTINGS[row.name].env },
            ]
          : []),
      ];
      for (const line of formatTable(rows, columns, terminal.style, terminal.stdout.columns)) say(terminal, line);
    });
  refuseWords(show);
}

function valueOf(name: SettingName, value: unknown): { value: unknown; shown: string } {
  const definition: { secret?: true; default: string | undefined } = SETTINGS[name];
  if (definition.secret && value !== undefined) return { value: HIDDEN, shown: HIDDEN };
  if (value === undefined) return { value: null, shown: '' };
  const isDuration = typeof value === 'number' && /\d(?:ms|s|m|h|d)$/.test(definition.default ?? '');
  if (isDuration) return { value, shown: formatDuration(value) };
  return {
    value,
    shown: Array.isArray(value) ? value.join(', ') : typeof value === 'string' ? value : JSON.stringify(value),
  };
}

function originText({ name, origin }: Row, { file, envFiles }: LoadedSite): string {
  if (origin === 'environment') return envFiles.origins.get(SETTINGS[name].env) ?? origin;
  return origin === 'file' && file !== undefined ? file : origin;
}
