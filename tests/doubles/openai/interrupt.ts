import type { Fault } from '../hosted/faults.ts';
import { interruptStream } from '../hosted/interrupt.ts';
import type { EventStream } from '../hosted/wire.ts';

/** Carries out a fault in the middle of a stream. @returns whether the stream is over */
export function interrupt(fault: Fault, events: EventStream): boolean {
  return interruptStream(fault, events, {
    garbage: 'data: {"id": "chatcmpl-',
    sendError: (to, error) =>
      to.send({ error: error ?? { message: 'The server had an error', type: 'server_error', code: null } }),
  });
}
