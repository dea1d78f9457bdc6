import { z } from 'zod';
import { parseEventId } from '../../contract/job-events.ts';
import { splitEventId } from '../../contract/live-events.ts';
import type { ApiContext } from '../context.ts';
import { HttpProblem } from '../http/http-problem.ts';
import { readQuery } from '../http/read-query.ts';
import { ref } from '../openapi/operation.ts';
import type { Route } from '../route.ts';
import { LIVE_CHOICES } from '../watch/live-choice.ts';
import { LiveJobSink } from '../watch/live-job-sink.ts';
import { SseStream } from '../watch/sse-stream.ts';
import { jobIdOf, noJob } from './find-job.ts';

export function getEvents(api: ApiContext): Route {
  return {
    method: 'get',
    path: '/jobs/:id/events',
    operation: {
      id: 'watchJob',
      tag: 'jobs',
      summary: 'Watch a job',
      description:
        'Server-sent events: `snapshot` first, then every change of state (`state`) and the latest `progress`, and ' +
        '`end` always, after which the stream closes; each of their `data` is one JobEvent. Between snapshot and end ' +
        'comes what the job tells live, each a LiveEvent: `token` for text as it is written, `preview` for unfinished ' +
        'pictures, `reset` when another attempt begins, and `dropped` for exactly what a slow or late client will not ' +
        'get. A client that was cut off comes back with the last id it has seen (browsers do so by themselves), is told ' +
        'every change of state since, and goes on in the live channel where it was. Skip types that you do not know. ' +
        'Comments keep the connection alive every 15 s.',
      parameters: [
        { name: 'Last-Event-ID', in: 'header', description: 'The last event seen', schema: { type: 'string' } },
        {
          name: 'last_event_id',
          in: 'query',
          description: 'The same, for clients without headers',
          schema: { type: 'string' },
        },
        {
          name: 'live',
          in: 'query',
          description: 'What of the live channel comes too',
          schema: { type: 'string', enum: [...LIVE_CHOICES], default: 'all' },
        },
      ],
      answers: {
        200: {
          description: 'The events',
          content: {
            'text/event-stream': {
              schema: { type: 'string', description: 'Each data field is a JobEvent or a LiveEvent' },
              example:
                'id: 0-1-1-1-4\nevent: progress\ndata: {"type":"progress","id":"0-1-1-1-4","job_id":"…","attempt":1,"progress":{"seq":4,"percent":25,"updated_at":"2026-01-31T12:00:00.000Z"}}\n',
            },
            'application/json': { schema: { anyOf: [ref('JobEvent'), ref('LiveEvent')] } },
          },
        },
        204: { description: 'The end was the last event seen: nothing more will come, browsers stop asking' },
      },
      problems: ['not_found', 'validation', 'rate_limited'],
    },
    async handle(req, res) {
      const query = readQuery(req, querySchema);
      const { eventId, cursor } = lastEventId(req.headers['last-event-id'] ?? query.last_event_id);
      // Ids of another make are ignored, as the specification of event streams wants: the snapshot tells everything.
      const after = parseEventId(eventId);
      const id = jobIdOf(req);
      // A HEAD request would wait for the end of the job without ever being sent a byte.
      if (after?.ended === 1 || req.method === 'HEAD') {
        const live = await api.reader.describe(id);
        if (!live) throw noJob(id);
        // All ends have one id: that of another job says nothing about this one, which goes on.
        const over = live.workflow !== 'running';
        if (over || req.method === 'HEAD') {
          res.status(req.method === 'HEAD' ? 200 : 204).end();
          return;
        }
      }
      if (!api.streams.take()) {
        throw new HttpProblem('rate_limited', 'Too many event streams are open here', {
          headers: { 'Retry-After': '5' },
        });
      }
      api.metrics.connections.inc({ kind: 'sse' });
      const hungUp = new Promise<void>((resolve) => res.once('close', resolve));
      hungUp
        .then(() => {
          api.streams.give();
          api.metrics.connections.dec({ kind: 'sse' });
        })
        .catch(() => undefined);
      const sink = new LiveJobSink(new SseStream(res), api.live, id, query.live, cursor);
      hungUp.then(() => sink.stop()).catch(() => undefined);
      const subscription = await api.hub.subscribe(id, sink, after);
      if (!subscription) throw noJob(id);
      await hungUp;
      subscription.end();
    },
  };
}

const querySchema = z.strictObject({
  last_event_id: z.string().optional(),
  live: z.enum(LIVE_CHOICES).default('all'),
});

function lastEventId(value: string | string[] | undefined) {
  return splitEventId(typeof value === 'string' ? value : '');
}
