import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Help, type Command } from 'commander';
import { usageError } from '../cli-error.ts';
import type { CheckResult, CheckStatus, ContractReport } from '../connector-test/report.ts';
import type { LiveSubject } from '../connector-test/subject.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { readJsonFile } from '../input/read-json.ts';
import { count } from '../output/format.ts';
import { plain, wrap } from '../output/text-width.ts';
import { quietLogger } from '../quiet-logger.ts';
import { note, say, sayJson, type Terminal } from '../terminal.ts';
import { examples, globalOptions, type CommandContext } from './context.ts';
import { collectList, waitSeconds } from './option-values.ts';

interface TestOptions {
  url?: string;
  job?: string;
  yes?: boolean;
  only?: string[];
  timeout: number;
}

const MARKS: Record<CheckStatus, string> = {
  passed: 'ok  ',
  failed: 'FAIL',
  not_applicable: 'n/a ',
  not_run: '-   ',
};

export function addConnector(parent: Command, context: CommandContext): void {
  const connector = parent.command('connector').description('Connectors on this machine');
  connector
    .command('test')
    .description('Check a connector against a live service, by the contract that the tests hold it to')
    .argument('<name>', 'a service, or the class of a connector')
    .option('--url <url>', 'address of the service, instead of the configured one')
    .option('--job <file>', 'a job or a payload to send (- reads standard input); default: the example of the service')
    .option('--yes', 'submit jobs although they may cost money')
    .option('--only <checks>', 'these checks alone: ids, set apart by commas', collectList)
    .option('--timeout <duration>', 'longest time for one job', waitSeconds, 300)
    .addHelpText(
      'after',
      `${examples(
        ['switchyard connector test comfyui --url http://127.0.0.1:8188', ''],
        ['switchyard connector test my-service --job job.json', ''],
        ['switchyard connector test openai-text --job cheap.json --only runs,cancel --yes', ''],
      )}

Nothing has to run but the service itself. Without --yes no job goes to a public address: it may cost money.
Exit code: 0 nothing failed, 1 a check failed, 2 jobs were not submitted for want of --yes.`,
    )
    // Here the address is the service's; the API is not asked.
    .configureHelp({
      visibleGlobalOptions: (command) =>
        new Help().visibleGlobalOptions(command).filter(({ long }) => long !== '--url' && long !== '--data-dir'),
    })
    .action(async (name: string, options: TestOptions, command: Command) => {
      const { json = false, url } = globalOptions(command);
      context.exitCode = await testConnector(context.terminal, name, { ...options, url }, json);
    });
}

async function testConnector(terminal: Terminal, name: string, options: TestOptions, json: boolean): Promise<ExitCode> {
  const { findSubject } = await import('../connector-test/subject.ts');
  const { CHECK_IDS, jobsNeeded, runChecks } = await import('../connector-test/run-checks.ts');
  const { only = [] } = options;
  const strange = only.filter((id) => !CHECK_IDS.includes(id));
  if (strange.length > 0)
    throw usageError(`--only: there is no check "${strange[0]}"`, `There are: ${CHECK_IDS.join(', ')}`);
  if (options.url !== undefined && !URL.canParse(options.url))
    throw usageError(`--url: "${options.url}" is no address`);
  const subject = await findSubject(name, options.url, terminal.env);
  const folder = await mkdtemp(join(tmpdir(), 'switchyard-connector-test-'));
  try {
    const payload = await payloadOf(subject, options.job, terminal);
    const address = addressOf(subject);
    const { mayCost } = await import('../connector-test/cost.ts');
    const costs = await mayCost(address, subject.internal);
    const jobs = jobsNeeded(only);
    if (!json) introduce(terminal, subject, address, jobs, costs);
    const noJobs =
      costs && !options.yes && jobs > 0
        ? `it submits jobs to ${address ?? 'an address that is not known'}, which may cost money; say --yes`
        : undefined;
    const { bench, used } = await benchIn(folder, subject, payload, options.timeout * 1_000);
    const checks: CheckResult[] = [];
    for await (const result of runChecks({ subject, payload, noJobs, only, benchFor: bench(terminal) })) {
      checks.push(result);
      if (!json) print(terminal, result, checks.at(-2));
    }
    const report: ContractReport = {
      service: subject.service,
      connector: subject.className,
      ...(address === undefined ? {} : { url: address }),
      may_cost: costs,
      jobs_submitted: used(),
      passed: checks.every(({ status }) => status !== 'failed'),
      checks,
    };
    if (json) sayJson(terminal, report);
    else say(terminal, `\n${verdict(report)}`);
    if (!report.passed) return EXIT.error;
    return noJobs !== undefined && checks.some(({ status }) => status === 'not_run') ? EXIT.usage : EXIT.ok;
  } finally {
    await rm(folder, { recursive: true, force: true });
    await subject.dispose();
  }
}

/** A whole job document, or its payload alone. */
async function payloadOf({ manifest }: LiveSubject, file: string | undefined, terminal: Terminal) {
  if (file === undefined) return manifest.example;
  const document = await readJsonFile(file, '--job', terminal);
  const { payload } = document;
  const whole = typeof payload === 'object' && payload !== null && !Array.isArray(payload) && 'service' in document;
  return whole ? (payload as Record<string, unknown>) : document;
}

/** A connector that refuses its settings says so in the checks. */
function addressOf(subject: LiveSubject): string | undefined {
  try {
    return subject.address();
  } catch {
    return undefined;
  }
}

async function benchIn(folder: string, subject: LiveSubject, payload: Record<string, unknown>, jobTimeout: number) {
  const { LiveBench } = await import('../connector-test/live-bench.ts');
  const { createFileArtifactStore } = await import('../../platform/artifacts/file-artifact-store.ts');
  const { createInputResolver } = await import('../../platform/inputs/create-input-resolver.ts');
  const { config } = subject;
  const store = createFileArtifactStore(join(folder, 'artifacts'));
  let made: InstanceType<typeof LiveBench> | undefined;
  const bench = (terminal: Terminal) => (connector: ReturnType<LiveSubject['make']>) => {
    const live = new LiveBench(connector, {
      connect: async () => {
        const next = subject.make();
        await next.initialize();
        return next;
      },
      service: subject.service,
      payload: subject.manifest.payload.safeParse(payload).data ?? payload,
      jobTimeout,
      store,
      inputs: createInputResolver({ config, artifacts: store }),
      logger: quietLogger(),
      folder,
      maxOutputBytes: config.maxOutputBytes,
    });
    terminal.onInterrupt(() => {
      note(terminal, 'stopping what still runs at the service …');
      void live.stopAll().then(() => process.exit(EXIT.interrupted));
    });
    made = live;
    return live;
  };
  return { bench, used: () => made?.started ?? 0 };
}

function introduce(
  terminal: Terminal,
  subject: LiveSubject,
  address: string | undefined,
  jobs: number,
  costs: boolean,
) {
  const { style } = terminal;
  say(
    terminal,
    `${style.bold(subject.className)} for ${style.bold(subject.service)}${address ? ` at ${address}` : ''}`,
  );
  if (jobs > 0) {
    const text = `Up to ${count(jobs, 'job')} will be sent to it`;
    say(terminal, costs ? style.warn(`${text}. They may cost money.`) : style.dim(`${text}.`));
  }
  say(terminal);
}

/** A reason that several checks share is told with the first of them. */
function print(terminal: Terminal, result: CheckResult, before: CheckResult | undefined): void {
  const { style, stdout } = terminal;
  const { id, title, status, advice } = result;
  const seen = status === before?.status && result.seen === before.seen ? undefined : result.seen;
  const paint = { passed: style.good, failed: style.bad, not_applicable: style.dim, not_run: style.warn }[status];
  say(terminal, `${paint(MARKS[status])}  ${style.bold(id.padEnd(14))}  ${title}`);
  const width = (stdout.columns ?? 120) - 22;
  for (const line of seen ? wrap(plain(seen), width) : []) say(terminal, `${' '.repeat(22)}${style.dim(line)}`);
  for (const [index, line] of (advice ? wrap(plain(advice), width - 2) : []).entries()) {
    say(terminal, `${' '.repeat(22)}${index === 0 ? style.accent('→') : ' '} ${line}`);
  }
}

function verdict({ checks, jobs_submitted }: ContractReport): string {
  const times = (status: CheckStatus) => checks.filter((each) => each.status === status).length;
  const parts = [
    `${times('passed')} passed`,
    `${times('failed')} failed`,
    `${times('not_applicable')} not applicable`,
    `${times('not_run')} not run`,
  ];
  return `${parts.filter((text, index) => index < 2 || !text.startsWith('0 ')).join(', ')}; ${count(jobs_submitted, 'job')} submitted.`;
}
