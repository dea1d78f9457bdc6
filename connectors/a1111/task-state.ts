import { randomBytes } from 'node:crypto';
import type { A1111Client } from './a1111-client.ts';

/** Where a task is. `unknown`: never heard of, or forgotten; the server remembers the last 16 finished ones. */
export type TaskPlace = 'queued' | 'active' | 'finished' | 'unknown';

export interface TaskState {
  place: TaskPlace;
  /** 0–1. */
  progress: number;
  etaMs?: number;
  text?: string;
  preview?: { bytes: Buffer; mime: string; id: number };
  /** The server tells what runs, but not what waits or has finished (`--nowebui`). */
  blind?: boolean;
}

/** In the form that the web UI itself gives its tasks; a new one for each submission. */
export function newTaskId(): string {
  return `task(switchyard-${randomBytes(8).toString('hex')})`;
}

/**
 * Marks a submission to extras, which take no task id: it can be said that it was made, not how it is.
 */
export function newExtrasId(): string {
  return `extras(switchyard-${randomBytes(8).toString('hex')})`;
}

export function isTask(id: string): boolean {
  return id.startsWith('task(');
}

/**
 * Looks how a task is.
 * @param afterPreview number of the last preview; undefined: none is wanted
 */
export async function lookAt(
  client: A1111Client,
  taskId: string,
  signal?: AbortSignal,
  afterPreview?: number,
): Promise<TaskState> {
  const task = await client.task(taskId, { signal, afterPreview });
  if (!task) {
    const { currentTask, idle, progress, etaMs, text } = await client.progress(signal);
    const ours = !idle && currentTask === taskId;
    return { place: ours ? 'active' : 'unknown', progress: ours ? progress : 0, etaMs, text, blind: true };
  }
  const place = task.active ? 'active' : task.queued ? 'queued' : task.completed ? 'finished' : 'unknown';
  return {
    place,
    progress: task.progress,
    etaMs: task.etaMs,
    text: task.text,
    preview: previewOf(task.preview, task.previewId),
  };
}

/**
 * Whether this very task is what the server works on now. A task that ended with an error goes on being called active
 * until the next one begins; then nothing runs.
 */
export async function runsNow(client: A1111Client, taskId: string, signal?: AbortSignal): Promise<boolean> {
  const { place, blind } = await lookAt(client, taskId, signal);
  if (place !== 'active') return false;
  return blind === true || !(await client.progress(signal)).idle;
}

function previewOf(uri: string | undefined, id = 0): TaskState['preview'] {
  const [, mime, base64] = /^data:(image\/[\w.+-]+);base64,(.+)$/s.exec(uri ?? '') ?? [];
  return mime && base64 ? { bytes: Buffer.from(base64, 'base64'), mime, id } : undefined;
}
