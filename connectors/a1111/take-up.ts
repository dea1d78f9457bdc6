import { isTask, lookAt, runsNow, type TaskState } from './task-state.ts';
import type { WorkRequest } from './build-request.ts';
import type { SavedPicture, SavedPictures } from './saved-pictures.ts';
import { stopTask } from './stop-task.ts';
import { TaskWatch, type WatchDeps } from './watch-task.ts';

/** Polls without any progress after which it is asked whether the task still runs. */
const QUIET_POLLS = 3;

/**
 * Deals with a submission whose answer can no longer come: its connection is gone, and the server gives a result to
 * nobody else. Where it keeps files, the task is watched to its end and its pictures are fetched. Where it does not,
 * what still runs is stopped: nobody would get it.
 * @param saved undefined: the server keeps no files of this submission
 * @returns the pictures; undefined when the job has to be submitted again, which the report then says
 */
export async function takeUp(
  taskId: string,
  request: WorkRequest,
  saved: SavedPictures | undefined,
  deps: WatchDeps,
): Promise<SavedPicture[] | undefined> {
  const { client, context, report } = deps;
  if (!isTask(taskId)) {
    report.note('the answer to the last attempt was lost, and extras keep nothing: done again');
    return undefined;
  }
  const state = await lookAt(client, taskId, context.signal);
  context.logger.info({ task_id: taskId, state: state.place }, 'looking for the run of an earlier attempt');
  if (!saved) {
    await stopIfThere(taskId, state, deps);
    return undefined;
  }
  if (isThere(state)) {
    report.step('found again at the server');
    await untilOver(taskId, deps);
  }
  const found = await saved.find(taskId, request, context.signal);
  if (!found) {
    const known = state.place === 'unknown' ? 'does not know the run of the last attempt' : 'has not kept its pictures';
    report.note(`Automatic1111 ${known}: submitted again`);
  }
  return found;
}

async function stopIfThere(taskId: string, state: TaskState, deps: WatchDeps): Promise<void> {
  const { client, context, settings, report } = deps;
  if (!isThere(state)) {
    const known =
      state.place === 'finished'
        ? 'had finished the run of the last attempt, but the answer was lost with its connection'
        : state.blind
          ? 'cannot tell what has become of the last attempt'
          : 'does not know the run of the last attempt';
    report.note(`Automatic1111 ${known}: submitted again`);
    return;
  }
  report.step('stopping the run of the last attempt: its answer is lost');
  const gone = await stopTask(client, taskId, { withinMs: settings.cancel_seconds * 1_000, signal: context.signal });
  const how = gone ? 'it was stopped' : 'it could not be stopped';
  report.note(`the run of the last attempt lost its connection, and with it its pictures: ${how}, and submitted again`);
}

/** Watches it to its end. One that failed goes on being called active, though nothing runs. */
async function untilOver(taskId: string, deps: WatchDeps): Promise<void> {
  const { client, context, settings } = deps;
  const quietMs = QUIET_POLLS * settings.poll_seconds * 1_000;
  const watch = new TaskWatch(taskId, deps);
  for (;;) {
    const state = await watch.watch(
      (seen, forMs) => !isThere(seen) || (seen.place === 'active' && forMs > quietMs && seen.progress === 0),
      context.signal,
    );
    if (state.place === 'queued') continue;
    if (state.place !== 'active' || !(await runsNow(client, taskId, context.signal))) return;
  }
}

function isThere({ place }: TaskState): boolean {
  return place === 'active' || place === 'queued';
}
