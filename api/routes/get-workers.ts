import { JOBS_TASK_QUEUE, parseTaskQueue } from '../../contract/task-queues.ts';
import type { ApiContext } from '../context.ts';
import { json, ref } from '../openapi/operation.ts';
import type { Route } from '../route.ts';

export function getWorkers(api: ApiContext): Route {
  return {
    method: 'get',
    path: '/workers',
    operation: {
      id: 'listWorkers',
      tag: 'operation',
      summary: 'List the workers that are there',
      description:
        'From their heartbeats, a few seconds old at most. A process has one worker per queue; the queue `jobs` is ' +
        "the orchestrators'.",
      answers: { 200: json('All workers', ref('WorkerList')) },
    },
    handle(_req, res) {
      // Temporal's own workers beat too.
      const ours = (queue: string) => queue === JOBS_TASK_QUEUE || parseTaskQueue(queue) !== undefined;
      res.json({ workers: api.presence.workers().filter((worker) => ours(worker.task_queue)) });
    },
  };
}
