import { z } from 'zod';
import { MACHINE_ID } from '../../contract/machine-card.ts';
import type { ApiContext } from '../context.ts';
import { HttpProblem } from '../http/http-problem.ts';
import { readQuery } from '../http/read-query.ts';
import { ref } from '../openapi/operation.ts';
import type { Route } from '../route.ts';
import { streamMachines } from '../watch/machine-stream.ts';
import { SseStream } from '../watch/sse-stream.ts';

const querySchema = z.strictObject({ machine: z.string().regex(MACHINE_ID, 'is no id of a machine').optional() });

export function getMachineEvents(api: ApiContext): Route {
  return {
    method: 'get',
    path: '/machines/events',
    operation: {
      id: 'watchMachines',
      tag: 'machines',
      summary: 'Watch machines',
      description:
        'Server-sent events: `machines` first, with all of them as they are, then `machine` for each that changes or ' +
        'beats, and `machine_gone`. A slow client gets the newest card of each. There is no end; who was cut off ' +
        'connects again and gets all anew.',
      parameters: [
        { name: 'machine', in: 'query', description: 'Only this one', schema: { type: 'string' }, example: 'box1' },
      ],
      answers: {
        200: {
          description: 'The events',
          content: {
            'text/event-stream': { schema: { type: 'string', description: 'Each data field is a MachineEvent' } },
            'application/json': { schema: ref('MachineEvent') },
          },
        },
      },
      problems: ['validation', 'rate_limited'],
    },
    async handle(req, res) {
      const { machine } = readQuery(req, querySchema);
      if (req.method === 'HEAD') {
        res.status(200).end();
        return;
      }
      if (!api.streams.take()) {
        throw new HttpProblem('rate_limited', 'Too many event streams are open here', {
          headers: { 'Retry-After': '5' },
        });
      }
      api.metrics.connections.inc({ kind: 'sse' });
      const stream = new SseStream(res);
      const hungUp = new Promise<void>((resolve) => res.once('close', resolve));
      const end = streamMachines(api.machines, stream, machine);
      const onClosing = () => stream.close('shutdown');
      api.closing.addEventListener('abort', onClosing, { once: true });
      await hungUp;
      api.closing.removeEventListener('abort', onClosing);
      end();
      api.streams.give();
      api.metrics.connections.dec({ kind: 'sse' });
    },
  };
}
