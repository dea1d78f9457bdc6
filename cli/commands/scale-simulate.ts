import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { text as readAll } from 'node:stream/consumers';
import type { Command } from 'commander';
import { poolSchema, poolsFileSchema, type Pool } from '../../platform/catalog/pools.schema.ts';
import { readConfigFile } from '../../platform/catalog/read-config-file.ts';
import { explainIssues } from '../../platform/config/explain-issues.ts';
import { loadSite } from '../../platform/config/load-site.ts';
import { meant } from '../../platform/config/nearest.ts';
import { scalingSchema, type ScalingPolicy } from '../../platform/scaling/policy.schema.ts';
import { readTrace, type Trace, type TraceLine } from '../../platform/scaling/read-trace.ts';
import { simulate, type SimulationResult } from '../../platform/scaling/simulate.ts';
import { CliError, usageError } from '../cli-error.ts';
import { EXIT } from '../exit-codes.ts';
import { setPath } from '../input/set-path.ts';
import { count, formatElapsed } from '../output/format.ts';
import { formatTable, type Column } from '../output/table.ts';
import { note, say, sayJson, type Terminal } from '../terminal.ts';
import { examples, globalOptions, type CommandContext } from './context.ts';
import { collect, wholeNumber } from './option-values.ts';

interface SimulateOptions {
  trace: string;
  pool?: string;
  set?: string[];
  slots?: number;
  fixed?: number;
}

/** One way to run a trace. */
interface Run extends SimulationResult {
  way: string;
  /** Absent for the policy. */
  fixed?: number;
}

interface PoolSimulation {
  /** null: jobs that name no pool. */
  pool: string | null;
  slots: number;
  policy: ScalingPolicy;
  runs: Run[];
}

const SHOWN_BAD = 10;

export function addScaleSimulate(parent: Command, context: CommandContext): void {
  parent
    .command('simulate')
    .description('Play a trace of jobs against the scaling of a pool: waiting times, workers, cost')
    .requiredOption('--trace <file>', 'JSON lines or CSV: at, duration, pool?, failed?; - is standard input')
    .option('--pool <pool>', 'whose policy it is; only its jobs count where the trace names pools')
    .option('--set <key=value>', 'another value of the policy, e.g. max_workers=8; repeatable', collect)
    .option(
      '--slots <n>',
      "jobs one worker runs at a time; default: the pool's max_concurrent_jobs",
      wholeNumber(1, 1_000),
    )
    .option('--fixed <n>', 'compare with so many workers all the time', wholeNumber(1, 1_000))
    .addHelpText(
      'after',
      `${examples(
        ['switchyard scale trace --pool heavy --out trace.jsonl', 'what this site has done'],
        ['switchyard scale simulate --trace trace.jsonl --pool heavy', ''],
        ['switchyard scale simulate --trace trace.csv --set max_workers=8 --set idle_seconds=60 --fixed 4', ''],
      )}

"at" is a time (RFC 3339) or milliseconds, "duration" milliseconds or text such as "2s".
The decision is the one the scaler takes; docs/scaling.md describes the policy.`,
    )
    .action(async (options: SimulateOptions, command: Command) => {
      const { terminal } = context;
      const { json } = globalOptions(command);
      const trace = readTrace(await traceText(terminal, options.trace));
      const pools = simulateAll(trace, options, configuredPools(terminal));
      if (json) {
        sayJson(terminal, { pools, bad_lines: trace.badCount, bad: trace.bad });
      } else {
        for (const pool of pools) show(terminal, pool);
      }
      tellBadLines(terminal, trace);
      context.exitCode = EXIT.ok;
    });
}

async function traceText({ stdin, cwd }: Terminal, file: string): Promise<string> {
  if (file === '-') return readAll(stdin);
  try {
    return readFileSync(resolve(cwd, file), 'utf8');
  } catch (error) {
    throw usageError(`--trace ${file} cannot be read: ${(error as Error).message}`);
  }
}

function configuredPools({ env }: Terminal): Record<string, Pool> {
  const { config, envFiles } = loadSite(env);
  return readConfigFile(join(config.configDir, 'pools.json'), poolsFileSchema, envFiles.env).pools;
}

/** @throws CliError when there is nothing to play, or the pool or the policy is no good */
function simulateAll(trace: Trace, options: SimulateOptions, pools: Record<string, Pool>): PoolSimulation[] {
  const wanted = options.pool;
  if (wanted !== undefined && !Object.hasOwn(pools, wanted)) {
    throw new CliError(EXIT.notFound, `There is no pool "${wanted}" in pools.json`, {
      hint: meant(wanted, Object.keys(pools)),
    });
  }
  const byPool = new Map<string | undefined, TraceLine[]>();
  for (const job of trace.jobs) {
    if (wanted !== undefined && job.pool !== undefined && job.pool !== wanted) continue;
    const key = wanted ?? job.pool;
    const jobs = byPool.get(key);
    if (jobs) jobs.push(job);
    else byPool.set(key, [job]);
  }
  if (byPool.size === 0) {
    const [first] = trace.bad;
    throw usageError(
      first === undefined
        ? 'The trace holds no job to play'
        : `The trace holds no job; line ${first.line} ${first.problem}`,
      wanted !== undefined && trace.jobs.length > 0 ? `its jobs are of: ${poolsIn(trace)}` : undefined,
    );
  }
  return [...byPool].map(([name, jobs]) =>
    simulatePool(name, jobs, options, name === undefined ? undefined : pools[name]),
  );
}

function poolsIn({ jobs }: Trace): string {
  return [...new Set(jobs.map(({ pool }) => pool ?? 'no pool'))].slice(0, 10).join(', ');
}

function simulatePool(
  name: string | undefined,
  jobs: TraceLine[],
  { set = [], slots: asked, fixed }: SimulateOptions,
  pool: Pool | undefined,
): PoolSimulation {
  const policy = policyOf(pool, set);
  const slots = asked ?? (pool ?? poolSchema.parse({})).max_concurrent_jobs;
  const scaled = simulate(jobs, { policy, slots });
  const mean = Math.max(1, Math.ceil(scaled.workers.mean));
  const others = fixed === undefined ? [...new Set([mean, Math.max(1, scaled.workers.peak)])] : [fixed];
  return {
    pool: name ?? null,
    slots,
    policy,
    runs: [
      { way: 'policy', ...scaled },
      ...others.map((n) => ({ way: `fixed ${n}`, fixed: n, ...simulate(jobs, { policy, slots, fixed: n }) })),
    ],
  };
}

/** @throws CliError naming each value that is no good */
function policyOf(pool: Pool | undefined, assignments: readonly string[]): ScalingPolicy {
  const document: Record<string, unknown> = { ...pool?.scaling };
  // A trace has nobody to call: what only the driver needs must not stand in the way.
  if (document['driver'] === undefined) document['driver'] = 'local';
  for (const assignment of assignments) setPath(document, assignment);
  const parsed = scalingSchema.safeParse(document);
  if (parsed.success) return parsed.data;
  const problems = explainIssues(parsed.error.issues, scalingSchema, document);
  throw usageError(
    `The policy is not valid: ${problems.map(({ name, problem }) => `${name} ${problem}`).join('; ')}`,
    problems.map(({ hint }) => hint).find((hint) => hint !== undefined),
  );
}

function show(terminal: Terminal, { pool, slots, runs }: PoolSimulation): void {
  const { style, stdout } = terminal;
  const [first] = runs;
  const what = `${pool ?? 'No pool named'}: ${count(first!.jobs + first!.unfinished, 'job')} in ${formatElapsed(first!.makespan_ms)}`;
  say(terminal, style.bold(`${what}, ${slots} at a time per worker`));
  const columns: Column<Run>[] = [
    { title: '', value: ({ way }) => way },
    { title: 'WAIT P50', value: ({ wait }) => formatElapsed(wait.p50), align: 'right' },
    { title: 'P95', value: ({ wait }) => formatElapsed(wait.p95), align: 'right' },
    { title: 'P99', value: ({ wait }) => formatElapsed(wait.p99), align: 'right' },
    { title: 'MAX', value: ({ wait }) => formatElapsed(wait.max), align: 'right' },
    { title: 'WORKERS', value: ({ workers }) => workers.mean.toFixed(1), align: 'right' },
    { title: 'PEAK', value: ({ workers }) => String(workers.peak), align: 'right' },
    { title: 'STARTS', value: ({ workers }) => String(workers.started), align: 'right', droppable: 2 },
    { title: 'HOURS', value: ({ worker_hours: hours }) => hours.toFixed(2), align: 'right' },
    { title: 'COST', value: ({ cost }) => cost?.toFixed(2) ?? '', align: 'right', droppable: 1 },
    { title: 'BUSY', value: ({ utilization }) => `${Math.round(utilization * 100)}%`, align: 'right' },
  ];
  for (const line of formatTable(runs, columns, style, stdout.columns)) say(terminal, line);
  if (first!.unfinished > 0) {
    say(
      terminal,
      style.bad(`${count(first!.unfinished, 'job')} never ran: the policy let a week pass without a worker for them`),
    );
  }
}

function tellBadLines(terminal: Terminal, { bad, badCount }: Trace): void {
  const { warn } = terminal.errorStyle;
  for (const { line, problem } of bad.slice(0, SHOWN_BAD)) note(terminal, warn(`line ${line}: ${problem}`));
  if (badCount === 0) return;
  const more = badCount > SHOWN_BAD ? ` (${badCount - SHOWN_BAD} more than shown)` : '';
  note(terminal, warn(`${count(badCount, 'line')} of the trace left out${more}`));
}
