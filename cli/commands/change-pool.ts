import type { Command } from 'commander';
import { setTimeout as sleep } from 'node:timers/promises';
import { MAX_POOL_NOTE, POOL_LIMITS, type PoolState } from '../../contract/pool-control.ts';
import { meant } from '../../platform/config/nearest.ts';
import type { PoolView } from '../api-client/answers.ts';
import { catalogApi } from '../api-client/catalog.ts';
import { CliError, usageError } from '../cli-error.ts';
import { EXIT } from '../exit-codes.ts';
import { poolLines } from '../output/pool-lines.ts';
import type { Session } from '../session.ts';
import { note, say, sayJson } from '../terminal.ts';
import { apiAction, examples, type CommandContext } from './context.ts';

interface NoteOption {
  note?: string;
}

const VERBS: Record<'pause' | 'resume' | 'drain', { summary: string; state: PoolState; done: string }> = {
  pause: {
    summary: 'Start nothing in a pool until it is resumed; what runs goes on',
    state: 'paused',
    done: 'is paused: its jobs wait',
  },
  resume: { summary: 'Let a paused or drained pool go on', state: 'active', done: 'goes on' },
  drain: {
    summary: 'As pause, and send new jobs to other pools where they can run',
    state: 'draining',
    done: 'is being drained: what runs ends, nothing starts',
  },
};

/** Between two looks while a drain is waited for. Milliseconds. */
const LOOK_MS = 1_000;

export function addPoolCommands(pools: Command, context: CommandContext): void {
  pools
    .command('get')
    .description('Show a pool: its state, its numbers, its queues')
    .argument('<pool>', 'its name')
    .action(apiAction(context, getPool));
  for (const verb of Object.keys(VERBS) as (keyof typeof VERBS)[]) {
    const command = pools
      .command(verb)
      .description(VERBS[verb].summary)
      .argument('<pool>', 'its name')
      .option('-n, --note <text>', `why, for whoever looks at it (up to ${MAX_POOL_NOTE} characters)`);
    if (verb === 'drain') command.option('-w, --wait', 'until nothing runs there any more');
    command.action(
      apiAction(context, (session: Session, pool: string, options: NoteOption & { wait?: boolean }) =>
        changeState(session, verb, pool, options),
      ),
    );
  }
  pools
    .command('set')
    .description('Change numbers of a pool while it runs')
    .argument('<pool>', 'its name')
    .argument('<name=value...>', `${POOL_LIMITS.join(', ')}; NAME=default: as in pools.json again`)
    .option('-n, --note <text>', 'why')
    .addHelpText(
      'after',
      examples(
        ['switchyard pools set heavy max_concurrent_jobs=1', ''],
        ['switchyard pools set heavy timeout_seconds=600 retry_attempts=0 --note "bad night"', ''],
        ['switchyard pools set heavy timeout_seconds=default', ''],
      ),
    )
    .action(apiAction(context, setLimits));
}

async function getPool(session: Session, name: string): Promise<void> {
  show(session, await catalogApi(session.api).pool(name));
}

function show({ terminal, json }: Session, pool: PoolView): void {
  if (json) return sayJson(terminal, pool);
  for (const line of poolLines(pool, terminal.style, terminal.stdout.columns)) say(terminal, line);
}

async function changeState(
  session: Session,
  verb: keyof typeof VERBS,
  name: string,
  { note: why, wait }: NoteOption & { wait?: boolean },
): Promise<void> {
  const { terminal, api, json } = session;
  let pool = await catalogApi(api).changePoolState(name, verb, why);
  if (!json) note(terminal, `Pool ${name} ${VERBS[verb].done}.`);
  while (wait && pool.control.state === 'draining') {
    await sleep(LOOK_MS);
    pool = await catalogApi(api).pool(name);
  }
  if (wait && pool.control.state !== 'drained') {
    throw new CliError(EXIT.error, `Pool ${name} was not drained: it is ${pool.control.state} now`);
  }
  if (json) sayJson(terminal, pool);
  else if (wait) note(terminal, `Pool ${name} is drained: nothing runs there.`);
}

async function setLimits(session: Session, name: string, pairs: string[], { note: why }: NoteOption): Promise<void> {
  const limits = Object.fromEntries(pairs.map(readPair));
  show(
    session,
    await catalogApi(session.api).changePool(name, { ...limits, ...(why === undefined ? {} : { note: why }) }),
  );
}

/** Bounds are the API's to check, which names what is wrong. */
function readPair(pair: string): [string, number | string | null] {
  const [given = '', ...rest] = pair.split('=');
  const name = given.trim().replaceAll('-', '_');
  const value = rest.join('=').trim();
  if (!(POOL_LIMITS as readonly string[]).includes(name)) {
    throw usageError(`"${given}" is nothing that can be set`, meant(name, POOL_LIMITS));
  }
  if (rest.length === 0 || value === '') {
    throw usageError(`${name} has no value`, `Write ${name}=3, or ${name}=default`);
  }
  if (value === 'default') return [name, null];
  return [name, Number.isFinite(Number(value)) ? Number(value) : value];
}
