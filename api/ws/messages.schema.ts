import { z } from 'zod';

const ref = z.union([z.string().max(100), z.number()]).optional();
const jobId = z.string().min(1).max(255);

/** What a client may send. `ref` comes back with the answer. */
export const clientMessageSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('subscribe'),
    job_id: jobId,
    last_event_id: z.string().max(100).optional(),
    ref,
  }),
  z.strictObject({ type: z.literal('unsubscribe'), job_id: jobId, ref }),
  z.strictObject({ type: z.literal('ping'), ref }),
]);

export type ClientMessage = z.output<typeof clientMessageSchema>;
