import { isTerminal, type JobView } from '../../contract/job-view.ts';
import { followJob, isLive } from '../api-client/event-stream.ts';
import { jobApi } from '../api-client/jobs.ts';
import { CliError } from '../cli-error.ts';
import { EXIT, exitCodeOfStatus, type ExitCode } from '../exit-codes.ts';
import { finishJob } from '../output/finish-job.ts';
import type { Session } from '../session.ts';
import { note } from '../terminal.ts';
import { createBarReporter } from './bar-reporter.ts';
import { createJsonReporter } from './json-reporter.ts';
import { createLineReporter } from './line-reporter.ts';
import type { Reporter } from './reporter.ts';
import { applyEvent, type WatchState } from './watch-state.ts';

export interface WatchOptions {
  /** Folder to fetch the artifacts into when the job has completed. */
  out?: string;
  /** The first Ctrl-C cancels the job and goes on watching; the second one leaves. */
  cancelOnInterrupt?: boolean;
  /** The job is known to exist: wait for an API that is away even at the first try. */
  patient?: boolean;
}

/**
 * Shows a job until it ends, or until Ctrl-C, which leaves it running.
 * @returns the exit code that tells how the job ended
 */
export async function watchJob(session: Session, jobId: string, options: WatchOptions = {}): Promise<ExitCode> {
  const { terminal } = session;
  const reporter = createReporter(session);
  const leave = new AbortController();
  let interrupts = 0;
  let cancelling = false;
  const release = terminal.onInterrupt(() => {
    interrupts++;
    if (!options.cancelOnInterrupt || interrupts > 1) return leave.abort();
    reporter.notice('Cancelling; Ctrl-C again stops watching.');
    cancelling = true;
    jobApi(session.api)
      .cancel(jobId)
      .catch((error: Error) => {
        cancelling = false;
        reporter.notice(`The job could not be cancelled: ${error.message}`);
      });
  });
  try {
    const job = await follow(session, jobId, reporter, leave.signal, options.patient ?? false);
    reporter.close();
    await finishJob(session, job, { out: options.out, json: session.json ? 'stream' : 'no' });
    return exitCodeOfStatus(job.status);
  } catch (error) {
    reporter.close();
    if (!leave.signal.aborted) throw error;
    note(terminal, `Stopped watching; job ${jobId} ${cancelling ? 'was asked to stop' : 'goes on'}.`);
    note(terminal, `  Watch it again: switchyard watch ${jobId}`);
    if (!cancelling) note(terminal, `  Cancel it:      switchyard cancel ${jobId}`);
    return EXIT.interrupted;
  } finally {
    release();
  }
}

async function follow(
  session: Session,
  jobId: string,
  reporter: Reporter,
  signal: AbortSignal,
  patient: boolean,
): Promise<JobView> {
  let state: WatchState | undefined;
  const events = followJob(session.api, jobId, {
    signal,
    patient,
    live: 'tokens',
    onAway: (error) => reporter.notice(`The API is away (${error.message}); the job goes on, waiting for the API.`),
    onBack: () => reporter.notice('The API is back.'),
  });
  for await (const event of events) {
    if (isLive(event)) {
      reporter.live(event);
      continue;
    }
    const before = state;
    state = applyEvent(state, event, performance.now());
    if (state) reporter.update(event, state, before);
    if (event.type === 'end') return event.job;
    // A job that has ended long ago: its snapshot says all.
    if (event.type === 'snapshot' && isTerminal(event.job.status) && session.json === false) return event.job;
  }
  throw new CliError(EXIT.error, `The events of job ${jobId} ended without its end`);
}

function createReporter({ terminal, json }: Session): Reporter {
  if (json) return createJsonReporter(terminal);
  return terminal.stdout.isTTY && terminal.env['TERM'] !== 'dumb'
    ? createBarReporter(terminal)
    : createLineReporter(terminal);
}
