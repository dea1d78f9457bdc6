import { Option, type Command } from 'commander';
import { randomUUID } from 'node:crypto';
import { ERROR_CODES } from '../../contract/errors.ts';
import { isTerminal, type JobView } from '../../contract/job-view.ts';
import { ANY_POOL, UNMATCHED_POOL } from '../../contract/task-queues.ts';
import { ApiError } from '../api-client/errors.ts';
import { jobApi } from '../api-client/jobs.ts';
import { submitFiles } from '../api-client/submit-files.ts';
import { firstWait, waitForEnd } from '../api-client/wait-for-end.ts';
import { sayTryingAgain, withRetries } from '../api-client/with-retries.ts';
import { usageError } from '../cli-error.ts';
import { EXIT, exitCodeOfStatus, type ExitCode } from '../exit-codes.ts';
import { buildJobDocument, type JobOptions } from '../input/job-document.ts';
import { parseInputs } from '../input/inputs.ts';
import { rememberJob } from '../last-job.ts';
import { createByteMeter } from '../output/byte-meter.ts';
import { finishJob } from '../output/finish-job.ts';
import type { Session } from '../session.ts';
import { note, say, sayJson } from '../terminal.ts';
import { reasonText } from '../watch/watch-state.ts';
import { watchJob } from '../watch/watch-job.ts';
import { apiAction, examples, type CommandContext } from './context.ts';
import { collect, collectList, waitSeconds, wholeNumber } from './option-values.ts';

interface SubmitOptions extends JobOptions {
  input?: string[];
  idempotencyKey?: string;
  watch?: boolean;
  wait?: number;
  out?: string;
  cancelOnInterrupt?: boolean;
}

export function addSubmit(parent: Command, context: CommandContext): void {
  const option = (flags: string, description: string, group: string) => new Option(flags, description).helpGroup(group);
  const WHAT = 'What to do:';
  const HOW = 'How to run it:';
  const THEN = 'And then:';
  parent
    .command('submit')
    .description('Submit a job')
    .argument('[service]', 'which service; "switchyard services" lists them')
    .addOption(
      option(
        '-i, --input <field=source>',
        'input of the payload: @path uploads a file, else a URI; repeatable',
        WHAT,
      ).argParser(collect),
    )
    .addOption(
      option(
        '--set <path=value>',
        'set a payload field: JSON, else text; a.b, list[0], list[]; repeatable',
        WHAT,
      ).argParser(collect),
    )
    .addOption(option('--payload <json>', 'the payload: JSON, @file, or - for standard input', WHAT))
    .addOption(option('--job <file>', 'a whole job document from a file, or - for standard input', WHAT))
    .addOption(option('--pool <pool>', 'run in this pool; otherwise the job is routed', HOW))
    .addOption(
      option('--priority <1-5>', '1 is served first, 5 last; 3 unless given', HOW).argParser(wholeNumber(1, 5)),
    )
    .addOption(option('--tag <tag>', 'for filters and search; repeatable', HOW).argParser(collectList))
    .addOption(option('--metadata <key=value>', 'kept with the job; repeatable', HOW).argParser(collect))
    .addOption(option('--start-timeout <duration>', 'longest wait for the first start, e.g. 5m', HOW))
    .addOption(option('--run-timeout <duration>', 'longest run of one attempt, e.g. 90s', HOW))
    .addOption(option('--deadline <when>', 'the result is of no use later: 2h, or an RFC 3339 time', HOW))
    .addOption(
      option('--max-attempts <n>', 'attempts that may fail before the job fails', HOW).argParser(wholeNumber(1, 100)),
    )
    .addOption(option('--machine-type <type>', 'kind of machine it needs', HOW).choices(['gpu', 'cpu', 'api']))
    .addOption(option('--gpu-count <n>', 'GPUs the machine must have', HOW).argParser(wholeNumber(0, 64)))
    .addOption(option('--gpu-memory-mb <n>', 'memory of each of them, MiB', HOW).argParser(wholeNumber(0, 10_000_000)))
    .addOption(option('--connector <name>', 'only this connector', HOW))
    .addOption(option('--model <name>', 'a model that the worker must have', HOW))
    .addOption(option('--artifact-retention <duration>', 'how long outputs are kept, e.g. 30d', HOW))
    .addOption(option('--idempotency-key <key>', 'the same key and job again gives the same job', HOW))
    .addOption(option('-w, --watch', 'watch it to its end', THEN))
    .addOption(
      option('--wait <seconds>', 'wait for its end without showing progress', THEN)
        .argParser(waitSeconds)
        .conflicts('watch'),
    )
    .addOption(option('-o, --out <dir>', 'with --watch or --wait: fetch the artifacts into this folder', THEN))
    .addOption(option('--cancel-on-interrupt', 'with --watch: the first Ctrl-C cancels the job', THEN))
    .addHelpText(
      'after',
      examples(
        ['switchyard submit upscale -i image=@photo.png --set scale=4 --watch --out .', ''],
        ['switchyard submit simulation --set duration=5s --priority 1 --tag nightly', ''],
        ['switchyard submit simulation --payload @payload.json --wait 60 --json', ''],
        ['ID=$(switchyard submit --job examples/jobs/simulation-quick.json)', 'prints the id alone'],
      ),
    )
    .action(apiAction(context, submit));
}

async function submit(session: Session, service: string | undefined, options: SubmitOptions): Promise<ExitCode> {
  if (options.out !== undefined && !options.watch && options.wait === undefined) {
    throw usageError('--out needs --watch or --wait', 'Without them there is nothing to fetch yet.');
  }
  const inputs = await parseInputs(options.input ?? [], session.terminal);
  const document = await buildJobDocument(service, options, inputs.references, session.terminal);
  const startedAt = performance.now();
  const accepted = await send(session, document, inputs.files, options);
  rememberJob(session.api, accepted);
  const left = options.wait === undefined ? 0 : options.wait - (performance.now() - startedAt) / 1_000;
  const job = left > 0 && !isTerminal(accepted.status) ? await waitForEnd(session.api, accepted.id, left) : accepted;
  if (options.watch) {
    if (!session.json) announce(session, job, true);
    return watchJob(session, job.id, { ...options, patient: true });
  }
  if (options.wait === undefined) {
    if (session.json) sayJson(session.terminal, job);
    else {
      announce(session, job, false);
      say(session.terminal, job.id);
      note(session.terminal, session.terminal.errorStyle.dim(`Watch it: switchyard watch ${job.id}`));
    }
    return EXIT.ok;
  }
  await finishJob(session, job, { out: options.out, json: session.json ? 'document' : 'no' });
  if (!isTerminal(job.status)) note(session.terminal, `Not done within ${options.wait} s; the job goes on.`);
  return exitCodeOfStatus(job.status);
}

async function send(
  session: Session,
  document: Awaited<ReturnType<typeof buildJobDocument>>,
  files: Awaited<ReturnType<typeof parseInputs>>['files'],
  options: SubmitOptions,
): Promise<JobView> {
  // A key of our own makes it safe to send the job again when the answer was lost.
  const request = { idempotencyKey: options.idempotencyKey ?? randomUUID(), waitSeconds: firstWait(options.wait) };
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const trySend = async () => {
    if (files.length === 0) return jobApi(session.api).submit(document, request);
    const meter = createByteMeter(session, `Sending ${files.map((file) => file.name).join(', ')}`, bytes);
    try {
      return await submitFiles(session.api, document, files, { ...request, onBytes: meter.add });
    } finally {
      meter.stop();
    }
  };
  try {
    return await withRetries(trySend, sayTryingAgain(session.terminal));
  } catch (error) {
    throw withServiceHint(error, document.service);
  }
}

/** For a payload that is not valid, the way out is the service's own page. */
function withServiceHint(error: unknown, service: string): unknown {
  if (!(error instanceof ApiError) || error.problem.code !== 'validation') return error;
  const wrong = error.problem.errors ?? [];
  const hint = wrong.some(({ pointer }) => pointer.startsWith('/payload'))
    ? `"switchyard services ${service}" shows what it takes.`
    : wrong.some(({ pointer }) => pointer === '/service')
      ? '"switchyard services" lists them.'
      : ERROR_CODES.validation.help;
  return new ApiError(error.problem, error.retryAfterMs, hint);
}

function announce({ terminal }: Session, job: JobView, watched: boolean): void {
  const { errorStyle: style } = terminal;
  const why = job.status_reason && job.status_reason !== 'starting' ? `, ${reasonText(job.status_reason)}` : '';
  const where = job.pool === UNMATCHED_POOL || job.pool === ANY_POOL ? '' : `pool ${job.pool}, `;
  note(
    terminal,
    `${style.good('Submitted')} ${job.service} ${style.bold(job.id)} ${style.dim(where + job.status + why)}`,
  );
  if (why && job.status_message && !watched) note(terminal, style.warn(job.status_message));
}
