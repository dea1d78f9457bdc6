import { CheckFailure, type ContractBench, type ContractEnd, type ContractJob, NotApplicable } from './bench.ts';

/** What is asked of every connector, whoever runs the jobs. */
export interface ContractCheck {
  id: 'runs' | 'apart' | 'progress' | 'underway' | 'cancel' | 'handover';
  title: string;
  /** Jobs that it starts where each costs money: those of `finished()` count once. */
  jobs(bench: Pick<ContractBench, 'crowd'>): number;
  /** @throws CheckFailure, NotApplicable */
  run(bench: ContractBench): Promise<void>;
}

const ONCE = 'A submission costs: track the id of the service before waiting (trackServiceJob), and ask for it first.';

/** A job that completes this soon after its cancel may have been done before it. Milliseconds. */
const AT_ONCE = 1_000;

/** In the order in which they make sense. The first one pays for those that look at the same job. */
export const CONTRACT_CHECKS: readonly ContractCheck[] = [
  {
    id: 'runs',
    title: 'a job runs once, with a result or outputs',
    jobs: () => 1,
    async run(bench) {
      const job = await bench.finished();
      const { result, artifacts } = completed(await job.ended);
      once(bench, job);
      if ((result === undefined || result === null) && artifacts.length === 0) {
        throw new CheckFailure(
          'the job has neither a result nor outputs',
          'Return `result`, or `artifacts` from writeOutput.',
        );
      }
      for (const ref of artifacts) {
        if (ref.bytes > 0 && (await bench.stored(ref))) continue;
        throw new CheckFailure(
          `the output ${ref.name} (${ref.bytes} bytes) is empty or not in the store`,
          'Return what context.writeOutput returned, and await it.',
        );
      }
    },
  },
  {
    id: 'progress',
    title: 'progress never falls and ends at 100',
    jobs: () => 0,
    async run(bench) {
      const job = await bench.finished();
      completed(await job.ended);
      const values = job.progress();
      const wrong = values.find((value, index) => !(value >= 0 && value <= 100) || value < (values[index - 1] ?? 0));
      if (wrong !== undefined || values.at(-1) !== 100) {
        throw new CheckFailure(
          `progress was ${values.length === 0 ? 'never told' : values.join(', ')}`,
          'Report values from 0 to 100 that never fall, and 100 at the end.',
        );
      }
    },
  },
  {
    id: 'underway',
    title: 'progress is told on the way',
    jobs: () => 0,
    async run(bench) {
      const job = await bench.finished();
      completed(await job.ended);
      if (job.progress().some((value) => value > 0 && value < 100)) return;
      throw new CheckFailure(
        `progress was ${job.progress().join(', ') || 'never told'}`,
        'Report what the service tells; where it tells nothing, say so in the test.',
      );
    },
  },
  {
    id: 'apart',
    title: 'jobs at one time do not mix',
    jobs: ({ crowd }) => crowd,
    async run(bench) {
      const jobs = await Promise.all(Array.from({ length: bench.crowd }, () => bench.start()));
      const ends = await Promise.all(jobs.map(async ({ ended }) => completed(await ended)));
      for (const job of jobs) once(bench, job);
      const ids = ends.map(({ serviceJobId }) => serviceJobId).filter(Boolean);
      if (new Set(ids).size < ids.length) {
        throw new CheckFailure(
          `jobs share an id at the service: ${ids.join(', ')}`,
          'Keep what belongs to a job in processJobImpl, not in fields of the connector.',
        );
      }
    },
  },
  {
    id: 'cancel',
    title: 'a cancel while running ends this job and no other',
    jobs: () => 2,
    async run(bench) {
      const first = await bench.start({ hold: true });
      await first.atWork();
      const second = await bench.start({ hold: true });
      // Where the service gets one job at a time, the other one waits in the worker.
      const [job, other] = bench.oneAtATime ? [first, second] : [second, first];
      await working(job, 'cancelled');
      const asked = performance.now();
      await job.cancel();
      const end = await job.ended;
      if ('completed' in end && performance.now() - asked < AT_ONCE) {
        throw new NotApplicable('the job ended by itself as it was cancelled; give one that takes longer with --job');
      }
      if (!('cancelled' in end)) {
        throw new CheckFailure(
          `the cancelled job ${told(end)}`,
          'Hand context.signal to everything that waits, and throw signal.reason.',
        );
      }
      const stopped = await bench.stopped(job);
      bench.release();
      const rest = await other.ended;
      if ('cancelled' in rest || (await isStoppedEarly(bench, other, rest))) {
        throw new CheckFailure(
          'the other job was stopped too',
          'Cancel by the id of the job, never "the current one".',
        );
      }
      completed(rest);
      once(bench, other);
      if (stopped === false) {
        throw new CheckFailure(
          'the service goes on with the cancelled job',
          'Implement cancelJobImpl: tell the service, by the id that was tracked.',
        );
      }
      if ((bench.submissions(job) ?? 1) > 1) throw new CheckFailure('the cancelled job was submitted again', ONCE);
    },
  },
  {
    id: 'handover',
    title: 'a worker that leaves hands the job on, and nothing is submitted twice',
    jobs: () => 1,
    async run(bench) {
      const job = await bench.start({ hold: true });
      await working(job, 'handed on');
      await bench.handOver(job);
      bench.release();
      completed(await job.ended);
      once(bench, job);
    },
  },
];

/** A hung-up stream may look stopped although the job has completed: only one that has not counts. */
async function isStoppedEarly(bench: ContractBench, job: ContractJob, end: ContractEnd): Promise<boolean> {
  return !('completed' in end) && (await bench.stopped(job)) === true;
}

async function working(job: ContractJob, what: string): Promise<void> {
  if (await job.atWork()) return;
  const end = await job.ended;
  if (!('completed' in end)) completed(end);
  throw new NotApplicable(`the job ended before it could be ${what}; give one that takes longer with --job`);
}

function completed(end: ContractEnd) {
  if ('completed' in end) return end.completed;
  const advice =
    'failed' in end && end.failed.code === 'internal'
      ? 'An error without a code counts as internal: throw a ConnectorError with a code of docs/errors.md.'
      : 'docs/errors.md says what the code means. If the job itself is at fault, give another one with --job.';
  throw new CheckFailure(`the job ${told(end)}`, advice);
}

function told(end: ContractEnd): string {
  if ('completed' in end) return 'completed';
  return 'failed' in end ? `failed with ${end.failed.code}: ${end.failed.message}` : 'was cancelled';
}

function once(bench: ContractBench, job: ContractJob): void {
  const times = bench.submissions(job);
  if (times !== undefined && times !== 1) throw new CheckFailure(`the service has taken the job ${times} times`, ONCE);
}
